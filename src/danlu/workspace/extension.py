"""Importing a user's own code, and saying whose fault an error in it is.

Modules of the recipe's folder are imported by a finder of their own, that knows the files which entered the key and no other:
what runs is what was hashed. It never hides a module of Python or of an installed package, leaves no `__pycache__` behind and
imports anew when a file has changed, also in a process that goes on (a notebook, a server, a test).
"""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from danlu.workspace.code import Code, find_code
from danlu.workspace.errors import DanluError, RecipeError
from danlu.workspace.messages import listed


def load(name: str, folder: Path) -> Any:
    """What `module:name` stands for in a recipe that lies in `folder`. DanluError if it cannot be imported."""
    code = find_code(name, folder)
    with blaming(name, folder, "extension.import"):
        module = _import(code)
    if not hasattr(module, code.name):
        file = Path(str(module.__file__)).name
        known = listed([each for each in dir(module) if not each.startswith("_")][:12])
        raise RecipeError("extension.name-missing", where=name, name=code.name, file=file, near=known)
    return getattr(module, code.name)


def load_function(name: str, folder: Path, kind: str, arguments: Sequence[str]) -> Callable[..., Any]:
    """A function of the user's that takes these positional arguments; else the error `extension.shape-KIND`."""
    function = load(name, folder)
    require(callable(function) and _takes(function, len(arguments)), kind, name, function)
    return function  # type: ignore[no-any-return]


def require(fits: bool, kind: str, name: str, found: object) -> None:
    """RecipeError that shows the right shape of `kind` unless it fits."""
    if not fits:
        signature = f"{type(found).__name__} {_signature(found)}".strip()
        raise RecipeError(f"extension.shape-{kind}", where=name, name=name.rpartition(":")[2], found=signature)


@contextmanager
def blaming(name: str, folder: Path, key: str = "extension.failed", **facts: object) -> Iterator[None]:
    """Turn an exception that was raised in the user's code, or below it, into an error that names their file and line.

    Running out of memory and errors of danlu pass through.
    """
    try:
        yield
    except (DanluError, MemoryError):
        raise
    except Exception as error:
        place = _place_of(error, find_code(name, folder))
        if place is None:
            raise
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise DanluError(key, where=place, name=name, error=said, **facts) from error


class OwnModules(MetaPathFinder):
    """Finds the modules of one recipe's folder, by the files that entered the key."""

    of_recipe = True

    def __init__(self, code: Code) -> None:
        self.files, self.parts = dict(code.files), dict(code.parts)
        self._root = code.root or Path()

    def find_spec(self, name: str, path: object = None, target: ModuleType | None = None) -> ModuleSpec | None:
        file = self.files.get(name)
        if file is not None:
            places = [str(file.parent)] if file.name == "__init__.py" else None
            return spec_from_file_location(name, file, loader=_Fresh(name, str(file)), submodule_search_locations=places)
        if any(other.startswith(f"{name}.") for other in self.files):  # a folder without an `__init__.py`
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [str(self._root.joinpath(*name.split(".")))]
            return spec
        return None

    def owns(self, module: str) -> bool:
        return module in self.files or any(other.startswith(f"{module}.") for other in self.files)


class _Fresh(SourceFileLoader):
    """Compiles the source each time: cached code is told by size and second, and a quick edit keeps both."""

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


def _import(code: Code) -> ModuleType:
    if code.root is None:
        return importlib.import_module(code.module)
    finders = [finder for finder in sys.meta_path if isinstance(finder, OwnModules)]
    same = next((finder for finder in finders if finder.files == code.files and finder.parts == code.parts), None)
    if same is None:
        _forget(code, finders)
        _refuse_taken(code)
        sys.meta_path.insert(0, OwnModules(code))
    return importlib.import_module(code.module)


def _forget(code: Code, finders: Sequence[OwnModules]) -> None:
    """Take out what another recipe, or an earlier state of the files, left under the same names.

    Modules that another name of the same recipe uses and that did not change stay: they are found by both.
    """
    for finder in finders:
        same_files = all(finder.files.get(module, path) == path for module, path in code.files.items())
        same_texts = all(finder.parts.get(part, digest) == digest for part, digest in code.parts.items())
        if same_files and same_texts:
            continue
        sys.meta_path.remove(finder)
        for module in [name for name in sys.modules if finder.owns(name)]:
            del sys.modules[module]


def _refuse_taken(code: Code) -> None:
    """RecipeError if a module from elsewhere is already imported under a name of the user's: both would be wrong."""
    ours = {str(path) for path in code.files.values()}
    for module in code.files:
        found = getattr(sys.modules.get(module), "__file__", None)
        if found and found not in ours:
            raise RecipeError("extension.name-taken", where=str(code.files[module]), module=module)


def _takes(function: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # a function of C tells nothing of itself
        return True
    return True


def _signature(found: object) -> str:
    try:
        return str(inspect.signature(found)) if callable(found) else ""
    except (TypeError, ValueError):
        return ""


def _place_of(error: BaseException, code: Code) -> str | None:
    """`file:line` of the deepest frame in the user's files; None if the error did not pass through them."""
    if isinstance(error, SyntaxError) and error.filename in {str(path) for path in code.files.values()}:
        return f"{error.filename}:{error.lineno}"
    own = _own_files(code)
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__) if own(frame.filename)]
    return places[-1] if places else None


def _own_files(code: Code) -> Callable[[str], bool]:
    if code.root is not None:
        files = {str(path) for path in code.files.values()}
        return files.__contains__
    top = sys.modules.get(code.module.partition(".")[0])
    home = str(Path(str(getattr(top, "__file__", "") or "/nowhere")).parent) if top else "/nowhere"
    return lambda filename: filename.startswith(home)


def words_of(thing: object, fallback: str) -> Mapping[str, Mapping[str, str]]:
    """`{name: {en, zh}, definition: {en, zh}}` of a function of the user's: as declared, else its docstring's first line."""
    declared, sentence = getattr(thing, "title", None), getattr(thing, "definition", None)
    first = (inspect.getdoc(thing) or "").strip().split("\n")[0]
    return {
        "name": _both(declared, fallback.rpartition(":")[2].replace("_", " ")),
        "definition": _both(sentence, first),
    }


def _both(declared: object, fallback: str) -> dict[str, str]:
    """A word in both languages: as declared (one text for both, or a mapping), else the fallback."""
    if isinstance(declared, Mapping):
        given = {str(key): str(value) for key, value in declared.items()}
        some = next(iter(given.values()), fallback)
        return {language: given.get(language, some) for language in ("en", "zh")}
    return dict.fromkeys(("en", "zh"), str(declared) if declared else fallback)
