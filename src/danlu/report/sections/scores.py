"""Scores with their intervals beside what is simpler, and what the comparisons say in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from danlu.report.figures import Bar, bar_chart
from danlu.report.sections import overlaps, parts
from danlu.report.sections.access import entries
from danlu.report.sections.tones import tones
from danlu.report.words import (
    BASELINES,
    Value,
    clip,
    coded,
    count,
    finite,
    known,
    language_name,
    metric_name,
    model_name,
    number,
    own_words,
    plain,
    say,
    told,
)
from danlu.workspace.messages import Language

HEADLINES = ("bits_per_byte", "masked_nats", "accuracy")  # the others are folded away
LEAK = "leak_accuracy"  # shown among the accuracies, as an outline
PANELS, BARS, ROWS, COMPARISONS, MOST_COMPARISONS = 24, 12, 240, 8, 60


def build(facts: Mapping[str, Any], language: Language) -> dict[str, Any] | None:
    """Groups of panels, one group a metric, one panel a slice; the comparisons; every number in a table."""
    numbers = [entry for entry in entries(facts, "evaluation", "numbers") if finite(entry.get("value"))]
    if not numbers:
        return None
    colours = tones(facts)
    metrics = list(dict.fromkeys(str(entry.get("metric")) for entry in numbers))
    order = [metric for metric in HEADLINES if metric in metrics] + [metric for metric in metrics if metric not in HEADLINES]
    groups = []
    drawn = 0
    for metric in order[:12]:
        if metric == LEAK and "accuracy" in metrics:
            continue
        extra = [entry for entry in numbers if entry.get("metric") == LEAK] if metric == "accuracy" else []
        group = _group(
            language, metric, [entry for entry in numbers if entry.get("metric") == metric], extra, colours, PANELS - drawn
        )
        drawn += len(group["panels"])
        if group["panels"]:
            groups.append(group)
    compared = sorted(entries(facts, "evaluation", "comparisons"), key=lambda entry: "language" in (entry.get("slice") or {}))
    comparisons = [line for entry in compared if (line := _comparison(language, entry, numbers))]
    return {
        "groups": groups,
        "meaning": [coded(words) for entry in entries(facts, "evaluation", "meaning") if (words := told(language, entry))][:8],
        "comparisons": comparisons[:COMPARISONS],
        "more_comparisons": comparisons[COMPARISONS:MOST_COMPARISONS],
        "openings": [
            say(
                language,
                "report.scores.opening",
                model=clip(str(entry.get("model", "")), 80),
                dataset=clip(str(entry.get("dataset", "")), 80),
                n=Value("count", entry.get("count", 0)),
                split=_split(language, entry.get("split")),
            )
            for entry in entries(facts, "evaluation", "openings")[:20]
        ],
        "parts": parts.build(facts, language),
        "overlaps": overlaps.build(facts, language),
        "table": [_row(language, entry) for entry in numbers[:ROWS]],
        "more": max(len(numbers) - ROWS, 0),
    }


def _group(
    language: Language,
    metric: str,
    numbers: list[dict[str, Any]],
    extra: list[dict[str, Any]],
    colours: dict[str, int],
    room: int,
) -> dict[str, Any]:
    """The panels of one metric: whole first, then by slice; test numbers where there are any. `extra` is drawn as outlines."""
    numbers = [entry for entry in numbers if entry.get("split") == "test"] or numbers
    higher = numbers[0].get("better") != "lower"
    slices = sorted({_slice(entry) for entry in numbers})
    edges = [edge for entry in numbers for edge in (entry["value"], *(entry.get("interval") or ()))]
    most = 1.0 if numbers[0].get("unit") == "share" and higher else max(edges)
    panels = []
    for group in slices[: max(room, 0)]:
        mine = [entry for entry in [*numbers, *extra] if _slice(entry) == group]
        mine.sort(key=lambda entry: (entry["value"] * (-1 if higher else 1), str(entry.get("model"))))
        title = slice_name(language, group)
        panels.append(
            bar_chart(
                [_bar(language, entry, colours) for entry in mine[:BARS]],
                title=f"{_metric(language, numbers[0])}, {title}",
                description="; ".join(
                    f"{model_name(language, str(entry.get('model')))}: {number(entry['value'])}" for entry in mine[:BARS]
                ),
                heading=title,
                most=most,
            )
        )
    counts = sorted({entry["count"] for entry in numbers if finite(entry.get("count"))})
    return {
        "metric": metric,
        "name": _metric(language, numbers[0]),
        "reading": plain(language, "report.scores.higher" if higher else "report.scores.lower"),
        "lead": plain(language, f"report.scores.lead.{metric}") if known(f"report.scores.lead.{metric}") else "",
        "count": count(counts[-1]) if counts else "",
        "split": _split(language, numbers[0].get("split")),
        "panels": panels,
        "folded": metric not in HEADLINES,
        "extra": LEAK if extra else "",
    }


def _bar(language: Language, entry: Mapping[str, Any], colours: dict[str, int]) -> Bar:
    name = str(entry.get("model"))
    interval = _interval(entry)
    words = number(entry["value"])
    if interval:
        words += f"  [{number(interval[0])}, {number(interval[1])}]"
    shown, ghost = model_name(language, name), entry.get("metric") == LEAK
    if ghost:
        shown = plain(language, "report.scores.leak", model=shown)
    return Bar(shown, entry["value"], words, interval, colours.get(name, 1), strong=name not in BASELINES, ghost=ghost)


def _interval(entry: Mapping[str, Any]) -> tuple[float, float] | None:
    pair = entry.get("interval")
    return (pair[0], pair[1]) if isinstance(pair, list | tuple) and len(pair) == 2 and all(map(finite, pair)) else None


def _slice(entry: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The slice as a sortable key: a dataset before its languages, the whole before its parts."""
    return tuple(sorted((str(key), str(value)) for key, value in (entry.get("slice") or {}).items()))


