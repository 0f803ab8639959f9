"""The output layer over a whole vocabulary is the dear part: logits of chosen positions alone, losses without any kept."""

from __future__ import annotations

from typing import Any

import torch

from danlu.models.head import hidden_states, prepare, vocabulary_matrix

TAKEN_APART = ("bert", "modernbert")  # the model types whose head `danlu.models.head` knows in parts


def masked_logits(model: Any, ids: torch.Tensor, mask: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Logits [positions, vocabulary] at the positions (`rows`, `columns`) of a batch of ids [rows, length].

    Other classes make all logits, and those are picked.
    """
    if model.config.model_type not in TAKEN_APART:
        logits: torch.Tensor = model(input_ids=ids, attention_mask=mask).logits[rows, columns]
        return logits
    return torch.nn.functional.linear(prepare(model, hidden_states(model, ids, mask)[rows, columns]), *vocabulary_matrix(model))


PART = 128  # positions whose logits are there at a time: with a vocabulary of 8192, 4 MB, which a core's cache nearly holds


def target_nats(states: torch.Tensor, targets: torch.Tensor, matrix: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Nats of `targets` [n] given the states [n, hidden] before an output layer, float32 [n]; no logits are kept."""
    found = []
    for start in range(0, len(states), PART):
        wanted = targets[start : start + PART]
        logits = torch.nn.functional.linear(states[start : start + PART], matrix, bias).float()
        found.append(logits.logsumexp(-1) - logits.gather(1, wanted[:, None])[:, 0])
    return torch.cat(found)
