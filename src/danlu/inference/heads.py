"""Logits of chosen positions of a masked language model: the output layer over a whole vocabulary is the dear part."""

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
