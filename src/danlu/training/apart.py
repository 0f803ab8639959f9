"""Documents of one window that do not see each other: packing without a text reading what came before it by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel

from danlu.models.head import hidden_states
from danlu.tokens.special import PAD_ID
from danlu.tokens.views import attention_within_documents, positions
from danlu.training.language import Windows, head_loss
from danlu.training.objective import Batch, Objective


@dataclass(frozen=True)
class DocumentsApart:
    """A language objective `inner`, its documents kept apart: each starts at position 0 and attends to itself alone.

    `begin` is the mark that stands before every piece of a document in a window; `causal` whether tokens see only what is
    before them. What a piece gives is what it gives in a window of its own.
    """

    inner: Objective[Windows]
    begin: int
    causal: bool

    def collate(self, samples: Windows) -> Batch:
        segments = pieces_of(samples.ids, self.begin)
        return {
            **self.inner.collate(samples),
            "attention_mask": torch.from_numpy(attention_within_documents(segments, causal=self.causal)),
            "positions": torch.from_numpy(positions(segments)),
        }

    def loss(self, model: PreTrainedModel, batch: Batch) -> tuple[torch.Tensor, int]:
        return head_loss(model, hidden_states(model, batch["input_ids"], batch["attention_mask"], batch["positions"]), batch)


def pieces_of(ids: npt.NDArray[np.int64], begin: int) -> npt.NDArray[np.int32]:
    """Number of the piece that each token of windows [n, length] is of, from 1, by the marks before them; 0 for padding."""
    return np.where(ids == PAD_ID, 0, np.cumsum(ids == begin, axis=1)).astype(np.int32)
