"""`danlu gc`: what of a workspace nothing needs any more, and its removal.

Needed are the artifacts of every run with all they were made from, those of every pin, and what a stage at work reads. They
are looked up and moved to the trash while no run is just noting down what it found (`Workspace.steady`), in one rename each,
and deleted afterwards: a kill in the middle leaves trash, which the next call deletes, and never half an artifact.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from danlu.workspace.artifact import GUARD, LEFTOVERS, LOCK, PARTIAL, TRASH, Workspace, discard
from danlu.workspace.disk import explain_full, tree_bytes
from danlu.workspace.errors import DanluError
from danlu.workspace.files import disk_errors, is_temporary, read_json
from danlu.workspace.formats import check_format
from danlu.workspace.index import Entry, read_index
from danlu.workspace.ledger import failpoint
from danlu.workspace.lock import Owner, guarded, holder, locked, this_machine
from danlu.workspace.pins import read_pins
from danlu.workspace.run import SCRATCH
from danlu.workspace.sentences import Message, message

Kind = Literal["artifact", "partial", "leftovers", "run", "trash"]
ABANDONED_SECONDS = 7 * 86_400.0


@dataclass(frozen=True)
class Wishes:
    """What to free besides what nothing needs. `quota`: bytes to come down to; `runs`: how many of the newest runs to keep;
    `partial`: unfinished work of any age that nobody is at, instead of what was untouched for a week."""

    quota: int | None = None
    runs: int | None = None
    partial: bool = False


@dataclass(frozen=True)
class Item:
    """Something to remove: where it is, how large (bytes), and why it can go."""

    kind: Kind
    path: Path
    bytes: int
    why: Message

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True)
class Sweep:
    """What can go. `kept_bytes` stay; `rebuilds` are runs that lose something they would use again; `over_bytes` is how much
    more than the quota stays."""

    items: tuple[Item, ...]
    kept_bytes: int
    rebuilds: tuple[str, ...] = ()
    over_bytes: int = 0

    @property
    def bytes(self) -> int:
        return sum(item.bytes for item in self.items)


@dataclass(frozen=True)
class StoredRun:
    """A run as gc sees it: when it started, the names of its artifacts, whether it is at work."""

    name: str
    path: Path
    started: float
    artifacts: tuple[str, ...]
    at_work: bool


def look(workspace: Workspace, wishes: Wishes) -> Sweep:
    """What would go. DanluError if the state of a run cannot be read, since then nobody knows what it needs."""
    check_format(workspace.path)
    entries = read_index(workspace)  # before the runs: what is finished after this is not looked at
    partials = [path for path in _folders(workspace.artifacts) if path.name.endswith(PARTIAL)]
    owners = {path: owner for path in partials if (owner := holder(path / LOCK))}
    runs = sorted(read_runs(workspace), key=lambda run: run.started, reverse=True)
    forgotten = [run for run in runs[wishes.runs :] if not run.at_work] if wishes.runs is not None else []
    runs = [run for run in runs if run not in forgotten]

    fixed = {one.artifact for one in read_pins(workspace)}
    fixed.update(name for owner in owners.values() for name in owner.needs)
    fixed.update(name for run in runs if run == runs[0] or run.at_work for name in run.artifacts)
    fixed = with_lineage(entries, fixed)
    users = {run.name: with_lineage(entries, run.artifacts) for run in runs}
    needed = fixed.union(*users.values())

    items = [
        Item("artifact", workspace.artifacts / name, entry.bytes, message("gc.why.unneeded"))
        for name, entry in entries.items()
        if name not in needed
    ]
    kept_partials = 0
    for path in partials:
        finished = path.name.removesuffix(PARTIAL) in entries  # then there is nothing to go on with
        if item := _partial(path, owners.get(path), wishes.partial or finished):
            items.append(item)
        else:
            kept_partials += tree_bytes(path)
    items += _leftovers(workspace, [name for name in entries if name in needed])
    items += [
        Item("run", run.path, tree_bytes(run.path), message("gc.why.run", keep=wishes.runs)) for run in reversed(forgotten)
    ]
    items += [
        Item("trash", path, tree_bytes(path), message("gc.why.trash"))
        for folder in (workspace.artifacts, workspace.path / "runs")
        for path in (*_folders(folder / TRASH), *(path for path in _folders(folder) if is_temporary(path.name)))
    ]
    swept = Sweep(tuple(items), sum(entries[name].bytes for name in needed if name in entries) + kept_partials)
    swept = replace(swept, kept_bytes=swept.kept_bytes - sum(item.bytes for item in items if item.kind == "leftovers"))
    return swept if wishes.quota is None else _down_to(swept, wishes.quota, workspace, entries, fixed, users, runs)


def clear(workspace: Workspace, wishes: Wishes) -> Sweep:
    """Remove what `look` finds; what was removed. Unfinished work that someone began on meanwhile stays."""
    if not workspace.path.is_dir():
        return Sweep((), 0)
    with disk_errors(workspace.path):
        with guarded(workspace.path / GUARD, exclusive=True):
            found = look(workspace, wishes)
            gone = [(item, aside) for item in found.items if (aside := _take(item)) is not None]
        failpoint("gc:moved")
        for item, aside in gone:
            for path in aside:
                _delete(path)
            failpoint(f"gc:{item.name}")
        for folder in (workspace.artifacts, workspace.path / "runs"):
            if (folder / TRASH).is_dir() and not any((folder / TRASH).iterdir()):
                (folder / TRASH).rmdir()
    return replace(found, items=tuple(item for item, _ in gone))


def read_runs(workspace: Workspace) -> Iterator[StoredRun]:
    """All runs of a workspace. DanluError for one whose state cannot be read."""
    for folder in _folders(workspace.path / "runs"):
        path = folder / "state.json"
        if folder.name.startswith(".") or not path.exists():
            continue
        try:
            state = read_json(path)
            nodes = [*state["nodes"].values(), *state.get("earlier", {}).values()]
            names = tuple(f"{node['stage']}-{node['key']}" for node in nodes if node["key"])
            names += tuple(state.get("reads", ()))
            yield StoredRun(folder.name, folder, float(state["started"]), names, holder(folder / LOCK) is not None)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DanluError("gc.unreadable-run", where=str(path), name=folder.name) from None


def with_lineage(entries: Mapping[str, Entry], names: Iterable[str]) -> set[str]:
    """`names` and everything that they were made from."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left.extend(entries[name].inputs if name in entries else ())
    return found


