"""Scores by label, length, source and position, as small tables: one for each measure and attribute, a column a model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from danlu.report.sections.access import entries
from danlu.report.words import BASELINES, clip, count, finite, language_name, metric_name, model_name, number, plain
from danlu.workspace.messages import Language

ATTRIBUTES = ("label", "length", "source", "position")
TABLES, ROWS, MODELS = 16, 12, 8


class _Table(NamedTuple):
    """What one table is about: its metric, dataset and language (`""`: all)."""

    metric: str
    attribute: str
    dataset: str
    language: str


def build(facts: Mapping[str, Any], language: Language) -> list[dict[str, Any]]:
    """The tables; first the measures and attributes that come first in the facts and in `ATTRIBUTES`."""
    found: dict[_Table, dict[str, dict[str, Mapping[str, Any]]]] = {}
    for entry in entries(facts, "evaluation", "parts"):
        where = entry.get("slice") or {}
        attribute = next((name for name in ATTRIBUTES if name in where), None)
        if attribute is None or not finite(entry.get("value")):
            continue
        table = _Table(str(entry.get("metric")), attribute, str(where.get("dataset") or ""), str(where.get("language") or ""))
        found.setdefault(table, {}).setdefault(str(where[attribute]), {})[str(entry.get("model"))] = entry
    metrics = list(dict.fromkeys(table.metric for table in found))
    order = sorted(found, key=lambda table: (metrics.index(table.metric), table.dataset, ATTRIBUTES.index(table.attribute)))
    return [_table(language, table, found[table]) for table in order[:TABLES]]


def _table(language: Language, table: _Table, rows: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, Any]:
    models = list(dict.fromkeys(model for row in rows.values() for model in row))
    models = sorted(models, key=lambda model: model in BASELINES)[:MODELS]  # the user's own first
    shown = sorted(sorted(rows, key=lambda value: -_count(rows[value]))[:ROWS], key=_place)
    named = (clip(table.dataset, 40), language_name(language, table.language) if table.language else "")
    return {
        "place": " · ".join(part for part in named if part),
        "name": metric_name(language, table.metric),
        "by": plain(language, f"report.parts.by.{table.attribute}"),
        "models": [model_name(language, clip(model, 40)) for model in models],
        "rows": [
            {
                "name": _range(value) if table.attribute in ("length", "position") else clip(value, 60),
                "cells": [_cell(rows[value].get(model)) for model in models],
                "count": count(_count(rows[value])),
            }
            for value in shown
        ],
    }


def _cell(entry: Mapping[str, Any] | None) -> dict[str, str]:
    if entry is None:
        return {"value": "–", "interval": ""}
    ends = entry.get("interval") or ()
    return {"value": number(entry["value"]), "interval": "–".join(map(number, ends)) if all(map(finite, ends)) else ""}


def _count(row: Mapping[str, Mapping[str, Any]]) -> float:
    """How many items a part has, of whichever model was measured on most."""
    return max((entry["count"] for entry in row.values() if finite(entry.get("count"))), default=0)


def _place(value: str) -> tuple[int, str]:
    """Ranges by where they begin, everything else by name."""
    start = re.match(r"\d{1,15}(?=[-+])", value)
    return (int(start[0]) if start else 0, value)


def _range(value: str) -> str:
    """`256-1023` as 256–1,023."""
    return re.sub(r"\d{4,15}", lambda found: count(int(found[0])), clip(value, 40)).replace("-", "–")
