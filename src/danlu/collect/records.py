"""What a reader gives: records, and what it could not read with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from danlu.collect.locate import SourceFile

Event = TypeVar("Event")


@dataclass(frozen=True, slots=True)
class Record:
    """A text of a file. `ordinal` tells it from the others of that file and is the same on every reading."""

    ordinal: int
    text: str
    label: str | None = None
    url: str = ""
    created: str = ""
    meta: Mapping[str, object] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Of the text in UTF-8."""
        return len(self.text.encode("utf-8"))


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file, line or record that was not read. `reason` is a key below `collect.quarantine` in the message tables."""

    where: str
    reason: str
    parameters: Mapping[str, object] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"collect.quarantine.{self.reason}"


@dataclass(frozen=True, slots=True)
class Layout:
    """How the text lies in a file: the format, and the columns of the text and of the label (None: no label)."""

    format: str
    text: str = "text"
    label: str | None = None


class Found(NamedTuple, Generic[Event]):
    """What a reader gave and the file that it is of."""

    file: SourceFile
    event: Event
