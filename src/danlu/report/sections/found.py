"""What a cleaning found besides bad text (texts of tests, personal data, repeated lines), and what it learned.

Counts alone: no value of personal data and no test text is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from danlu.report.sections.access import largest, part
from danlu.report.words import count, general, language_name, plain, reason, share, size
from danlu.workspace.messages import Language

Facts = Mapping[str, Any]

WAYS = ("equal", "line", "contained", "overlap", "answer")
FEATURES = 12  # of each side of a classifier


def build(facts: Facts, language: Language) -> dict[str, Any] | None:
    """What the template shows; None where nothing was found or learned."""
    leaks = part(facts, "leaks")
    ways = [way for way in WAYS if any(way in counts for counts in leaks.values())]
    totals = {name: sum(counts.values()) for name, counts in leaks.items()}
    view: dict[str, Any] = {
        "ways": [plain(language, f"cleaning.way.{way}") for way in ways],
        "leaks": [
            {
                "name": plain(language, "cleaning.page.held-out") if name == "holdout" else name,
                "all": count(total),
                "cells": [count(leaks[name][way]) if leaks[name].get(way) else "–" for way in ways],
            }
            for name, total in largest(totals, 40)
        ],
        "personal": [
            {
                "name": reason(language, f"pii:{kind}"),
                "count": count(number),
                "action": plain(language, f"cleaning.action.{part(facts, 'actions').get(kind, 'none')}"),
            }
            for kind, number in largest(part(facts, "personal"), 20)
        ],
        "units": _units(facts.get("units"), language),
        "models": _models(part(facts, "language_model"), language),
        "classifier": _classifier(part(facts, "classifier"), language),
    }
    return view if any(view[name] for name in ("leaks", "personal", "units", "models", "classifier")) else None


def _units(units: Facts | None, language: Language) -> str:
    if not units:
        return ""
    amounts = {name: count(units[name]) for name in ("removed", "documents")}
    return plain(language, f"cleaning.page.units-{units['unit']}", **amounts, bytes=size(units["bytes"]))


def _models(facts: Facts, language: Language) -> list[str]:
    """A sentence on the language model of each language."""
    lines = []
    for name, model in part(facts, "languages").items():
        if not model.get("learned"):
            continue
        held = model["held_out"]
        shown = {
            "language": language_name(language, "zh-Hans" if name == "zh" else name),
            "documents": count(model["documents"]), "bytes": size(model["bytes"]),
            "perplexity": general(held["perplexity"]), "bits": general(held["bits_per_character"]),
            "unknown": share(held["unknown"]),
        }  # fmt: skip
        lines.append(plain(language, "cleaning.page.model", **shown))
    return lines


def _classifier(facts: Facts, language: Language) -> dict[str, Any] | None:
    if not facts:
        return None
    shown = {name: general(value) for name, value in facts["held_out"]["auc"].items() if value is not None}
    examples = {side: count(facts["examples"].get(side, 0)) for side in ("good", "bad")}
    sides = [
        {
            "name": plain(language, f"cleaning.page.speaks-{side}"),
            "features": [str(feature["ngram"]) for feature in found[:FEATURES]],
        }
        for side, found in part(facts, "features").items()
    ]
    key = "classifier" if "low" in shown else "classifier-bare"  # no interval where all is right
    words = plain(language, f"cleaning.page.{key}", **examples, **shown)
    return {"text": words, "sides": sides}
