"""The text of a recipe that is kept beside its results: the whole of it, for any folder, with its comments if it can."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from danlu.recipe.paths import absolute, anchored, seen_from
from danlu.recipe.read import parse
from danlu.recipe.schema import FORMAT
from danlu.recipe.written import Location, Place, Written, existing, plain, replaced
from danlu.workspace.errors import RecipeError


def kept_text(tree: Written, base: Path, text: str | None = None, *, own_code: bool = False) -> str:
    """YAML of the recipe `tree`, which lies in `base`, with all its paths absolute.

    Where `text` says the same but for the paths, it is that text with the paths exchanged; else it is written anew.
    `own_code`: the recipe names modules of the user's, so that it must say in which folder they are.
    """
    whole = anchored(tree, base, whole=True)
    folder = absolute(base) if own_code else None
    wanted = plain(whole) if folder is None else {**plain(whole), "code": folder}
    if text is not None:
        edited = _exchanged(text, list(_changes(tree, whole)))
        if folder is not None and "code" not in tree.value:
            edited = f"code: {_quoted(folder)}\n{edited}"
        if _says(edited, wanted):
            return edited
    return _dumped({"format": FORMAT, **wanted})


def _dumped(data: Any) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)


def kept_in(text: str, folder: Path, project: Path) -> str:
    """A `kept_text` for a file in `folder`: paths below `project`, where `folder` lies too, are those as seen from there."""
    tree = parse(text, Place(str(folder), folder=folder))
    return _edited(text, tree, seen_from(tree, folder, project))


def with_values(text: str, values: Mapping[Location, str]) -> str:
    """The text of a recipe with other words at some places of it."""
    tree = changed = parse(text, Place("text", folder=Path()))  # a file has lines
    for location, value in values.items():
        place, entry = existing(tree, location)
        assert place == location
        changed = replaced(changed, location, Written(value, entry.place))
    return _edited(text, tree, changed)


def _edited(text: str, before: Written, after: Written) -> str:
    """The text of `before` as that of `after`, with its comments if it can."""
    edited = _exchanged(text, list(_changes(before, after)))
    return edited if _says(edited, plain(after)) else _dumped(plain(after))


class _Change(NamedTuple):
    """A path that is another one now, on a line of the text, and the name that its source keeps."""

    line: int
    key: str
    old: str
    new: str
    name: str | None


def _changes(before: Written, after: Written) -> Iterator[_Change]:
    if isinstance(before.value, list):
        for old, new in zip(before.value, after.value, strict=True):
            yield from _changes(old, new)
    elif isinstance(before.value, dict):
        for key, old in before.value.items():
            new = after.value[key]
            if isinstance(old.value, dict | list):
                yield from _changes(old, new)
            elif old.value != new.value:
                name = after.value["name"].value if "name" not in before.value and "name" in after.value else None
                yield _Change(old.place.line or 0, str(key), old.value, new.value, name)


def _exchanged(text: str, changes: list[_Change]) -> str:
    lines = text.split("\n")
    for change in sorted(changes, reverse=True):
        if not 0 < change.line <= len(lines):
            continue
        line = lines[change.line - 1]
        found = re.search(rf"(?<![\w-]){re.escape(change.key)}:\s*(['\"]?){re.escape(change.old)}\1", line)
        if found is None:
            continue
        new = f"{change.key}: {_quoted(change.new)}"
        if change.name is not None:
            between = ", " if "{" in line[: found.start()] else "\n" + " " * found.start()
            new += f"{between}name: {_quoted(change.name)}"
        lines[change.line - 1] = line[: found.start()] + new + line[found.end() :]
    return "\n".join(lines)


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _says(text: str, wanted: Any) -> bool:
    try:
        return bool(plain(parse(text, Place("text"))) == wanted)
    except RecipeError:
        return False
