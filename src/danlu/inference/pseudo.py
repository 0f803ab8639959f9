"""Pseudo-log-likelihood: how likely a masked language model finds each token of a text, given all the others (Salazar et al.,
arXiv 1910.14659), in the variant of Kauf and Ivanova, arXiv 2305.10588: the rest of the same word to its right is masked too.
Else the second half of a word tells its first, and rare words that are cut into many tokens seem the likeliest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from danlu.inference.batches import Advance, pad_rows, token_batches, unheard
from danlu.inference.context import context_length, pad_id
from danlu.inference.heads import masked_logits
from danlu.inference.nats import Nats
from danlu.inference.windows import plain_windows
from danlu.inference.words import word_numbers

BATCH_TOKENS = 8192
TEXTS = 64  # whose rows are put into batches together


def pseudo_nats(
    model: Any, tokenizer: Any, texts: Sequence[str], *, batch_tokens: int = BATCH_TOKENS, advance: Advance = unheard
) -> list[Nats]:
    """Nats of each token of each text, special tokens left out: float64 [tokens].

    The model is asked once a token, so this costs a text's length squared. A text that is longer than the context is cut into
    parts side by side. `advance` is told of texts.
    """
    found: list[Nats] = []
    for start in range(0, len(texts), TEXTS):
        coded = [code_words(tokenizer, text) for text in texts[start : start + TEXTS]]
        found += _nats(model, tokenizer, coded, batch_tokens)
        advance(len(coded))
    return found


@dataclass(frozen=True)
class Coded:
    """The token ids of a text, each one's word, and the special tokens that stand before and after them."""

    ids: list[int]
    words: list[int]
    before: list[int]
    after: list[int]


def code_words(tokenizer: Any, text: str) -> Coded:
    """A text's tokens and words, by a fast tokenizer."""
    coded = tokenizer(text, return_special_tokens_mask=True, return_offsets_mapping=True, verbose=False)
    ids, special = list(coded["input_ids"]), coded["special_tokens_mask"]
    real = [place for place, mark in enumerate(special) if not mark]
    first, last = (real[0], real[-1] + 1) if real else (len(ids), len(ids))
    words = word_numbers(text, coded.word_ids(0)[first:last], coded["offset_mapping"][first:last])
    return Coded(ids[first:last], words, ids[:first], ids[last:])


@dataclass(frozen=True)
class _Ask:
    """Token `place` of a text, asked within its tokens [start, end)."""

    text: int
    place: int
    start: int
    end: int


def _nats(model: Any, tokenizer: Any, coded: Sequence[Coded], batch_tokens: int) -> list[Nats]:
    limit, pad, mask = context_length(model), pad_id(model, tokenizer), int(tokenizer.mask_token_id)
    asks = [
        _Ask(number, place, window.start, window.end)
        for number, text in enumerate(coded)
        for window in plain_windows(len(text.ids), limit - len(text.before) - len(text.after))
        for place in range(window.start, window.end)
    ]
    found = [np.zeros(len(text.ids)) for text in coded]
    device = next(model.parameters()).device
    for batch in token_batches([ask.end - ask.start for ask in asks], batch_tokens):
        chosen = [asks[index] for index in batch]
        ids, seen = pad_rows([_row(coded[ask.text], ask, mask) for ask in chosen], pad)
        columns = torch.tensor([len(coded[ask.text].before) + ask.place - ask.start for ask in chosen])
        targets = torch.tensor([coded[ask.text].ids[ask.place] for ask in chosen])
        arguments = [tensor.to(device) for tensor in (ids, seen, torch.arange(len(chosen)), columns)]
        with torch.inference_mode():
            logits = masked_logits(model, *arguments).float()
            nats = logits.logsumexp(-1) - logits.gather(1, targets.to(device)[:, None])[:, 0]
        for ask, value in zip(chosen, nats.double().tolist(), strict=True):
            found[ask.text][ask.place] = value
    return found


def _row(text: Coded, ask: _Ask, mask: int) -> list[int]:
    ids = text.ids[ask.start : ask.end]
    for place in range(ask.place, ask.end):
        if text.words[place] != text.words[ask.place]:
            break
        ids[place - ask.start] = mask
    return [*text.before, *ids, *text.after]
