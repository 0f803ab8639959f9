"""Which colour a model has: the same on every figure of the page. Baselines are grey and differ by dash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from danlu.report.sections.access import entries, part
from danlu.report.words import BASELINES


def tones(facts: Mapping[str, Any]) -> dict[str, int]:
    """Model -> tone: 0 for baselines; own models 1, 2, ... fine-tuned ones first, since they are what people came for."""
    names = [*part(facts, "finetune"), *part(facts, "pretrain")]
    names += [str(entry.get("model", "")) for kind in ("numbers", "curve") for entry in entries(facts, "evaluation", kind)]
    own = list(dict.fromkeys(name for name in names if name not in BASELINES))
    return {name: index % 5 + 1 for index, name in enumerate(own)} | dict.fromkeys(BASELINES, 0)


def dashes(names: list[str]) -> dict[str, int]:
    """Dash of each quiet line, so that two grey lines differ."""
    quiet = [name for name in names if name in BASELINES]
    return {name: index + 1 for index, name in enumerate(quiet)}
