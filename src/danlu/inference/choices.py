"""Losses of choices that begin alike, such as the two sentences of a minimal pair: the part that they share is read once.

All choices of an item stand in one row: first the trunk, what all begin with, then a branch for each, which sees the trunk and
itself alone and stands at the positions that it would have by itself. So each loss is what reading that choice alone gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from danlu.inference.batches import Advance, Tokens, pad_rows, token_batches, unheard
from danlu.inference.context import context_length
from danlu.inference.heads import target_nats
from danlu.inference.nats import Nats, causal_nats
from danlu.models.head import hidden_states, vocabulary_matrix
from danlu.tokens.special import PAD_ID

SHARING = ("gpt2", "qwen3", "qwen2", "llama")  # take a mask of any form, and their head is one matrix
BATCH_TOKENS = 2048  # on a CPU more is slower: the states of a batch should stay in its cache


def choice_nats(
    model: Any,
    items: Sequence[Sequence[Tokens]],
    *,
    bos: int,
    batch_tokens: int = BATCH_TOKENS,
    advance: Advance = unheard,
) -> list[list[Nats]]:
    """Nats of each token of each choice of each item under a causal model, read after `bos`: float64 [tokens].

    Choices that are longer than the model's context are read in windows, as documents are (`nats.causal_nats`); so are those
    of models that cannot share. `advance` is told of items.
    """
    limit = context_length(model)
    together = model.config.model_type in SHARING and set(getattr(model.config, "layer_types", ())) <= {"full_attention"}
    fitting = [together and max(map(len, choices), default=0) <= limit for choices in items]
    found: list[list[Nats]] = [[] for _ in items]
    trees = {index: _grow(items[index], bos) for index, fits in enumerate(fitting) if fits and items[index]}
    order = list(trees)
    for batch in token_batches([len(trees[index].ids) for index in order], batch_tokens):
        chosen = [order[place] for place in batch]
        for index, nats in zip(chosen, _read(model, [trees[index] for index in chosen]), strict=True):
            found[index] = trees[index].split(nats)
        advance(len(chosen))
    for index, fits in enumerate(fitting):
        if not fits:
            found[index] = causal_nats(model, items[index], bos=bos, batch_tokens=batch_tokens)
            advance(1)
    return found


@dataclass(frozen=True)
class _Tree:
    """A row of input `ids` with `positions` and `branches` (0: trunk), and what is predicted: `targets` at `places` of the row.

    The targets are those of the trunk (`shared` many), then of each branch in turn (`own` many).
    """

    ids: list[int]
    positions: list[int]
    branches: list[int]
    places: list[int]
    targets: list[int]
    shared: int
    own: list[int]

    def split(self, nats: Nats) -> list[Nats]:
        """Of all targets' nats, those of each choice."""
        trunk, *parts = np.split(nats, self.shared + np.cumsum([0, *self.own[:-1]]))
        return [np.concatenate((trunk, part)) for part in parts]


def _grow(choices: Sequence[Tokens], bos: int) -> _Tree:
    rows = [list(map(int, choice)) for choice in choices]
    shared = _common(rows)
    ids, positions = [bos, *rows[0][:shared]], list(range(shared + 1))
    branches, places, targets = [0] * (shared + 1), list(range(shared)), rows[0][:shared]
    for number, row in enumerate(rows, start=1):
        rest = row[shared:]
        if rest:  # its first token is predicted at the end of the trunk
            places += [shared, *range(len(ids), len(ids) + len(rest) - 1)]
            targets += rest
            ids += rest[:-1]
            positions += range(shared + 1, shared + len(rest))
            branches += [number] * (len(rest) - 1)
    return _Tree(ids, positions, branches, places, targets, shared, [len(row) - shared for row in rows])


def _common(rows: Sequence[Sequence[int]]) -> int:
    """How many tokens all rows begin with."""
    count = 0
    for tokens in zip(*rows, strict=False):
        if len(set(tokens)) > 1:
            break
        count += 1
    return count


def _read(model: Any, trees: Sequence[_Tree]) -> list[Nats]:
    """Nats of the targets of each tree."""
    device = next(model.parameters()).device
    ids, _ = pad_rows([tree.ids for tree in trees], PAD_ID)
    positions, _ = pad_rows([tree.positions for tree in trees], 0)
    branches, _ = pad_rows([tree.branches for tree in trees], -1)
    own, trunk = branches[:, None, :] == branches[:, :, None], branches[:, None, :] == 0
    seen = (own | trunk).tril()[:, None]
    rows = torch.from_numpy(np.repeat(np.arange(len(trees)), [len(tree.places) for tree in trees]))
    columns = torch.tensor([place for tree in trees for place in tree.places])
    targets = torch.tensor([target for tree in trees for target in tree.targets])
    if not len(targets):
        return [np.zeros(0) for _ in trees]
    with torch.inference_mode():
        states = hidden_states(model, ids.to(device), seen.to(device), positions.to(device))
        nats = target_nats(states[rows.to(device), columns.to(device)], targets.to(device), *vocabulary_matrix(model))
    ends = np.cumsum([len(tree.targets) for tree in trees])[:-1]
    return list(np.split(nats.double().cpu().numpy(), ends))
