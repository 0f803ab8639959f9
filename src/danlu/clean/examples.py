"""Documents worth a look for each rule: nearest to its threshold on both sides, and others that it took."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from danlu.clean.excerpts import excerpt
from danlu.clean.judged import Judged, Text
from danlu.clean.preset import FAMILIES
from danlu.clean.verdicts import KEPT
from danlu.clean.whatif import NOT_ASKED, Asked

REMOVED, BORDERLINE = 20, 20  # of each rule


class Example(NamedTuple):
    """A document to show for a rule. `panel` is the rule's place among `asked`, None for a reason without a threshold."""

    row: int
    near: bool = False  # to the threshold, on whichever side
    panel: int | None = None
    code: int | None = None
    value: float | None = None
    threshold: float | None = None


def choose_examples(table: Judged, name: str, values: NDArray[np.float32], asked: Sequence[Asked]) -> list[Example]:
    """First those nearest to the rule's threshold that it took, then those that stay, then others that it took by order of
    their ids, in every language family. `values` are the rule's scores, float32[documents]."""
    kept, took = table.reasons.among(KEPT), table.reasons.among(name)
    each = -(-BORDERLINE // (2 * len(asked)))
    removed: list[Example] = []
    stays: list[Example] = []
    others: list[Example] = []
    for panel, one in enumerate(asked):

        def example(row: int, near: bool, panel: int = panel, one: Asked = one) -> Example:
            return Example(row, near, panel, int(one.codes[row]), float(values[row]), one.threshold)

        here = np.flatnonzero(took & (table.families == FAMILIES.index(one.family)))
        passes = np.flatnonzero(kept & (one.codes != NOT_ASKED) & ~_common(values, one))
        near = _nearest(here, values, one.threshold, table.ids, each)
        removed += [example(row, True) for row in near]
        stays += [example(row, True) for row in _nearest(passes, values, one.threshold, table.ids, each)]
        rest = _by_id(np.setdiff1d(here, near), table.ids, -(-REMOVED // len(asked)))
        others += [example(row, False) for row in rest]
    return removed + stays + others


def choose_of_reason(table: Judged, reason: str) -> list[Example]:
    """Some that went for a reason that no threshold decides."""
    return [Example(row) for row in _by_id(np.flatnonzero(table.reasons.among(reason)), table.ids, REMOVED)]


def describe_example(table: Judged, example: Example, reason: str, text: Text) -> dict[str, Any]:
    """What a page shows of an example."""
    return {
        **{name: getattr(example, name) for name in ("panel", "code", "value", "threshold", "near")},
        "kept": table.reasons[example.row] == KEPT,
        "source": text.place,
        "language": table.languages[example.row],
        "text": excerpt(text.text, reason, chinese=FAMILIES[table.families[example.row]] == "zh"),
    }


def different(examples: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without those that read as one before: a text that comes often is a lesson once."""
    found = {json.dumps([one["kept"], one["text"]]): one for one in reversed(list(examples))}
    return list(reversed(found.values()))


def _nearest(
    rows: NDArray[np.int64], values: NDArray[np.float32], threshold: float, ids: pa.ChunkedArray, most: int
) -> list[int]:
    distance = np.abs(values[rows] - np.float32(threshold))
    if len(rows) > 50 * most:
        near = np.argpartition(distance, 10 * most)[: 10 * most]
        rows, distance = rows[near], distance[near]
    names = np.array(ids.take(pa.array(rows)).to_pylist(), np.str_)
    return [int(row) for row in rows[np.lexsort((names, distance))][:most]]


def _by_id(rows: NDArray[np.int64], ids: pa.ChunkedArray, most: int) -> list[int]:
    """The first of the rows by their ids: hashes, so as good as by chance, and always the same."""
    return [int(row) for row in rows[pc.sort_indices(ids.take(pa.array(rows))).to_numpy()[:most]]]


def _common(values: NDArray[np.float32], one: Asked) -> NDArray[np.bool_]:
    """Which documents have the score that most have: they are no borderline case (without a web address, say)."""
    asked = values[one.codes != NOT_ASKED]
    middle = np.partition(asked, len(asked) // 2)[len(asked) // 2]  # what more than half have stands in the middle
    same = values == middle
    return same if int((asked == middle).sum()) > len(asked) / 2 else np.zeros(len(values), bool)
