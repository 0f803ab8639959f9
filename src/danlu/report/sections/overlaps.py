"""What is tested on that stands in what is learned from: a line a search, with examples side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from danlu.report.sections.access import entries
from danlu.report.sections.cleaning import difference
from danlu.report.words import clip, count, finite, known, plain, share, visible
from danlu.workspace.messages import Language

SEARCHES, EXAMPLES, CHARACTERS = 30, 9, 400
NOTHING = "report.overlaps.none"
COPIES = ("exact", "near", "short")
TOLD = {"report.overlaps.some": ("exact", "near"), "report.overlaps.chance": ("short",)}
"""What to say of the searches, by what must have been found."""


def build(facts: Mapping[str, Any], language: Language) -> dict[str, Any] | None:
    """The searches in the order of the facts, and the examples of those that found something, the closest first."""
    searches = [entry for entry in entries(facts, "evaluation", "overlaps") if finite(entry.get("rows"))][:SEARCHES]
    if not searches:
        return None
    found = [
        (entry, example) for entry in searches for example in entry.get("examples") or () if finite(example.get("similarity"))
    ]
    told = (key for key, names in TOLD.items() if any(entry.get(name) for entry in searches for name in names))
    return {
        "threshold": share(max((entry["threshold"] for entry in searches if finite(entry.get("threshold"))), default=0.0)),
        "told": next(told, NOTHING),
        "short": any(entry.get("short") for entry in searches),
        "rows": [
            {
                "tested": _tested(language, entry),
                "source": _source(language, entry),
                **{name: count(entry.get(name) or 0) for name in ("rows", "texts", *COPIES)},
            }
            for entry in searches
        ],
        "examples": [
            {
                "tested": _tested(language, entry),
                "source": _source(language, entry),
                "tag": str(example.get("language") or ""),
                "similarity": share(example["similarity"]),
                "exact": bool(example.get("exact")),
                **difference(_shown(example, "text"), _shown(example, "other")),
            }
            for entry, example in found[:EXAMPLES]
        ],
    }


def _tested(language: Language, entry: Mapping[str, Any]) -> str:
    """What was looked for: a split of a dataset, or the text set aside."""
    named = (clip(str(entry.get("dataset") or ""), 60), _split(language, entry.get("split")))
    return " · ".join(part for part in named if part)


def _source(language: Language, entry: Mapping[str, Any]) -> str:
    """Where it was looked for."""
    return _split(language, entry.get("source"))


def _split(language: Language, name: object) -> str:
    key = f"report.split.{name}"
    return plain(language, key) if known(key) else clip(str(name or ""), 60)


def _shown(example: Mapping[str, Any], name: str) -> str:
    return visible(clip(str(example.get(name) or ""), CHARACTERS))
