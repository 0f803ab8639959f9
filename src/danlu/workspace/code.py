"""A user's own code, named in a recipe as `module:name`: where it lies and which files it is made of. Nothing is imported.

A module is looked for in the recipe's folder, then on Python's path. What it imports from the same folder counts as part of
it, found in its source text, transitively. So the files that enter a key are the files that can be imported, no more.
"""

from __future__ import annotations

import ast
import difflib
import importlib.metadata
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from danlu.workspace.digest import digest_bytes
from danlu.workspace.errors import RecipeError
from danlu.workspace.messages import listed

GROUP = "danlu.extensions"
"""Entry points of this group give a short name to something of an installed package."""
NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
GROUND = frozenset({"danlu", "torch", "transformers", "tokenizers", "safetensors", "numpy", "pyarrow", "sklearn", "scipy"})
"""What danlu itself stands on: recorded in every manifest and in no key, for built-in stages and for a user's code alike."""


@dataclass(frozen=True)
class Code:
    """What `module:name` stands for. `root` is the folder of its modules (None: an installed package), `files` are the source
    files by module; `parts` is what enters a key: readable name -> digest or version."""

    module: str
    name: str
    root: Path | None
    files: Mapping[str, Path]
    parts: Mapping[str, str]


def is_own(name: str) -> bool:
    """Whether a name in a recipe is a user's: `module:name`, or the short name of an installed extension."""
    return NAME.fullmatch(name) is not None or (":" not in name and name in short_names())


@cache
def short_names() -> Mapping[str, tuple[str, str]]:
    """Short name -> (`module:name`, distribution) of every installed extension."""
    found = importlib.metadata.entry_points(group=GROUP)
    return {entry.name: (entry.value.replace(" ", ""), entry.dist.name if entry.dist else "") for entry in found}


def fingerprint(names: Iterable[str], folder: Path) -> dict[str, str]:
    """Readable name -> digest or version of all that the code of `names` is made of: `code:mymodule.py`."""
    found: dict[str, str] = {}
    for name in sorted(set(names)):
        found.update(find_code(name, folder).parts)
    return dict(sorted(found.items()))


def find_code(name: str, folder: Path) -> Code:
    """The code behind a name in a recipe that lies in `folder`. RecipeError if there is no such module or name in it."""
    module, _, attribute = (name if ":" in name else short_names()[name][0]).partition(":")
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or (top in GROUND and file_of(module, folder)):
        raise RecipeError("extension.name-taken", where=name, module=top)
    root = folder if file_of(module, folder) else _root_on_path(top)
    if root is None or not file_of(module, root):
        raise _missing(name, module, folder)
    if _is_installed(root) or top == "danlu":
        return Code(module, attribute, None, {}, dict(_installed([top])))
    files, foreign = closure(module, root)
    _require_name(name, attribute, files[module], root)
    parts = {f"code:{path.relative_to(root).as_posix()}": digest_source(path) for path in files.values()}
    return Code(module, attribute, root, files, parts | dict(_installed(foreign)) | _on_path(foreign))


def closure(module: str, root: Path) -> tuple[dict[str, Path], set[str]]:
    """Files by module of all that `module` imports from `root`, itself included, and the names of what else it imports."""
    files: dict[str, Path] = {}
    foreign: set[str] = set()
    pending = _prefixes(module)
    while pending:
        current = pending.pop()
        path = file_of(current, root)
        if current in files or path is None:
            continue
        files[current] = path
        for wanted in _imports(_parse(path, root), current, path.name == "__init__.py"):
            local = [prefix for prefix in _prefixes(wanted) if file_of(prefix, root)]
            top = wanted.partition(".")[0]
            if top not in sys.stdlib_module_names and top not in GROUND:
                pending += local
                if not local:
                    foreign.add(top)
    return files, foreign


