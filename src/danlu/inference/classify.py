"""Class probabilities of texts, and of two texts that are read together."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from danlu.inference.batches import Advance, pad_rows, token_batches, unheard
from danlu.inference.context import context_length, pad_id
from danlu.inference.modernbert import Forward, agree, forward_of, known
from danlu.inference.spread import side_by_side

BATCH_TOKENS = 4096
SHORT_TOKENS = 1024  # on a CPU, short texts are quickest in batches whose states stay in its cache
REPAYS = 64  # texts from which on a forward of our own is worth its trial


def encode_texts(tokenizer: Any, texts: Sequence[str], length: int) -> list[list[int]]:
    """Token ids of each text with the model's special tokens, cut to `length`; at least one, padding if need be."""
    if not texts:
        return []
    encoded = tokenizer(list(texts), truncation=True, max_length=length, return_attention_mask=False)
    return [ids or [int(tokenizer.pad_token_id or 0)] for ids in encoded["input_ids"]]


@dataclass(frozen=True)
class Encoded:
    """Rows of token ids, the type of each token where the tokenizer says any (of two texts, which one), and which rows were
    cut, in rising order."""

    ids: list[list[int]]
    types: list[list[int]] | None
    cut: list[int]


def encode(tokenizer: Any, texts: Sequence[str], seconds: Sequence[str] | None = None, *, length: int) -> Encoded:
    """The ids of each text with the model's special tokens, or of each text and its second one as the tokenizer writes two.

    What is longer than `length` is cut at its end; of two texts the longer one token by token, as transformers'
    `longest_first` has it. At least one id a row, padding if need be.
    """
    both = [list(texts)] if seconds is None else [list(texts), list(seconds)]
    whole = tokenizer(*both, return_attention_mask=False, verbose=False)
    ids, types = whole["input_ids"], whole.get("token_type_ids")
    long = [row for row, found in enumerate(ids) if len(found) > length]
    if long:
        some = [[column[row] for row in long] for column in both]
        cut = tokenizer(*some, truncation="longest_first", max_length=length, return_attention_mask=False)
        for place, row in enumerate(long):
            ids[row] = cut["input_ids"][place]
            if types is not None:
                types[row] = cut["token_type_ids"][place]
    empty = [row for row, found in enumerate(ids) if not found]
    for row in empty:
        ids[row] = [int(tokenizer.pad_token_id or 0)]
        if types is not None:
            types[row] = [0]
    return Encoded(ids, types, long)


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
    types: Sequence[Sequence[int]] | None = None,
    batch_tokens: int = BATCH_TOKENS,
    advance: Advance = unheard,
) -> npt.NDArray[np.float32]:
    """What a sequence classification model gives as logits for rows of token ids: float32 [rows, outputs].

    `types`: those of the tokens, which models that know none do not see.
    """
    device = next(model.parameters()).device
    typed = types if types is not None and _takes_types(model, types) else None
    own = _own_forward(model, rows, pad) if typed is None and len(rows) >= REPAYS else None

    def forward(batch: list[int]) -> npt.NDArray[np.float32]:
        ids, mask = pad_rows([rows[index] for index in batch], pad)
        with torch.inference_mode():
            if own is not None:
                return np.asarray(own(ids, mask).float().numpy())
            more = {} if typed is None else {"token_type_ids": pad_rows([typed[index] for index in batch], 0)[0].to(device)}
            found = model(input_ids=ids.to(device), attention_mask=mask.to(device), **more).logits.float().cpu().numpy()
        return np.asarray(found)

    batches = list(token_batches([len(row) for row in rows], batch_tokens))
    result: npt.NDArray[np.float32] | None = None
    for batch, logits in zip(batches, side_by_side(model, forward, batches), strict=True):
        if result is None:
            result = np.zeros((len(rows), logits.shape[1]), np.float32)
        result[batch] = logits
        advance(len(batch))
    return np.zeros((0, int(model.config.num_labels)), np.float32) if result is None else result


def _own_forward(model: Any, rows: Sequence[Sequence[int]], pad: int) -> Forward | None:
    """A quicker forward than the model's own, where one is known and gives the same for the longest and the shortest text."""
    if not known(model):
        return None
    with torch.inference_mode():
        own = forward_of(model)
        return own if agree(own, model, *pad_rows([max(rows, key=len), min(rows, key=len)], pad)) else None


def _takes_types(model: Any, types: Sequence[Sequence[int]]) -> bool:
    """Whether the class of the model has an embedding for each type."""
    known = getattr(model.config, "type_vocab_size", None)
    highest = max((max(row) for row in types), default=0)
    return "token_type_ids" in inspect.signature(model.forward).parameters and (known is None or highest < known)
