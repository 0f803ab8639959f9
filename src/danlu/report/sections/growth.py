"""What a model said while it learned: the same starts and gaps after more and more text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from danlu.report.sections.samples import gap_parts
from danlu.report.words import clip, finite, share, short, visible
from danlu.workspace.messages import Language

STARTS, MOMENTS, CHARACTERS, ANSWERS = 4, 8, 200, 3


def build_growth(language: Language, metrics: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each start or sentence with a gap, what came of it after how many tokens read: `moments`, the first one first."""
    found: dict[str, dict[float, Mapping[str, Any]]] = {}
    for row in metrics:
        start = str(row.get("prompt") or row.get("text") or "")
        if row.get("kind") in ("written", "filled") and start and finite(row.get("tokens")):
            found.setdefault(start, {})[row["tokens"]] = row  # a resumed run may have said it twice: the later line holds
    return [_start(language, start, sorted(rows.items())[:MOMENTS]) for start, rows in list(found.items())[:STARTS]]


def _start(language: Language, start: str, rows: Sequence[tuple[float, Mapping[str, Any]]]) -> dict[str, Any]:
    first = rows[0][1]
    truth = str(first.get("truth") or "")
    before, _, after = gap_parts(start) if truth else (start, "", "")
    return {
        "tag": str(first.get("language") or ""),
        "before": visible(clip(before, CHARACTERS)),
        "truth": visible(clip(truth, 60)).strip(),
        "after": visible(clip(after, CHARACTERS)),
        "moments": [{"tokens": short(language, tokens), **_said(row, truth)} for tokens, row in rows],
    }


def _said(row: Mapping[str, Any], truth: str) -> dict[str, Any]:
    if not truth:
        return {"text": visible(clip(" ".join(str(row.get("text") or "").split()), CHARACTERS)), "answers": []}
    answers = [answer for answer in row.get("answers") or [] if finite(answer.get("probability"))]
    return {
        "text": "",
        "answers": [
            {
                "token": visible(clip(str(answer.get("token", "")), 60)).strip() or "␣",
                "share": share(answer["probability"]),
                "right": str(answer.get("token", "")).strip() == truth.strip(),
            }
            for answer in answers[:ANSWERS]
        ],
    }
