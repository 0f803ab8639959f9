"""A measurement as cells of tables, and as files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from danlu.evaluate.command import Measured
from danlu.metrics.number import Number
from danlu.metrics.registry import METRICS
from danlu.metrics.words import where
from danlu.workspace.files import write_atomic, write_json
from danlu.workspace.sentences import say

MOST_SLICES = 40  # lines of the second table; all are in the JSON


def main_table(measured: Measured) -> list[list[str]]:
    """A line a model: its name, then each metric over all rows with its interval."""
    found = {(number.model, number.metric): number for number in measured.numbers if not number.slice}
    return [
        [one.name, *(_cell(found.get((one.name, metric))) for metric in measured.metrics)]
        for one in measured.answered
        if any((one.name, metric) in found for metric in measured.metrics)
    ]


def slice_table(measured: Measured) -> list[list[str]]:
    """A line a part of the data: where, how many rows, and the first metric of each model there."""
    numbers = [number for number in measured.numbers if number.metric == measured.metrics[0] and number.slice]
    names = [one.name for one in measured.answered if any(number.model == one.name for number in numbers)]
    lines: dict[str, dict[str, Number]] = {}
    for number in numbers:
        lines.setdefault(say(where(number.slice)), {})[number.model] = number
    return [
        [place, str(next(iter(mine.values())).count), *(_cell(mine.get(name)) for name in names)]
        for place, mine in list(lines.items())[:MOST_SLICES]
    ]


def slice_names(measured: Measured) -> list[str]:
    """The models of `slice_table`, in the order of its columns."""
    sliced = {number.model for number in measured.numbers if number.metric == measured.metrics[0] and number.slice}
    return [one.name for one in measured.answered if one.name in sliced]


def _cell(number: Number | None) -> str:
    if number is None:
        return ""
    if number.value is None:
        return "—"
    shown = _shown(number.value, number.unit)
    if number.interval is None:
        return shown
    low, high = (_shown(bound, number.unit) for bound in number.interval)
    return f"{shown} [{low}, {high}]"


def _shown(value: float, unit: str) -> str:
    """Shares as per cent, scores with one decimal, all else with three."""
    if unit == "share":
        return f"{100 * value:.1f}%"
    return f"{value:.1f}" if unit == "score" else f"{value:.3f}" if abs(value) < 1e4 else f"{value:.3g}"


def lines(measured: Measured) -> list[str]:
    """What else a person should read: what has no value and why, the notes, what was seen before, the comparisons."""
    undefined = [
        f"{number.model}, {number.metric}: {say(number.reason)}"
        for number in measured.numbers
        if number.value is None and number.reason is not None and not number.slice
    ]
    seen = [say(overlap.sentence()) for overlap in measured.overlaps]
    return [*undefined, *map(say, measured.notes), *seen, *map(say, measured.sentences)]


def models(measured: Measured) -> list[str]:
    """Name and key of each model and file of predictions, for the log of openings."""
    asked = [one for one in measured.answered if one.role != "baseline"]
    return [f"{one.name} {one.keys.get('model', one.keys.get('predictions'))}" for one in asked]


def write(measured: Measured, folder: Path) -> None:
    """`evaluation.json`, and as JSON lines `answers` (of every row), `disagreements` and `seen` (rows found elsewhere)."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "evaluation.json", measured.to_json())
    _lines(folder / "answers.jsonl", _answers(measured))
    _lines(folder / "disagreements.jsonl", measured.disagreements)
    _lines(folder / "seen.jsonl", _seen(measured))


def _answers(measured: Measured) -> Iterable[Mapping[str, Any]]:
    data, items = measured.data, measured.answered
    for row in range(len(data)):
        losses = {
            one.name: {metric: [float(weights[row]), float(nats[row])] for metric, (weights, nats) in one.losses.items()}
            for one in items
            if one.losses
        }
        yield {
            "line": data.table.lines[row],
            **({"id": data.table.columns["id"][row]} if "id" in data.table.columns else {}),
            **({"truth": data.truth[row], "answers": {one.name: one.shown(row) for one in items}} if data.truth else {}),
            **({"losses": losses} if losses else {}),
        }


def _seen(measured: Measured) -> Iterable[Mapping[str, Any]]:
    for overlap in measured.overlaps:
        for one in overlap.found:
            yield {
                "source": overlap.source, "line": measured.data.table.lines[one.row], "text": measured.data.texts[one.row],
                "where": one.where, "similarity": round(one.similarity, 4), "exact": one.exact,
            }  # fmt: skip


def _lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    write_atomic(path, "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows))


def definitions(metrics: Sequence[str]) -> list[tuple[str, str]]:
    """Each metric's key and what it measures, in words."""
    return [(metric, say({"key": f"metrics.{metric}.definition", "params": {}})) for metric in metrics if metric in METRICS]
