"""What a reader gives: records, and what it could not read with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from danlu.collect.locate import SourceFile

Event = TypeVar("Event")

BATCH_RECORDS, BATCH_CHARACTERS = 1000, 4 << 20  # of records that become columns at once


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


def batches(found: Iterable[Found[Record]]) -> Iterator[list[Found[Record]]]:
    """Records in lists of `BATCH_RECORDS`, fewer if their texts are long."""
    batch: list[Found[Record]] = []
    held = 0
    for each in found:
        batch.append(each)
        held += len(each.event.text)
        if len(batch) == BATCH_RECORDS or held >= BATCH_CHARACTERS:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch
