"""`extends`: the recipes that a recipe is laid over."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from danlu.recipe.migrate import migrate
from danlu.recipe.read import parse, read_text
from danlu.recipe.written import Place, Written, without
from danlu.workspace.errors import RecipeError
from danlu.workspace.messages import listed


def read_layers(path: Path) -> tuple[list[Written], str]:
    """The recipe at `path` and all that it extends, lowest first, in the newest format; and the text of `path`.

    Each file counts once, where it is first reached, so that what one base changes of a recipe both extend is kept.
    RecipeError if one of them is missing or broken, or if they go round in a circle.
    """
    layers: list[Written] = []
    done: set[Path] = set()

    def visit(file: Path, place: Place, chain: tuple[Path, ...]) -> str:
        text = read_text(file, place)
        here = Place(place.source, None, file.absolute().parent, place.via)
        tree = parse(text, here)
        if not isinstance(tree.value, dict):
            raise RecipeError("recipe.not-a-mapping", where=str(here))
        tree = migrate(tree)
        bases = tree.value.get("extends")
        for entry in _names(bases) if bases else ():
            base = file.parent / os.path.expanduser(entry.value)  # noqa: PTH111 (an unknown user stays as written)
            if base.resolve() in chain:
                circle = [*chain[chain.index(base.resolve()) :], base]
                raise RecipeError("recipe.circle", where=str(entry.place), files=" → ".join(each.name for each in circle))
            if not base.is_file():
                raise RecipeError("recipe.no-base", where=str(entry.place), name=entry.value, near=_near(base))
            if base.resolve() not in done:
                visit(base, Place(os.path.normpath(base), via=_lines_to(entry)), (*chain, base.resolve()))
        layers.append(without(tree, "extends"))
        done.add(file.resolve())
        return text

    return layers, visit(path, Place(str(path)), (path.resolve(),))


def _names(bases: Written) -> list[Written]:
    """The entries of `extends`: a path, or a list of them."""
    entries = bases.value if isinstance(bases.value, list) else [bases]
    for entry in entries:
        if not isinstance(entry.value, str) or not entry.value.strip() or "\0" in entry.value:
            raise RecipeError("recipe.base-name", where=str(entry.place))
    return entries


def _lines_to(entry: Written) -> tuple[str, ...]:
    """The line that names a base, and those that led to it."""
    return (f"{entry.place.source}:{entry.place.line}", *entry.place.via)


def _near(base: Path) -> str:
    """Recipes beside a path that is not there which look like it."""
    folder = base.parent
    beside = sorted(file.name for file in folder.iterdir() if file.suffix in (".yaml", ".yml")) if folder.is_dir() else []
    return listed(difflib.get_close_matches(base.name, beside, n=3, cutoff=0.5) or beside[:5])
