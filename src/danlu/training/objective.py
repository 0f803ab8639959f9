"""What the loop is given: batches by their place, and an objective that turns them into a sum of nats.

The loop (`danlu.training.loop.train`) knows neither windows nor labels. To train something new, write

    class MySource:
        steps_per_epoch = 100
        def batches(self, epoch, step):             # a pure function of its arguments: resuming relies on it
            return [my_numpy_arrays_of_that_step]   # one entry a micro-batch; several are accumulated

    class MyObjective:
        def collate(self, samples):                 # NumPy -> tensors on the CPU
            return {"input_ids": ..., "attention_mask": ..., "labels": ...}
        def loss(self, model, batch):               # a SUM over targets, and how many there are
            logits = model(batch["input_ids"], attention_mask=batch["attention_mask"]).logits
            return F.cross_entropy(logits.float(), batch["labels"], reduction="sum"), len(batch["labels"])

The loop adds the sums and the counts of all micro-batches of a step and divides once, so a step of several micro-batches
equals one big batch whatever their lengths (the normalisation bug of transformers#34191 cannot happen).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import torch
from transformers import PreTrainedModel

Batch = dict[str, torch.Tensor]
"""Named tensors of one micro-batch; the objective alone knows the names."""

Samples = TypeVar("Samples")
Given = TypeVar("Given", contravariant=True)
Made = TypeVar("Made", covariant=True)


class Objective(Protocol[Given]):
    """What is learned."""

    def collate(self, samples: Given) -> Batch:
        """Samples of one micro-batch as tensors. Pure: what is random in it is keyed by the sample's own number."""
        ...

    def loss(self, model: PreTrainedModel, batch: Batch) -> tuple[torch.Tensor, int]:
        """(sum of nats over the targets: a scalar with gradient, number of targets)."""
        ...


class Source(Protocol[Made]):
    """An indexable source of batches."""

    @property
    def steps_per_epoch(self) -> int: ...

    def batches(self, epoch: int, step: int) -> Sequence[Made]:
        """The micro-batches of step `step` (0 .. steps_per_epoch - 1) of epoch `epoch` (0 ..). A pure function."""
        ...
