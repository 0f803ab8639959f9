"""Classification and masks: answers for one text or many, a few texts at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from danlu.inference.classify import classify
from danlu.inference.masks import fill_mask
from danlu.inference.predict import MASK, filled, mask_text
from danlu.inference.prepare import prepare_text
from danlu.serve.errors import ApiError
from danlu.serve.requests import ClassifyRequest, FillMaskRequest
from danlu.serve.served import Served

TEXTS_A_STEP = 16


@dataclass(frozen=True)
class Answered:
    """The answer for one text, and how many tokens the model read for it."""

    body: dict[str, Any]
    tokens: int


def texts_of(given: str | Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def classify_texts(served: Served, request: ClassifyRequest) -> Iterator[Answered]:
    """For each text the likeliest label and the probability of every label; all are measured before one is classified."""
    loaded = served.loaded
    texts = [prepare_text(text) for text in texts_of(request.input)]
    counts = [len(ids) for ids in loaded.tokenizer(texts, return_attention_mask=False, verbose=False)["input_ids"]]
    for index, count in enumerate(counts):
        if count > served.limit and not request.truncate:
            raise ApiError(
                "serve.too-long", param="input", code="context_length_exceeded", index=index, tokens=count, model=served.name,
                limit=served.limit,
            )  # fmt: skip
    for start in range(0, len(texts), TEXTS_A_STEP):
        part = texts[start : start + TEXTS_A_STEP]
        shares = classify(loaded.model, loaded.tokenizer, part, length=served.limit)
        for index, row in enumerate(shares.tolist(), start=start):
            yield Answered(
                _classified(index, served.labels, row, counts[index], served.limit), min(counts[index], served.limit)
            )


def _classified(index: int, labels: Sequence[str], row: Sequence[float], count: int, limit: int) -> dict[str, Any]:
    best = max(range(len(row)), key=row.__getitem__)
    return {
        "index": index, "label": labels[best], "probability": row[best], "probabilities": dict(zip(labels, row, strict=True)),
        "tokens": min(count, limit), "truncated": count > limit,
    }  # fmt: skip


def fill_texts(served: Served, request: FillMaskRequest) -> Iterator[Answered]:
    """For each text its masks with the likeliest tokens, and the text with the likeliest filled in."""
    loaded = served.loaded
    for index, given in enumerate(texts_of(request.input)):
        text = mask_text(loaded, given)
        answers = fill_mask(loaded.model, loaded.tokenizer, text, request.top)
        masks = [
            {"answers": [{"token": found.token, "token_id": found.id, "probability": found.probability} for found in gap]}
            for gap in answers
        ]
        body = {"index": index, "text": filled(text, answers), "masks": masks}
        yield Answered(body, len(loaded.tokenizer(text.replace(MASK, loaded.tokenizer.mask_token))["input_ids"]))
