"""A file of predictions beside its references: which prediction answers which row."""

from __future__ import annotations

from collections.abc import Sequence

from danlu.evaluate.files import Table
from danlu.workspace.errors import DanluError

SHOWN = 3  # ids that a message names


def places(references: Table, predictions: Table) -> tuple[list[int], int]:
    """For each reference the row of its prediction, and how many predictions answer none of them.

    By `id` where both files have that column, else in order, which needs as many of one as of the other. DanluError for an id
    that stands twice, for references without a prediction, for files of unequal length.
    """
    if "id" in references.columns and "id" in predictions.columns:
        wanted, given = _ids(references), _ids(predictions)
        missing = [name for name in wanted if name not in given]
        if missing:
            raise DanluError(
                "evaluate.ids-missing", where=str(predictions.path), count=len(missing), rows=len(wanted),
                examples=_some(missing), references=str(references.path),
            )  # fmt: skip
        return [given[name] for name in wanted], len(given) - len(wanted)
    if len(references) != len(predictions):
        raise DanluError(
            "evaluate.length", where=str(predictions.path), predictions=len(predictions), references=len(references),
            file=str(references.path),
        )  # fmt: skip
    return list(range(len(references))), 0


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
