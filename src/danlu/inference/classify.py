"""Class probabilities of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from danlu.inference.batches import Advance, pad_rows, token_batches, unheard
from danlu.inference.context import context_length, pad_id

BATCH_TOKENS = 4096
SHORT_TOKENS = 1024  # on a CPU, short texts are quickest in batches whose states stay in its cache


def encode_texts(tokenizer: Any, texts: Sequence[str], length: int) -> list[list[int]]:
    """Token ids of each text with the model's special tokens, cut to `length`; at least one, padding if need be."""
    if not texts:
        return []
    encoded = tokenizer(list(texts), truncation=True, max_length=length, return_attention_mask=False)
    return [ids or [int(tokenizer.pad_token_id or 0)] for ids in encoded["input_ids"]]


def classify(
    model: Any,
    tokenizer: Any,
    texts: Sequence[str],
    *,
    length: int | None = None,
    batch_tokens: int = SHORT_TOKENS,
    advance: Advance = unheard,
) -> npt.NDArray[np.float32]:
    """Probabilities float32 [texts, classes], in the order of `model.config.id2label`.

    `length`: most tokens of a text (default: what the tokenizer says, at most the model's context). Batches are of like
    lengths and at most `batch_tokens` tokens. The texts are taken as they are: prepare them with `danlu.inference.prepare`.
    """
    limit = min(length or tokenizer.model_max_length, context_length(model))
    rows = encode_texts(tokenizer, texts, limit)
    outputs = forward_rows(model, rows, pad=pad_id(model, tokenizer), batch_tokens=batch_tokens, advance=advance)
    return softmax(outputs)


def softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Rows of probabilities, computed in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True, initial=-np.inf))
    shares: npt.NDArray[np.float32] = (shifted / shifted.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def forward_rows(
    model: Any,
    rows: Sequence[Sequence[int]],
    *,
    pad: int,
    batch_tokens: int = BATCH_TOKENS,
    advance: Advance = unheard,
) -> npt.NDArray[np.float32]:
    """What a sequence classification model gives as logits for rows of token ids: float32 [rows, outputs]."""
    device = next(model.parameters()).device
    result: npt.NDArray[np.float32] | None = None
    for batch in token_batches([len(row) for row in rows], batch_tokens):
        ids, mask = pad_rows([rows[index] for index in batch], pad)
        with torch.inference_mode():
            logits = model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits.float().cpu().numpy()
        if result is None:
            result = np.zeros((len(rows), logits.shape[1]), np.float32)
        result[batch] = logits
        advance(len(batch))
    return np.zeros((0, int(model.config.num_labels)), np.float32) if result is None else result
