"""Tokens that may not come next, so that generated text is always valid UTF-8."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch

from danlu.inference.pieces import DEAD, START, pieces_of


class Bans:
    """Special tokens (but an end of text) and tokens that would break a character begun before, by state of the automaton."""

    def __init__(self, tokenizer: Any, vocabulary: int, ends: Collection[int]) -> None:
        pieces = pieces_of(tokenizer)
        count = min(vocabulary, len(pieces.data))
        self._following = pieces.following[:, :count]
        # Ids beyond the tokenizer's (padding of the embedding) and special tokens never are text.
        allowed = torch.zeros((DEAD, vocabulary), dtype=torch.bool)
        allowed[:, :count] = torch.from_numpy((self._following[:DEAD] != DEAD) & ~pieces.special[:count])
        for token in ends:
            allowed[:, token] = False
            allowed[START, token] = True
        # A vocabulary without the bytes to finish a character has no allowed token there: then nothing is banned.
        self._banned = ~allowed & allowed.any(1, keepdim=True)
        self._ends = frozenset(ends)

    def apply(self, logits: torch.Tensor, states: Sequence[int]) -> torch.Tensor:
        """`logits` [rows, vocabulary] with minus infinity where a row in that state may not go."""
        return logits.masked_fill(self._banned[list(states)], -torch.inf)

    def after(self, state: int, token: int) -> int:
        """The state after one more token."""
        if token in self._ends:
            return state
        found = int(self._following[state, token]) if token < self._following.shape[1] else START
        return START if found == DEAD else found
