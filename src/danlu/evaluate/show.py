"""A measurement as cells of tables, and as files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from danlu.evaluate.command import Measured
from danlu.evaluate.data import LANGUAGE
from danlu.metrics.number import Number
from danlu.metrics.registry import METRICS
from danlu.metrics.words import language_name
from danlu.tasks.scoring import MINIMAL
from danlu.workspace.files import write_atomic, write_json
from danlu.workspace.messages import text
from danlu.workspace.sentences import say

MOST_PARTS = 40  # lines of the second table; all are in the JSON


class Grid(NamedTuple):
    """Cells of a table, below the names of its columns."""

    columns: list[str]
    rows: list[list[str]]


def main_grids(measured: Measured) -> Iterator[Grid]:
    """Each metric of each model over all rows with its interval, from the fullest table to the narrowest: a line a model, a
    line a metric, and both without intervals."""
    found = {(number.model, number.metric): number for number in measured.numbers if not number.slice}
    metrics = list(measured.metrics)
    names = [one.name for one in measured.answered if any((one.name, metric) in found for metric in metrics)]
    for bare in (False, True):
        rows = [[name, *(_cell(found.get((name, metric)), bare) for metric in metrics)] for name in names]
        yield Grid([text("evaluate.model"), *metrics], rows)
        turned = [list(column) for column in zip(*rows, strict=True)][1:]
        yield Grid([text("evaluate.metric"), *names], [[metric, *cells] for metric, cells in zip(metrics, turned, strict=True)])


def part_grids(measured: Measured) -> Iterator[Grid]:
    """The first metric by part of the data, from the fullest table to the narrowest: the baselines without intervals, all."""
    numbers = [number for number in _by_part(measured) if next(iter(number.slice)) not in left_out(measured)]
    sliced = {number.model for number in numbers}
    names = [one.name for one in measured.answered if one.name in sliced]
    baselines = {one.name for one in measured.answered if one.role == "baseline"}
    lines: dict[str, dict[str, dict[str, Number]]] = {}
    for number in numbers:
        ((attribute, value),) = number.slice.items()
        lines.setdefault(attribute, {}).setdefault(value, {})[number.model] = number
    columns = [text("evaluate.part"), text("evaluate.count"), *names]
    for bare in (set[str](), baselines, set(names)) if lines else ():
        rows = []
        for attribute, values in lines.items():
            rows.append([text(f"evaluate.attribute.{attribute}"), *[""] * (len(names) + 1)])
            for value, mine in values.items():
                cells = [_cell(mine.get(name), name in bare) for name in names]
                rows.append([f"  {_part(attribute, value)}", str(next(iter(mine.values())).count), *cells])
        yield Grid(columns, rows)


def left_out(measured: Measured) -> dict[str, int]:
    """Attributes with too many parts to show, beside those before them, and how many: some of them would look like all."""
    counts = Counter(attribute for attribute, _ in {next(iter(number.slice.items())) for number in _by_part(measured)})
    order = dict.fromkeys(next(iter(number.slice)) for number in _by_part(measured))
    room, found = MOST_PARTS, dict[str, int]()
    for attribute in order:
        if counts[attribute] > room:
            found[attribute] = counts[attribute]
        else:
            room -= counts[attribute]
    return found


def _by_part(measured: Measured) -> list[Number]:
    return [number for number in measured.numbers if number.metric == measured.metrics[0] and number.slice]


def _part(attribute: str, value: str) -> str:
    return say(language_name(value)).strip() if attribute == "language" else value


def _cell(number: Number | None, bare: bool = False) -> str:
    """A value with its interval, where that has a width."""
    if number is None:
        return ""
    if number.value is None:
        return "—"
    shown = _shown(number.value, number.unit)
    if bare or number.interval is None or number.interval[0] == number.interval[1]:
        return shown
    low, high = (_shown(bound, number.unit) for bound in number.interval)
    return f"{shown} [{low}, {high}]"


def _shown(value: float, unit: str) -> str:
    """Shares as per cent, scores with one decimal, all else with about four digits."""
    if unit == "share":
        return f"{100 * value:.1f}%"
    if unit == "score":
        return f"{value:.1f}"
    size = abs(value)
    return f"{value:.3f}" if size < 100 else f"{value:.1f}" if size < 1e4 else f"{value:,.0f}" if size < 1e7 else f"{value:.3g}"


def lines(measured: Measured) -> list[str]:
    """What else a person should read: what has no value or interval and why, the notes, what was seen, the comparisons."""
    lacking: dict[str, list[str]] = {}
    for number in measured.numbers:
        if number.reason is not None and not number.slice:
            lacking.setdefault(say(number.reason), []).append(f"{number.model} {number.metric}")
    undefined = [f"{', '.join(names)}: {reason}" for reason, names in lacking.items()]
    seen = [say(overlap.sentence()) for overlap in measured.overlaps]
    many = [
        text("evaluate.left-out", attribute=text(f"evaluate.attribute.{attribute}"), count=count)
        for attribute, count in left_out(measured).items()
    ]
    return [*many, *undefined, *map(say, measured.notes), *seen, *map(say, measured.sentences)]


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
            **data.table.place(row),
            **({"id": data.table.columns["id"][row]} if "id" in data.table.columns else {}),
            **({"truth": data.truth[row]} if data.truth else data.asked(row) if data.task == MINIMAL else {}),
            **({"answers": {one.name: one.shown(row) for one in items}} if data.task != LANGUAGE else {}),
            **({"losses": losses} if losses else {}),
        }


def _seen(measured: Measured) -> Iterable[Mapping[str, Any]]:
    texts = measured.data.apart
    for overlap in measured.overlaps:
        column = overlap.column or next(iter(texts))
        for one in overlap.found:
            yield {
                "source": overlap.source, **measured.data.table.place(one.row),
                "column": column, "text": texts[column][one.row],
                "where": one.where, "similarity": round(one.similarity, 4), "exact": one.exact,
            }  # fmt: skip


def _lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    write_atomic(path, "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows))


def definitions(metrics: Sequence[str]) -> list[tuple[str, str]]:
    """Each metric's key and what it measures, in words."""
    return [(metric, say({"key": f"metrics.{metric}.definition", "params": {}})) for metric in metrics if metric in METRICS]
