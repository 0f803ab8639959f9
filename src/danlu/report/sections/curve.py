"""The label curve: how good each model is for how many labelled examples, one panel a language, crossings in words."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import log
from typing import Any

from markupsafe import Markup

from danlu.report.figures import Line, Mark, line_chart
from danlu.report.sections.access import entries, part
from danlu.report.sections.tones import dashes, tones
from danlu.report.words import BASELINES, Value, about, count, finite, language_name, metric_name, model_name, plain, say
from danlu.workspace.messages import Language

PANELS, LINES, POINTS = 8, 8, 40
SIMPLE = "tfidf"


def build(facts: Mapping[str, Any], language: Language) -> dict[str, Any] | None:
    """Panels with a common scale; words for each crossing; the numbers behind it all."""
    points = [
        {**point, "place": _place(point)}
        for point in entries(facts, "evaluation", "curve")
        if finite(point.get("value")) and finite(point.get("labels")) and point["labels"] > 0
    ]
    if not points:
        return None
    metric = str(points[0].get("metric", "accuracy"))
    points = [point for point in points if str(point.get("metric", "accuracy")) == metric]
    places = list(dict.fromkeys(point["place"] for point in points))
    single = [place for place in places if place[1] != "all"]
    places = (single or places)[:PANELS]  # the panels are the languages; "all" only where there is no other
    shown = [point for point in points if point["place"] in places]
    edges = [edge for point in shown for edge in (point["value"], *(point.get("interval") or ()))]
    pad = (max(edges) - min(edges)) * 0.05 or 0.02
    span = (max(min(edges) - pad, 0.0) if min(edges) >= 0 else min(edges) - pad, max(edges) + pad)
    panels, sentences = [], []
    bare = _without_pretraining(facts)
    marked = any(_crossings(facts, place) for place in places)
    for place in places:
        mine = [point for point in shown if point["place"] == place]
        crossings = _crossings(facts, place)
        panels.append(_panel(facts, language, metric, place, mine, span, crossings, marked))
        sentences += _sentences(language, place, [point for point in mine if str(point.get("model")) not in bare], crossings)
    return {
        "metric": metric,
        "metric_name": metric_name(language, metric),
        "panels": panels,
        "sentences": sentences[:12],
        "table": [
            {
                "model": model_name(language, str(point.get("model"))),
                "place": _place_name(language, point["place"]),
                "labels": count(point["labels"]),
                "value": f"{point['value']:.3f}",
                "interval": f"{point['interval'][0]:.3f} – {point['interval'][1]:.3f}" if point.get("interval") else "–",
            }
            for point in points[:200]
        ],
    }


def _place(entry: Mapping[str, Any]) -> tuple[str, str]:
    return str(entry.get("dataset") or ""), str(entry.get("language") or "all")


def _place_name(language: Language, place: tuple[str, str]) -> str:
    return " · ".join(part for part in (place[0], language_name(language, place[1])) if part)


def _without_pretraining(facts: Mapping[str, Any]) -> set[str]:
    return {name for name, entry in part(facts, "finetune").items() if part(entry, "facts").get("initial") == "random"}


def _crossings(facts: Mapping[str, Any], place: tuple[str, str]) -> list[dict[str, Any]]:
    """The crossings of a panel, those with the word counts first: they tell whether a network is needed at all."""
    found = [
        entry for entry in entries(facts, "evaluation", "crossings") if _place(entry) == place and finite(entry.get("labels"))
    ]
    bare = _without_pretraining(facts)
    models = set(part(facts, "finetune")) | {SIMPLE}
    found = [entry for entry in found if {entry.get("a"), entry.get("b")} <= models or not models - {SIMPLE}]
    return sorted(
        found, key=lambda entry: (SIMPLE not in (entry.get("a"), entry.get("b")), bool({entry.get("a"), entry.get("b")} & bare))
    )


def _panel(
    facts: Mapping[str, Any],
    language: Language,
    metric: str,
    place: tuple[str, str],
    points: list[dict[str, Any]],
    span: tuple[float, float],
    crossings: list[dict[str, Any]],
    marked: bool,
) -> str:
    colours = tones(facts)
    names = list(dict.fromkeys(str(point.get("model")) for point in points))[:LINES]
    dash = dashes(names)
    lines = []
    for name in names:
        sizes = {point["labels"]: point for point in points if str(point.get("model")) == name}
        mine = [sizes[size] for size in sorted(sizes)][:POINTS]
        band = tuple((point["labels"], *point["interval"]) for point in mine if point.get("interval"))
        lines.append(
            Line(
                model_name(language, name),
                tuple((point["labels"], point["value"]) for point in mine),
                band,
                colours.get(name, 1),
                dash.get(name, 0),
                markers=True,
                end=f"{mine[-1]['value']:.2f}",
            )
        )
    mark = None
    if crossings:
        at = float(crossings[0]["labels"])
        mark = Mark(at, plain(language, "report.curve.mark", labels=about(at)), _height(points, str(crossings[0].get("a")), at))
    name = _place_name(language, place)
    return line_chart(
        lines,
        heading=name,
        title=plain(language, "report.curve.chart-title", metric=metric_name(language, metric), language=name),
        description="; ".join(f"{line.name}: {line.points[0][1]:.3f} → {line.points[-1][1]:.3f}" for line in lines),
        x_label=plain(language, "report.curve.x"),
        y_label=metric_name(language, metric),
        x_format=count,
        y_format=lambda value: f"{value:.2f}",
        log_x=True,
        ticks_x=sorted({point["labels"] for point in points}),
        y_range=span,
        mark=mark,
        headroom=marked,
        height=330,
    )


def _height(points: list[dict[str, Any]], model: str, labels: float) -> float | None:
    """Value of a model's line at `labels`, straight between its points over log labels."""
    mine = sorted((point["labels"], point["value"]) for point in points if str(point.get("model")) == model)
    for (x0, y0), (x1, y1) in pairwise(mine):
        if x0 <= labels <= x1 and x1 > x0:
            return float(y0 + (y1 - y0) * (log(labels) - log(x0)) / (log(x1) - log(x0)))
    return None


def _sentences(
    language: Language, place: tuple[str, str], points: list[dict[str, Any]], crossings: list[dict[str, Any]]
) -> list[Markup]:
    """What the panel says: where lines cross, and which line is ahead of the word counts, or behind them, all along."""
    name = _place_name(language, place)
    sentences = [
        say(
            language,
            "report.curve.crossing",
            winner=Value("model", str(entry.get("a"))),
            loser=Value("model", str(entry.get("b"))),
            place=Value("word", name),
            labels=Value("about", entry["labels"]),
        )
        for entry in crossings[:2]
    ]
    lines: dict[str, dict[float, float]] = {}
    for point in points:
        lines.setdefault(str(point.get("model")), {})[point["labels"]] = point["value"]
    simple = lines.get(SIMPLE, {})
    for model, line in lines.items():
        gaps = [line[size] - simple[size] for size in line if size in simple]
        if model in BASELINES or len(gaps) < 2:
            continue
        for winner, loser, ahead in (
            (model, SIMPLE, all(gap > 0 for gap in gaps)),
            (SIMPLE, model, all(gap < 0 for gap in gaps)),
        ):
            if ahead:
                values = {"winner": Value("model", winner), "loser": Value("model", loser), "place": Value("word", name)}
                sentences.append(say(language, "report.curve.no-crossing", **values))
    return sentences
