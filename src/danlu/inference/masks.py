"""Filling masks: what an encoder thinks stands in a gap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from danlu.inference.context import context_length
from danlu.inference.pieces import pieces_of
from danlu.workspace.errors import DanluError

MASK_WORDS = ("[MASK]", "<mask>")


@dataclass(frozen=True)
class Answer:
    """A token for a gap: its id, its text, its probability."""

    id: int
    token: str
    probability: float


def fill_mask(model: Any, tokenizer: Any, text: str, top: int = 5, *, whole: bool = True) -> list[list[Answer]]:
    """The `top` likeliest answers for each mask of `text`, in order; a mask is the tokenizer's own token or `[MASK]`.

    With `whole`, tokens that are half a character and special tokens are not named; the probabilities stay as they are.
    """
    for word in MASK_WORDS:
        text = text.replace(word, tokenizer.mask_token)
    ids = tokenizer(text)["input_ids"]
    places = [index for index, token in enumerate(ids) if token == tokenizer.mask_token_id]
    limit = context_length(model)
    if not places:
        raise DanluError("inference.no-mask", mask=tokenizer.mask_token)
    if len(ids) > limit:
        raise DanluError("inference.too-long", tokens=len(ids), limit=limit)
    device = next(model.parameters()).device
    with torch.inference_mode():
        inputs = torch.tensor([ids], device=device)
        logits = model(input_ids=inputs, attention_mask=torch.ones_like(inputs)).logits[0, places].float().cpu()
        shares = torch.softmax(logits, dim=-1).numpy()
    pieces = pieces_of(tokenizer)
    named = pieces.whole() if whole else np.ones(len(pieces.data), np.bool_)
    candidates = np.flatnonzero(named[: shares.shape[1]])
    answers = []
    for row in shares:
        best = candidates[np.argsort(-row[candidates], kind="stable")[:top]]
        answers.append(
            [Answer(index, _label(tokenizer, pieces.data[index], index), float(row[index])) for index in best.tolist()]
        )
    return answers


def _label(tokenizer: Any, data: bytes, index: int) -> str:
    return data.decode("utf-8", "replace") if data else str(tokenizer.convert_ids_to_tokens(index))
