"""A file of predictions beside its references: which prediction answers which row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from danlu.evaluate.data import shown
from danlu.evaluate.files import Table
from danlu.text.canonical import canonical
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import listed
from danlu.workspace.sentences import Message, message

SHOWN = 3  # ids that a message names
CUT = 40  # letters of a text that was cut short to save room, at least
SAMPLE = 60  # characters of a text that a message shows


class Places(NamedTuple):
    """`rows`: for each reference the row of its prediction; `unasked`: how many predictions answer none; `notes` say
    how they were matched where not by id or in order."""

    rows: list[int]
    unasked: int
    notes: list[Message]


def places(references: Table, predictions: Table, inputs: Collection[str], name: str) -> Places:
    """Which prediction answers which reference; `name` is that of the predictions in notes.

    By `id` where both files have that column, else in order, which needs as many of one as of the other. Where predictions
    keep one of the `inputs`, those must be of the same rows: where they are but in another order, they join the files.
    DanluError for an id that stands twice, for references without a prediction, for files of unequal length or of other rows.
    """
    if "id" in references.columns and "id" in predictions.columns:
        wanted, given = _ids(references), _ids(predictions)
        missing = [key for key in wanted if key not in given]
        if missing:
            raise DanluError(
                "evaluate.ids-missing", where=str(predictions.path), count=len(missing), rows=len(wanted),
                examples=_some(missing), references=str(references.path),
            )  # fmt: skip
        return Places([given[key] for key in wanted], len(given) - len(wanted), [])
    if len(references) != len(predictions):
        raise DanluError(
            "evaluate.length", where=str(predictions.path), predictions=len(predictions), references=len(references),
            file=str(references.path),
        )  # fmt: skip
    shared = [column for column in inputs if column in predictions.columns and _is_kept(references, predictions, column)]
    rows, notes = _by_texts(references, predictions, shared, name) if shared else (list(range(len(references))), [])
    return Places(rows, 0, notes)


def _is_kept(references: Table, predictions: Table, column: str) -> bool:
    """Whether the column of predictions can be the references' own: one word in all rows, such as the name of a system, is
    none."""
    mine, theirs = ({shown(cell) for cell in table.columns[column]} for table in (predictions, references))
    return len(mine) > 1 or len(theirs) == 1


def _by_texts(
    references: Table, predictions: Table, columns: Sequence[str], name: str
) -> tuple[list[int], list[Message]]:  # fmt: skip
    """In order where the texts say so, else by them. Most rows must be the same; those that are not are told."""
    wanted, given = (_texts(table, columns) for table in (references, predictions))
    other = [row for row, (a, b) in enumerate(zip(wanted, given, strict=True)) if not _alike(a, b)]
    if not other:
        return list(range(len(wanted))), []
    if sorted(wanted) == sorted(given):
        left: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for row in reversed(range(len(given))):
            left[given[row]].append(row)
        return [left[text].pop() for text in wanted], [
            message("evaluate.note.joined", name=name, columns=listed(columns), count=len(other))
        ]
    first = other[0]
    told = {
        "count": len(other), "rows": len(wanted), "columns": listed(columns), "first": predictions.where(first),
        "found": _sample(predictions, columns, first), "expected": _sample(references, columns, first),
    }  # fmt: skip
    if 2 * len(other) > len(wanted):
        raise DanluError("evaluate.other-rows", where=str(predictions.path), **told)
    return list(range(len(wanted))), [message("evaluate.note.other-rows", name=name, **told)]


def _texts(table: Table, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """What a person would call the same text in each row, spacing, case and punctuation apart."""
    cells = [[shown(cell) for cell in table.columns[column]] for column in columns]
    return [tuple(canonical(text) or text.strip() for text in row) for row in zip(*cells, strict=True)]


def _alike(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    """The same, or one of them cut short."""
    pairs = list(zip(a, b, strict=True))
    return all(x == y or (min(len(x), len(y)) >= CUT and (x.startswith(y) or y.startswith(x))) for x, y in pairs)


def _sample(table: Table, columns: Sequence[str], row: int) -> str:
    text = " ".join(shown(table.columns[column][row]) for column in columns)
    return text if len(text) <= SAMPLE else f"{text[:SAMPLE]}..."


def _ids(table: Table) -> dict[str, int]:
    """Row by id; 7 of JSON and "7" of CSV are the same."""
    found: dict[str, int] = {}
    for row, cell in enumerate(table.columns["id"]):
        name = str(cell)
        if name in found:
            first, line = (":".join(map(str, table.place(place).values())) for place in (found[name], row))
            raise DanluError("evaluate.id-twice", where=table.where(row), id=name, line=line, first=first)
        found[name] = row
    return found


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (" ..." if len(names) > SHOWN else "")
