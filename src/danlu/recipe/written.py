"""What a recipe says and where it says it: a tree of values, each with its place, and how one tree is laid over another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danlu.workspace.errors import RecipeError
from danlu.workspace.messages import listed

NAMED = ("datasets", "pretrain", "finetune", "variants")
"""Maps by names that the user gives: an entry that is null there takes away the one below it."""

Location = tuple[Any, ...]


@dataclass(frozen=True)
class Place:
    """Where a value stands: a file as the user would name it, or an option such as `--set seed=1`.

    `folder` is where relative paths of that file start (None for an option). `via` are the lines that led here: of the
    recipe that extends this one, of the one that extends that, and so on.
    """

    source: str
    line: int | None = None
    folder: Path | None = None
    via: tuple[str, ...] = ()

    def __str__(self) -> str:
        own = f"{self.source}:{self.line}" if self.line else self.source
        return " ← ".join((own, *self.via))


@dataclass(frozen=True)
class Written:
    """A value (a dict or a list of Written, or a plain scalar) and its place. Never changed, so parts may be shared."""

    value: Any
    place: Place


def written(data: Any, place: Place) -> Written:
    """Plain data as if it stood at one place; what is in it that knows its own place keeps it."""
    if isinstance(data, Written):
        return data
    if isinstance(data, dict):
        return Written({key: written(value, place) for key, value in data.items()}, place)
    if isinstance(data, list | tuple):
        return Written([written(value, place) for value in data], place)
    return Written(data, place)


def plain(tree: Written) -> Any:
    """The data without places, nothing shared."""
    if isinstance(tree.value, dict):
        return {key: plain(child) for key, child in tree.value.items()}
    if isinstance(tree.value, list):
        return [plain(child) for child in tree.value]
    return tree.value


def existing(tree: Written, location: Sequence[Any]) -> tuple[Location, Written]:
    """The parts of a location that the tree has (pydantic's also name the kind of a source), and what stands there."""
    found: list[Any] = []
    for part in location:
        if (isinstance(tree.value, dict) and part in tree.value) or (
            isinstance(tree.value, list) and isinstance(part, int) and 0 <= part < len(tree.value)
        ):
            tree = tree.value[part]
            found.append(part)
    return tuple(found), tree


def replaced(tree: Written, location: Sequence[Any], value: Written) -> Written:
    """The tree with `value` at a location whose parents exist."""
    if not location:
        return value
    first, *rest = location
    if isinstance(tree.value, list):
        children = list(tree.value)
        children[first] = replaced(children[first], rest, value)
        return Written(children, tree.place)
    child = replaced(tree.value[first], rest, value) if rest else value
    return Written({**tree.value, first: child}, tree.place)


def without(tree: Written, key: Any) -> Written:
    """A mapping without one of its keys."""
    return Written({name: child for name, child in tree.value.items() if name != key}, tree.place)


def merge(below: Written, above: Written, at: Location = ()) -> Written:
    """`above` laid over `below`: mappings merge deeply, lists and scalars replace.

    Null for an entry of `datasets`, `pretrain`, `finetune` or `variants` takes it out; RecipeError if it is not there.
    """
    if not (isinstance(below.value, dict) and isinstance(above.value, dict)):
        return above
    found: dict[Any, Written] = dict(below.value)
    for key, child in above.value.items():
        here = (*at, key)
        if child.value is None and len(here) == 2 and at[0] in NAMED:
            if key not in found:
                raise RecipeError("recipe.nothing-to-take-out", where=str(child.place), key=dotted(here), names=listed(found))
            del found[key]
        else:
            found[key] = merge(found.get(key) or Written({}, child.place), child, here)
    return Written(found, above.place)


def dotted(location: Sequence[Any]) -> str:
    """A location as people write it: `pretrain.bert.budget`; a part with a dot in it stands in quotes."""
    return ".".join(f'"{part}"' if "." in str(part) else str(part) for part in location)
