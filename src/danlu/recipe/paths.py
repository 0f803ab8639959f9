"""Paths in a recipe: which keys hold them, and where they lead when the recipe is not run from its own folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from danlu.recipe.written import Location, Written, existing, replaced

SOURCES = (("collect", "sources", "*"), ("datasets", "*", "sources", "*"))
STARTS = (("finetune", "*", "from"), ("clean", "dedup", "against", "*"))
FALLBACK = (("fallback",),)
CODE = (("code",),)


def portable_name(path: str) -> str:
    """What a path is called in keys and in documents: as written, or its last part if it leads elsewhere."""
    written = PurePosixPath(Path(path).as_posix())
    if written.is_absolute() or path.startswith("~") or ".." in written.parts:
        return written.name
    return str(written)


def anchored(tree: Written, base: Path, whole: bool = False, start: Path | None = None) -> Written:
    """The recipe with relative paths of other folders than `base` made absolute (`whole`: of `base` too). Those of an option
    start at the recipe's folder, `start`, if that is not `base`.

    A source keeps the name that it had by its path as written, so that its documents, and the keys of all that is made
    of them, stay the same wherever the recipe lies. A starting model, or an earlier cleaning, is a path only
    where such a folder is.
    """
    for location in _matching(tree, FALLBACK + STARTS):
        tree = _moved(tree, location, base, start or base, whole, must_exist=location[0] != "fallback")
    for location in _matching(tree, SOURCES):
        source = _at(tree, location)
        if not (isinstance(source.value, dict) and "path" in source.value):
            continue
        path = source.value["path"]
        changed = _moved(tree, (*location, "path"), base, start or base, whole)
        if changed is not tree:
            name = source.value.get("name")
            if name is None or name.value is None:
                changed = replaced(changed, (*location, "name"), Written(portable_name(path.value), path.place))
            tree = changed
    return tree


def seen_from(tree: Written, folder: Path, project: Path) -> Written:
    """The recipe with absolute paths below `project` as seen from `folder`, which lies in it too: so both can be moved."""
    found = [*_matching(tree, FALLBACK + STARTS + CODE), *((*at, "path") for at in _matching(tree, SOURCES))]
    for location in found:
        present, entry = existing(tree, location)
        if present == location and isinstance(entry.value, str) and (path := _below(entry.value, folder, project)):
            tree = replaced(tree, location, Written(path, entry.place))
    return tree


def _below(path: str, folder: Path, project: Path) -> str | None:
    """`path` from `folder`, if it is absolute and below `project`; None otherwise.

    What `..` leads to is the parent of the folder that a link points to, so links on the way are followed first; the last part
    may be a link that somebody put there to be used by its name.
    """
    full = Path(os.path.expanduser(path))  # noqa: PTH111 (an unknown user stays as written)
    if not full.is_absolute():
        return None
    full, project = full.parent.resolve() / full.name, project.resolve()
    if project == project.parent or not full.is_relative_to(project):
        return None
    return Path(os.path.relpath(full, folder.resolve())).as_posix()


def code_folder(tree: Written, base: Path) -> Path:
    """Where the user's own modules are looked for: the folder that `code` names, else `base`, the recipe's. Paths of the
    recipe that start elsewhere are then made absolute by `anchored`."""
    named = tree.value.get("code") if isinstance(tree.value, dict) else None
    if named is None or not isinstance(named.value, str):
        return base
    return ((named.place.folder or base) / os.path.expanduser(named.value)).absolute()  # noqa: PTH111


def _moved(tree: Written, location: Location, base: Path, start: Path, whole: bool, must_exist: bool = False) -> Written:
    """The tree with one path made absolute, or the same tree if it is to stay as it is."""
    found = _at(tree, location)
    folder = found.place.folder or start
    if (
        not isinstance(found.value, str)
        or found.value.startswith("~")
        or Path(found.value).is_absolute()
        or (not whole and _same(folder, base))
    ):
        return tree
    path = folder / found.value
    if must_exist and (found.value in _names(tree, "pretrain") or not path.is_dir()):
        return tree
    return replaced(tree, location, Written(absolute(path), found.place))


def absolute(path: Path) -> str:
    """An absolute path without `..`; `~` stands for the user's home, which is nobody else's business."""
    plain = Path(_without_dots(path))
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 (a user without a home is no error)
    return f"~/{plain.relative_to(home).as_posix()}" if home.parent != home and plain.is_relative_to(home) else str(plain)


def _without_dots(path: Path) -> str:
    """Resolved only where `..` stands, so that a link to a folder keeps its name."""
    return str(path.resolve() if ".." in path.parts else path.absolute())


def _same(folder: Path, other: Path) -> bool:
    return folder == other or folder.resolve() == other.resolve()


def _names(tree: Written, section: str) -> Sequence[Any]:
    entry = tree.value.get(section)
    return list(entry.value) if entry is not None and isinstance(entry.value, dict) else []


def _matching(tree: Written, patterns: Sequence[tuple[str, ...]], at: Location = ()) -> Iterator[Location]:
    """Locations of the tree that match a pattern; `*` is any name or index."""
    for pattern in patterns:
        if not pattern:
            yield at
            continue
        first, rest = pattern[0], pattern[1:]
        children: dict[Any, Written] = (
            tree.value if isinstance(tree.value, dict) else dict(enumerate(tree.value)) if isinstance(tree.value, list) else {}
        )
        for key, child in children.items():
            if first in ("*", key):
                yield from _matching(child, [rest], (*at, key))


def _at(tree: Written, location: Location) -> Written:
    for part in location:
        tree = tree.value[part]
    return tree
