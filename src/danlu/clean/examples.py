"""Documents worth a look for each rule: nearest to its threshold on both sides, and others that it took."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danlu.clean.excerpts import excerpt
from danlu.clean.judged import Judged, Text
from danlu.clean.verdicts import KEPT, REPEAT
from danlu.clean.whatif import NOT_ASKED, Asked

REMOVED, BORDERLINE = 20, 20  # of each rule


def choose_examples(table: Judged, asked: Sequence[Asked]) -> dict[str, list[tuple[int, bool]]]:
    """Rows worth a look for each rule, and whether each is borderline: first those nearest to its threshold that it took, then
    those that stay, then others that it took by order of their ids; and some for each other reason."""
    ids = np.array(table.ids.to_pylist(), object)
    kept = table.reasons == KEPT
    found: dict[str, list[tuple[int, bool]]] = {}
    for name in dict.fromkeys(one.rule for one in asked):
        panels = [one for one in asked if one.rule == name]
        each = -(-BORDERLINE // (2 * len(panels)))
        removed, stays, others = [], [], []
        for one in panels:
            values = table.scores[name]
            took = np.flatnonzero((table.reasons == name) & (table.families == one.family))
            passes = np.flatnonzero(kept & (one.codes != NOT_ASKED) & ~_common(values, one))
            removed += (near := _nearest(took, values, one.threshold, ids, each))
            stays += _nearest(passes, values, one.threshold, ids, each)
            rest = np.setdiff1d(took, near)
            others += rest[np.argsort(ids[rest])][: -(-REMOVED // len(panels))].tolist()
        found[name] = [(row, True) for row in removed + stays] + [(row, False) for row in others]
    for reason in sorted({*table.reasons.tolist()} - {KEPT, REPEAT, *found}):
        took = np.flatnonzero(table.reasons == reason)
        found[reason] = [(row, False) for row in took[np.argsort(ids[took])][:REMOVED].tolist()]
    return found


def describe_example(table: Judged, panels: Sequence[Asked], reason: str, row: int, near: bool, text: Text) -> dict[str, Any]:
    panel = next((place for place, one in enumerate(panels) if one.family == table.families[row]), None)
    value = float(table.scores[reason][row]) if panel is not None else None
    return {
        "panel": panel,
        "code": None if panel is None else int(panels[panel].codes[row]),
        "value": value,
        "threshold": None if panel is None else panels[panel].threshold,
        "near": near,
        "kept": bool(table.reasons[row] == KEPT),
        "source": text.place,
        "language": str(table.languages[row]),
        "text": excerpt(text.text, reason, chinese=table.families[row] == "zh"),
    }


def different(examples: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without those that read as one before: a text that comes often is a lesson once."""
    found = {json.dumps([one["kept"], one["text"]]): one for one in reversed(list(examples))}
    return list(reversed(found.values()))


def _nearest(rows: NDArray[np.int64], values: NDArray[np.float64], threshold: float, ids: NDArray[Any], most: int) -> list[int]:
    distance = np.abs(values[rows] - threshold)
    if len(rows) > 50 * most:
        near = np.argpartition(distance, 10 * most)[: 10 * most]
        rows, distance = rows[near], distance[near]
    return [int(row) for row in rows[np.lexsort((ids[rows].astype(str), distance))][:most]]


def _common(values: NDArray[np.float64], one: Asked) -> NDArray[np.bool_]:
    """Which documents have the score that most have: they are no borderline case (without a web address, say)."""
    asked = values[one.codes != NOT_ASKED]
    different, counts = np.unique(asked, return_counts=True)
    most = int(np.argmax(counts))
    return values == different[most] if counts[most] > len(asked) / 2 else np.zeros(len(values), bool)