def _down_to(
    swept: Sweep,
    quota: int,
    workspace: Workspace,
    entries: Mapping[str, Entry],
    fixed: Collection[str],
    users: Mapping[str, Collection[str]],
    runs: Iterable[StoredRun],
) -> Sweep:
    """Go on with the artifacts of the oldest runs, those used least recently and then the largest first, until the quota is
    kept; never what is `fixed`."""
    started = {run.name: run.started for run in runs}
    used: dict[str, list[str]] = {}
    for run, names in users.items():
        for name in names:
            if name in entries and name not in fixed:
                used.setdefault(name, []).append(run)
    order = sorted(used, key=lambda name: (max(started[run] for run in used[name]), -entries[name].bytes, name))
    kept, items, rebuilds = swept.kept_bytes, list(swept.items), dict[str, None]()
    for name in order:
        if kept <= quota:
            break
        kept -= entries[name].bytes
        why = message("gc.why.quota", runs=", ".join(sorted(used[name])))
        items.append(Item("artifact", workspace.artifacts / name, entries[name].bytes, why))
        rebuilds.update(dict.fromkeys(used[name]))
    return Sweep(tuple(items), kept, tuple(rebuilds), max(kept - quota, 0))


def _partial(path: Path, owner: Owner | None, any_age: bool) -> Item | None:
    """Unfinished work as something to remove, unless somebody is at it or may still come back to it."""
    days = (time.time() - _touched(path)) / 86_400
    if owner is not None and owner.machine == this_machine():
        return None
    if days * 86_400 > ABANDONED_SECONDS:  # an owner elsewhere that lives would have beaten its heart
        return Item("partial", path, tree_bytes(path), message("gc.why.abandoned", days=int(days)))
    if any_age and owner is None:
        return Item("partial", path, tree_bytes(path), message("gc.why.unowned"))
    return None


def _touched(path: Path) -> float:
    """When anything directly in a directory was last written (seconds since 1970)."""
    times = [path.stat().st_mtime]
    for child in path.iterdir():
        try:
            times.append(child.stat().st_mtime)
        except FileNotFoundError:
            continue
    return max(times)


def _leftovers(workspace: Workspace, names: Iterable[str]) -> Iterator[Item]:
    """What publications that were killed left in finished artifacts, unless somebody still holds the lock in there."""
    for name in names:
        path = workspace.artifacts / name
        found = [path / left for left in (*LEFTOVERS, SCRATCH) if (path / left).exists()]
        if found and not holder(path / LOCK):
            yield Item("leftovers", path, sum(map(tree_bytes, found)), message("gc.why.leftovers"))


def _take(item: Item) -> list[Path] | None:
    """Move something out of sight; what to delete then. None if it cannot be had."""
    if item.kind == "trash":
        return [item.path]
    if item.kind == "leftovers":
        return [path for name in (*LEFTOVERS, SCRATCH) if (path := item.path / name).exists()]
    try:
        return [_take_partial(item.path) if item.kind == "partial" else discard(item.path)]
    except (FileNotFoundError, DanluError):
        return None


def _take_partial(path: Path) -> Path:
    """Move unfinished work away while nobody can begin on it. DanluError if somebody has."""
    try:
        with locked(path / LOCK, wait=False):
            return discard(path)
    except DanluError:
        owner = holder(path / LOCK)
        if owner is not None and owner.machine == this_machine():
            raise
        return discard(path)  # of another machine, and silent for a week
    except OSError as error:
        if explain_full(error, path) is None:
            raise
        return discard(path)  # no room for a lock: then nobody can begin on it either


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _folders(path: Path) -> list[Path]:
    try:
        return sorted(child for child in path.iterdir() if child.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
