"""The two objectives of pretraining, masked and causal language modelling, over windows of tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel

from danlu.models.head import hidden_states, prepare, vocabulary_matrix
from danlu.tokens.special import BOS_ID, PAD_ID, SPECIAL
from danlu.tokens.words import WordTable
from danlu.training.cross_entropy import chunked_cross_entropy
from danlu.training.masking import BERT, EVALUATION_RATE, IGNORED, Manner, Ramp, mask_tokens
from danlu.training.objective import Batch

SPECIAL_IDS = np.arange(len(SPECIAL))


@dataclass(frozen=True)
class Windows:
    """A micro-batch of windows: `ids` [n, length]; `numbers` [n] are their places in the plan of epoch `epoch`.

    `step` counts the steps of the whole training. `starts` [n, length]: where words begin, if the store knows.
    """

    ids: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    epoch: int
    step: int = 0
    starts: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class MaskedObjective:
    """Fill in hidden tokens (BERT). Only the hidden positions pass through the head.

    Documents packed into one window see each other: keeping them apart brought nothing measurable
    (nanochat's log: .85427 -> .85407) and costs a mask of its own for every window.

    `rate` is a share of the tokens, or a ramp by the step. With `words` whole words are hidden: by the store's own column where
    it has one, else as this table tells. `evaluate`: the mask of all evaluations, BERT's at .15, whatever the others say.
    """

    vocabulary: int
    rate: float | Ramp
    seed: int
    evaluate: bool = False
    manner: Manner = BERT
    words: WordTable | None = None

    def collate(self, samples: Windows) -> Batch:
        if self.evaluate:
            rate, manner, starts = EVALUATION_RATE, BERT, None
        else:
            rate = self.rate.at(samples.step) if isinstance(self.rate, Ramp) else self.rate
            manner, starts = self.manner, self._starts(samples)
        inputs, targets = mask_tokens(
            samples.ids, SPECIAL_IDS, rate, self.seed, samples.numbers, samples.epoch, self.vocabulary,
            evaluate=self.evaluate, manner=manner, starts=starts,
        )  # fmt: skip
        places = np.flatnonzero(targets != IGNORED)
        return {
            "input_ids": torch.from_numpy(inputs),
            "attention_mask": torch.from_numpy(samples.ids != PAD_ID),
            "places": torch.from_numpy(places),
            "targets": torch.from_numpy(targets.reshape(-1)[places]),
        }

    def _starts(self, samples: Windows) -> npt.NDArray[np.bool_] | None:
        if self.words is None:
            return None
        return samples.starts if samples.starts is not None else self.words.starts(samples.ids)

    def loss(self, model: PreTrainedModel, batch: Batch) -> tuple[torch.Tensor, int]:
        return head_loss(model, hidden_states(model, batch["input_ids"], batch["attention_mask"]), batch)


@dataclass(frozen=True)
class CausalObjective:
    """Say the next token (GPT). Padding and the mark that begins a piece are not predicted: where a piece is cut says
    nothing about language. Padding stands at the end of a window, so causal attention needs no mask for it."""

    def collate(self, samples: Windows) -> Batch:
        wanted = np.zeros(samples.ids.shape, bool)
        wanted[:, :-1] = (samples.ids[:, 1:] != PAD_ID) & (samples.ids[:, 1:] != BOS_ID)
        places = np.flatnonzero(wanted)
        return {
            "input_ids": torch.from_numpy(samples.ids),
            "places": torch.from_numpy(places),
            "targets": torch.from_numpy(samples.ids.reshape(-1)[places + 1]),
        }

    def loss(self, model: PreTrainedModel, batch: Batch) -> tuple[torch.Tensor, int]:
        return head_loss(model, hidden_states(model, batch["input_ids"], None), batch)


def head_loss(model: PreTrainedModel, states: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, int]:
    """(nats over `targets` [n], n) from states [batch, length, hidden] at the flat positions `places` [n]."""
    chosen = states.reshape(-1, states.shape[-1]).index_select(0, batch["places"])
    return chunked_cross_entropy(prepare(model, chosen), *vocabulary_matrix(model), batch["targets"]), len(batch["targets"])
