"""Tombstones: documents that must not come back, kept by identifier and digest, never as text.

`<workspace>/tombstones.jsonl` only grows: a line for each document forgotten and one for each tombstone taken back, so that
who asks later finds when and why.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from danlu.workspace.digest import digest_json
from danlu.workspace.errors import DanluError
from danlu.workspace.files import disk_errors

FILE = "tombstones.jsonl"
LEAST_PREFIX = 6


@dataclass(frozen=True)
class Tombstone:
    """A forgotten document: its id (empty if only its text was given), the digest of its canonical text (empty for a text
    without a letter, which any other such text would equal), seconds since 1970, why."""

    id: str
    digest: str
    when: float
    reason: str = ""

    @property
    def handle(self) -> str:
        """What names it on the command line."""
        return self.id or self.digest


@dataclass(frozen=True)
class Forgotten:
    """All documents that a workspace must not hold."""

    ids: frozenset[str]
    digests: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.ids or self.digests)

    @property
    def digest(self) -> str:
        """Of the set; what enters the keys of the stages that leave such documents out."""
        return digest_json([sorted(self.ids), sorted(self.digests)])


def read_tombstones(workspace: Path) -> list[Tombstone]:
    """The tombstones that stand, oldest first. DanluError for a line that is none: to pass over it would forget to forget."""
    path = workspace / FILE
    if not path.exists():
        return []
    standing: dict[tuple[str, str], Tombstone] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            entry = json.loads(line)
            undone = entry.pop("undone")
            stone = Tombstone(**entry)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DanluError("forget.broken", where=f"{path}:{number}") from None
        if undone:
            standing.pop((stone.id, stone.digest), None)
        else:
            standing.setdefault((stone.id, stone.digest), stone)
    return list(standing.values())


def forgotten(workspace: Path) -> Forgotten:
    """What the stages that read documents leave out."""
    stones = read_tombstones(workspace)
    return Forgotten(frozenset(s.id for s in stones if s.id), frozenset(s.digest for s in stones if s.digest))


def add_tombstones(workspace: Path, stones: Iterable[Tombstone], *, undone: bool = False) -> None:
    """Append tombstones, or (`undone`) that they no longer stand; on disk when this returns."""
    lines = "".join(json.dumps({**asdict(stone), "undone": undone}, ensure_ascii=False) + "\n" for stone in stones)
    with disk_errors(workspace):
        descriptor = os.open(workspace / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, lines.encode("utf-8"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def undo(workspace: Path, handles: Sequence[str]) -> list[Tombstone]:
    """Take back the tombstones that `handles` (ids, digests, or the first six characters or more) name; those taken back."""
    stones = read_tombstones(workspace)
    found: dict[tuple[str, str], Tombstone] = {}
    for handle in handles:
        named = [s for s in stones if handle in (s.id, s.digest)] or [
            s for s in stones if len(handle) >= LEAST_PREFIX and s.handle.startswith(handle)
        ]
        if not named:
            raise DanluError("forget.no-tombstone", where=str(workspace / FILE), name=handle)
        found.update({(s.id, s.digest): s for s in named})
    now = round(time.time(), 1)
    add_tombstones(workspace, [Tombstone(s.id, s.digest, now) for s in found.values()], undone=True)
    return list(found.values())