def file_of(module: str, root: Path) -> Path | None:
    """The source file of a module below `root`: of a package its `__init__.py`, which goes before a module of that name."""
    path = root.joinpath(*module.split("."))
    for candidate in (path / "__init__.py", path.with_name(f"{path.name}.py")):
        if candidate.is_file():
            return candidate
    return None


def digest_source(path: Path) -> str:
    """Digest of a source file; line ends do not count, since version control changes them."""
    return digest_bytes(path.read_bytes().replace(b"\r\n", b"\n"))


def _prefixes(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[: place + 1]) for place in range(len(parts))]


def _parse(path: Path, root: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f"{path}:{line}" if line else str(path)
        reason = getattr(error, "msg", None) or str(error)
        raise RecipeError("extension.syntax", where=where, file=path.relative_to(root).as_posix(), reason=reason) from None


def _imports(tree: ast.Module, module: str, is_package: bool) -> Iterator[str]:
    """Dotted names that a module imports wherever in it; of `from a import b` both `a` and `a.b`, since b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                parts = module.split(".") if is_package else module.split(".")[:-1]
                above = parts[: len(parts) - node.level + 1]
                start = ".".join([*above, *([start] if start else [])])
            if start:
                yield start
            yield from (f"{start}.{alias.name}" if start else alias.name for alias in node.names if alias.name != "*")


def _require_name(asked: str, attribute: str, path: Path, root: Path) -> None:
    """RecipeError with the nearest name if a module's text shows that it has none such."""
    names = _names(_parse(path, root))
    if names is not None and attribute not in names:
        public = sorted(name for name in names if not name.startswith("_"))
        near = difflib.get_close_matches(attribute, public, n=3, cutoff=0.5) or public[:12]
        raise RecipeError(
            "extension.name-missing", where=f"{asked} ({path})", name=attribute, file=path.name, near=listed(near)
        )


def _names(tree: ast.Module) -> set[str] | None:
    """Names that a module binds at its top; None if its text does not tell (`import *`, `__getattr__`)."""
    found: set[str] = set()
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif not isinstance(node, ast.Lambda):
            pending += ast.iter_child_nodes(node)
    return None if found & {"*", "__getattr__"} else found


def _missing(name: str, module: str, folder: Path) -> RecipeError:
    here = sorted(path.stem for path in folder.glob("*.py")) if folder.is_dir() else []
    near = difflib.get_close_matches(module, here, n=3, cutoff=0.5) or here[:12]
    file = f"{module.replace('.', '/')}.py"
    return RecipeError(
        "extension.module-missing", where=name, module=module, file=file, folder=folder, near=listed(near), count=len(sys.path)
    )


def _root_on_path(top: str) -> Path | None:
    """The folder on Python's path that holds the module or package `top`."""
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec = find(top, None) if find and not getattr(finder, "of_recipe", False) else None
        if spec is not None and spec.origin and spec.origin.endswith(".py"):
            path = Path(spec.origin)
            return path.parent.parent if path.name == "__init__.py" else path.parent
        if spec is not None:
            return None
    return None


def _is_installed(root: Path) -> bool:
    return bool({"site-packages", "dist-packages"}.intersection(root.parts))


def _installed(tops: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(readable name, version) of the distributions that hold these top-level modules."""
    wanted = sorted(set(tops) - GROUND)
    holders = importlib.metadata.packages_distributions() if wanted else {}
    for top in wanted:
        for holder in sorted(set(holders.get(top, ()))):
            yield f"code:package {holder}", importlib.metadata.version(holder)


def _on_path(tops: Iterable[str]) -> dict[str, str]:
    """Digests of modules that lie neither in the recipe's folder nor in an installed package, but on Python's path."""
    found: dict[str, str] = {}
    for top in sorted(tops):
        root = _root_on_path(top)
        if root is not None and not _is_installed(root) and file_of(top, root):
            files, _ = closure(top, root)
            found |= {f"code:{path.relative_to(root).as_posix()}": digest_source(path) for path in files.values()}
    return found
