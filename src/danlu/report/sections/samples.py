"""What the models say: generated text, filled masks, mistakes worth reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from danlu.report.sections.access import entries
from danlu.report.words import clip, finite, share, visible
from danlu.workspace.messages import Language

MASK = "<|mask|>"
GENERATED, MASKS, MISTAKES, CHARACTERS = 12, 16, 16, 600


def build(facts: Mapping[str, Any], _: Language) -> dict[str, Any] | None:
    """Generated samples, masks with truth and answers, mistakes with the surest first."""
    generated = entries(facts, "evaluation", "samples", "generated")[:GENERATED]
    masks = entries(facts, "evaluation", "samples", "masks")[:MASKS]
    mistakes = entries(facts, "evaluation", "mistakes")
    mistakes.sort(key=lambda entry: (-_probability(entry), str(entry.get("text"))))
    if not generated and not masks and not mistakes:
        return None
    return {
        "generated": [
            {
                "model": clip(str(entry.get("model", "")), 80),
                "tag": str(entry.get("language") or ""),
                "prompt": visible(clip(str(entry.get("prompt", "")), 300)),
                "text": visible(clip(_continuation(entry), CHARACTERS)),
            }
            for entry in generated
        ],
        "masks": [_mask(entry) for entry in masks],
        "mistakes": [
            {
                "model": clip(str(entry.get("model", "")), 80),
                "tag": str(entry.get("language") or ""),
                "text": visible(clip(str(entry.get("text", "")), 400)),
                "label": clip(str(entry.get("label", "")), 60),
                "predicted": clip(str(entry.get("predicted", "")), 60),
                "probability": share(_probability(entry)),
            }
            for entry in _spread(mistakes)
        ],
    }


def _probability(entry: Mapping[str, Any]) -> float:
    value = entry.get("probability")
    return float(value) if isinstance(value, int | float) and finite(value) else 0.0


def _continuation(entry: Mapping[str, Any]) -> str:
    """The text without its prompt, where it begins with it."""
    return str(entry.get("text", "")).removeprefix(str(entry.get("prompt", "")))


def _mask(entry: Mapping[str, Any]) -> dict[str, Any]:
    truth = str(entry.get("truth", ""))
    answers = [answer for answer in entry.get("answers") or [] if finite(answer.get("probability"))][:5]
    head, found, tail = gap_parts(str(entry.get("text", "")))
    return {
        "model": clip(str(entry.get("model", "")), 80),
        "tag": str(entry.get("language") or ""),
        "before": visible(head[-160:] if len(head) <= 160 else "…" + head[-160:]),
        "after": visible(clip(tail.replace(MASK, "▢"), 160)),
        "hole": Markup('<span class="hole"></span>') if found else Markup(),
        "truth": visible(clip(truth, 60)).strip() or "␣",
        "answers": [
            {
                "token": visible(clip(str(answer.get("token", "")), 60)).strip() or "␣",
                "share": share(answer["probability"]),
                "width": f"{max(min(answer['probability'], 1.0), 0.0) * 100:.1f}",
                "right": str(answer.get("token", "")).strip() == truth.strip(),
            }
            for answer in answers
        ],
    }


def gap_parts(text: str) -> tuple[str, str, str]:
    """What stands before the gap of a sentence, the mask (empty: there is none), and what stands after it."""
    found = text.partition(MASK)
    return found if found[1] else text.partition("[MASK]")


def _spread(mistakes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Some of each language and model in turn, so that one does not fill the page; the surest first within each."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for entry in mistakes:
        groups.setdefault((str(entry.get("model")), str(entry.get("language"))), []).append(entry)
    taken: list[dict[str, Any]] = []
    while any(groups.values()) and len(taken) < MISTAKES:
        for group in groups.values():
            if group and len(taken) < MISTAKES:
                taken.append(group.pop(0))
    return taken
