"""`--set key.of.recipe=value`: one change of a recipe, the value in YAML; `key+=value` puts it at the end of a list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from danlu.recipe.keys import nearest
from danlu.recipe.read import parse
from danlu.recipe.written import NAMED, Location, Place, Written, dotted, without
from danlu.workspace.errors import RecipeError
from danlu.workspace.messages import listed

PART = re.compile(r""""([^"]+)"|'([^']+)'|([^."'=]+)""")


def override(tree: Written, change: str) -> Written:
    """The recipe with one change. Whether key and value are right is for validation to say; RecipeError if there is no
    way to the key: a list without that index, a value that has no keys, an entry of that name that is not there."""
    key, equals, value = _split(change)
    place = Place(f"--set {change}")
    if not equals:
        raise RecipeError("recipe.override", where=str(place))
    return _changed(tree, key, _value(value, place), equals == "+=", place, ())


def _value(text: str, place: Place) -> Written:
    try:
        return parse(text, place)
    except RecipeError as error:
        if error.key != "recipe.syntax":
            raise
        raise RecipeError("recipe.set-value", where=str(place), **error.parameters) from None


def _split(change: str) -> tuple[list[str], str, str]:
    """Parts of the key, `=` or `+=` (empty if the change is not one), the value."""
    parts: list[str] = []
    at = 0
    while found := PART.match(change, at):
        parts.append(next(part for part in found.groups() if part).strip())
        at = found.end()
        if not change.startswith(".", at):
            break
        at += 1
    if parts and parts[-1].endswith("+") and change.startswith("=", at):
        parts[-1] = parts[-1][:-1].rstrip()
        equals = "+="
    else:
        equals = "=" if change.startswith("=", at) else ""
    return (parts, equals, change[at + 1 :]) if all(parts) and parts else ([], "", "")


def _changed(tree: Written, parts: Sequence[str], value: Written, add: bool, place: Place, at: Location) -> Written:
    if not parts:
        return _added(tree, value, place, at) if add else value
    if isinstance(tree.value, list):
        index = _index(tree, parts[0], place, at)
        child = _changed(tree.value[index], parts[1:], value, add, place, (*at, index))
        return Written([*tree.value[:index], child, *tree.value[index + 1 :]], tree.place)
    if not isinstance(tree.value, dict):
        raise RecipeError("recipe.set-through", where=str(place), key=dotted(at), value=repr(tree.value)[:80])
    key, rest = _longest(tree.value, parts)
    here = (*at, key)
    named = len(at) == 1 and at[0] in NAMED
    missing = key not in tree.value or tree.value[key].value is None
    if named and missing and (rest or value.value is None):
        if not tree.value:
            raise RecipeError("recipe.set-no-entries", where=str(place), key=dotted(here), section=dotted(at))
        choices = nearest(key, [str(name) for name in tree.value]) or listed(map(str, tree.value))
        raise RecipeError("recipe.set-no-entry", where=str(place), key=dotted(here), choices=choices)
    if named and not rest and value.value is None and not add:
        return without(tree, key)
    empty = Written({} if rest else None, place)
    child = _changed(empty if missing else tree.value[key], rest, value, add, place, here)
    return Written({**tree.value, key: child}, tree.place)


def _longest(mapping: dict[Any, Written], parts: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The first key of a path and the rest: as many parts as make a key that is there, since a name may hold dots."""
    for count in range(len(parts), 1, -1):
        if (key := ".".join(parts[:count])) in mapping:
            return key, parts[count:]
    return parts[0], parts[1:]


def _index(tree: Written, part: str, place: Place, at: Location) -> int:
    if part.isascii() and part.isdigit() and int(part) < len(tree.value):
        return int(part)
    raise RecipeError("recipe.set-index", where=str(place), key=dotted(at), count=len(tree.value), index=part)


def _added(tree: Written, value: Written, place: Place, at: Location) -> Written:
    if not isinstance(tree.value, list):
        raise RecipeError("recipe.set-add", where=str(place), key=dotted(at))
    return Written([*tree.value, *(value.value if isinstance(value.value, list) else [value])], tree.place)