def slice_name(language: Language, group: tuple[tuple[str, str], ...]) -> str:
    """A slice in words."""
    parts = [language_name(language, value) if key == "language" else clip(value, 40) for key, value in group]
    return " · ".join(parts) or plain(language, "report.scores.whole")


def _metric(language: Language, entry: Mapping[str, Any]) -> str:
    """The name of an entry's metric; one of the user's own brings its words along."""
    return own_words(language, entry.get("words") or {}, "name") or metric_name(language, str(entry.get("metric")))


def _split(language: Language, split: object) -> str:
    key = f"report.split.{split}"
    return plain(language, key) if known(key) else clip(str(split or ""), 40)


def _row(language: Language, entry: Mapping[str, Any]) -> dict[str, str]:
    interval = _interval(entry)
    return {
        "metric": _metric(language, entry),
        "key": str(entry.get("metric")),
        "model": model_name(language, clip(str(entry.get("model")), 80)),
        "slice": slice_name(language, _slice(entry)),
        "value": number(entry["value"]),
        "interval": f"{number(interval[0])} – {number(interval[1])}" if interval else "–",
        "count": count(entry["count"]) if finite(entry.get("count")) else "–",
        "split": _split(language, entry.get("split")),
        "signature": clip(str(entry.get("signature") or ""), 400),
    }


def _comparison(language: Language, entry: Mapping[str, Any], numbers: list[dict[str, Any]]) -> Markup | None:
    """One comparison as a sentence: who is better by how much, or that the data cannot tell. `difference` is a's less b's."""
    a, b, gap, interval = entry.get("a"), entry.get("b"), entry.get("difference"), _interval(entry)
    if a is None or b is None or not isinstance(gap, int | float) or not finite(gap) or not interval:
        return None
    metric = str(entry.get("metric", "accuracy"))
    like = next((row for row in numbers if row.get("metric") == metric), {})
    beyond = interval[0] > 0 or interval[1] < 0
    clear = entry["verdict"] != "none" if "verdict" in entry else beyond
    a_ahead = (gap > 0) == (like.get("better") != "lower")
    winner, loser = (a, b) if a_ahead else (b, a)
    low, high = sorted(interval if gap > 0 else (-interval[0], -interval[1]))
    unit = like.get("unit")
    scale = 100 if unit == "share" else 1
    edges = [f"{edge * scale:.1f}" if scale == 100 else f"{'−' if edge < 0 else ''}{number(abs(edge))}" for edge in (low, high)]
    return say(
        language,
        "report.scores.better" if clear else "report.scores.not-held" if beyond else "report.scores.cannot-tell",
        winner=Value("model", str(winner)),
        loser=Value("model", str(loser)),
        metric=Value("metric", metric),
        gap=Value("gap", (gap, unit)),
        low=Value("text", edges[0].replace("-", "−")),
        high=Value("text", edges[1].replace("-", "−")),
        where=Value(
            "text", slice_name(language, _slice(entry)) if entry.get("slice") else plain(language, "report.scores.over-all")
        ),
    )
