"""Leaks between the parts of the data: what is tested on that stands, as it is or nearly, in what something is learned from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from danlu.documents.store import read_documents
from danlu.evaluate.rows import Rows
from danlu.evaluate.scores import LONGEST, clip
from danlu.evaluate.seen import Overlap, Seen, overlaps
from danlu.metrics.number import rounded
from danlu.workspace.artifact import Artifact

MOST_CHARACTERS = 30_000_000  # of the documents that are read: about 10 s
MOST_LISTED, MOST_SHOWN = 100, 2  # shown: exact ones, and as many near ones
SPLITS = (("test", "train"), ("test", "validation"), ("validation", "train"))
"""Of each dataset: items of the first are looked for in the second."""
PIECE, BEFORE = 16, 60  # characters: of an item, by which its place in a long text is found; shown before it


@dataclass(frozen=True)
class Tested:
    """What is tested on: rows of a split of a dataset, or (`dataset` None) held-out documents. All lists are of one length."""

    dataset: str | None
    split: str
    ids: Sequence[str]
    texts: Sequence[str]
    languages: Sequence[str]


def tested_rows(name: str, rows: Rows) -> list[Tested]:
    """The test and validation rows of a dataset, as far as there are any."""
    found = [_tested(name, rows, split) for split in ("test", "validation")]
    return [tested for tested in found if tested.texts]


def _tested(name: str, rows: Rows, split: str) -> Tested:
    indexes = rows.of(split)
    return Tested(name, split, *([column[index] for index in indexes] for column in (rows.id, rows.text, rows.language)))


def tested_documents(documents: Artifact) -> list[Tested]:
    """The documents that language models are measured on."""
    columns = [
        [value for batch in read_documents(documents / "holdout", [name]) for value in batch.column(0).to_pylist()]
        for name in ("id", "text", "language")
    ]
    return [Tested(None, "holdout", *columns)] if columns[0] else []


def overlaps_of_splits(name: str, rows: Rows) -> list[dict[str, Any]]:
    """Rows of a dataset's splits that stand in another of its splits."""
    found: list[dict[str, Any]] = []
    for asked, source in SPLITS:
        tested, learned = _tested(name, rows, asked), rows.of(source)
        if tested.texts and learned:
            found += _entries([tested], overlaps([tested.texts], source, [(rows.id[at], rows.text[at]) for at in learned]))
    return found


def overlaps_with_documents(tested: Sequence[Tested], documents: Artifact) -> list[dict[str, Any]]:
    """What of all that is tested on stands in the texts that models are pretrained on."""
    groups = [part.texts for part in tested]
    return _entries(tested, overlaps(groups, "documents", documents / "documents", most=MOST_CHARACTERS))


def _entries(tested: Sequence[Tested], found: Sequence[Overlap]) -> list[dict[str, Any]]:
    return [
        {"dataset": part.dataset, "split": part.split, **one.to_json(), "found": list(_listed(part, one)),
         "examples": [_example(part, seen) for exact in (True, False) for seen in _closest(one, exact)[:MOST_SHOWN]]}
        for part, one in zip(tested, found, strict=True)
    ]  # fmt: skip


def _closest(found: Overlap, exact: bool) -> list[Seen]:
    return sorted(
        (one for one in found.found if one.exact == exact and not one.short), key=lambda one: (-one.similarity, one.row)
    )


def _listed(part: Tested, found: Overlap) -> Iterator[dict[str, Any]]:
    """The closest copies first; the place in a document by the part's file and the row in it."""
    for one in [*_closest(found, exact=True), *_closest(found, exact=False)][:MOST_LISTED]:
        where = one.where.rpartition("/")[2]
        yield {"id": part.ids[one.row], "where": where, "similarity": rounded(one.similarity), "exact": one.exact}


def _example(part: Tested, seen: Seen) -> dict[str, Any]:
    """Both texts, for a person to judge."""
    text = part.texts[seen.row]
    return {
        "text": clip(text), "other": around(text, seen.text), "language": part.languages[seen.row],
        "similarity": rounded(seen.similarity), "exact": seen.exact,
    }  # fmt: skip


def around(item: str, text: str) -> str:
    """Where a text holds an item or most of it: the text, cut if it is long."""
    if len(text) <= LONGEST:
        return text
    places = ((start, text.find(item[start : start + PIECE])) for start in range(0, len(item), PIECE))
    begin = next((max(0, place - start - BEFORE) for start, place in places if place >= 0), 0)
    return ("…" if begin else "") + clip(text[begin:])
