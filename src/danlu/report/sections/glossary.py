"""What the words and measures of the page mean: one sentence each, reachable from wherever they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from danlu.report.sections.access import entries
from danlu.report.words import metric_definition, metric_name, own_words, plain
from danlu.workspace.messages import Language

TERMS = (
    "document",
    "repeat",
    "conflict",
    "heldout",
    "splits",
    "token",
    "parameter",
    "pretraining",
    "finetuning",
    "label",
    "loss",
    "mask",
    "step",
    "interval",
    "baseline",
    "gzip",
    "unigram",
    "5-gram",
    "majority",
    "tfidf",
    "memory",
    "key",
)


def build(facts: Mapping[str, Any], language: Language) -> dict[str, Any] | None:
    """Metrics that the page shows, then the words it uses."""
    shown = [
        str(entry.get("metric")) for kind in ("numbers", "curve", "comparisons") for entry in entries(facts, "evaluation", kind)
    ]
    own = {str(entry.get("metric")): entry.get("words") or {} for entry in entries(facts, "evaluation", "numbers")}
    metrics = [metric for metric in dict.fromkeys(shown) if metric and metric != "None"][:40]
    return {
        "metrics": [
            {
                "key": metric,
                "name": own_words(language, own.get(metric, {}), "name") or metric_name(language, metric),
                "definition": own_words(language, own.get(metric, {}), "definition") or metric_definition(language, metric),
            }
            for metric in metrics
        ],
        "terms": [
            {
                "key": term,
                "name": plain(language, f"report.term.{term}.name"),
                "definition": plain(language, f"report.term.{term}.definition"),
            }
            for term in TERMS
        ],
    }
