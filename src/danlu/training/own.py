"""An objective of the user's own in the place of a built-in one: made with what it may need to know, and watched.

    class WholeWords:
        def __init__(self, setting): ...       # a Setting; a plain object with the two functions will do as well
        def collate(self, samples): ...        # Windows -> {"input_ids": ..., ...}, tensors on the CPU
        def loss(self, model, batch): ...      # (sum of nats over the targets, number of targets)

See `danlu.training.objective` for what both must keep to, `danlu.training.language` for the built-in ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import PreTrainedModel

from danlu.tokens.pieces import token_bytes
from danlu.training.language import Windows
from danlu.training.objective import Batch, Objective
from danlu.training.step import OUT_OF_MEMORY
from danlu.workspace.extension import blaming, load, load_function, require


@dataclass(frozen=True)
class Setting:
    """What an objective may need to know: the family of the model, the number of tokens, the recipe's `mask_rate` and seed,
    and the folder of the tokenizer."""

    family: Literal["bert", "gpt"]
    vocabulary: int
    rate: float
    seed: int
    tokenizer: Path

    def pieces(self) -> list[bytes]:
        """The bytes that each token id stands for, [vocabulary]; a special token stands for its own name."""
        return token_bytes(self.tokenizer)


@dataclass(frozen=True)
class OwnObjective:
    """`given` of the user's, with errors that name their file."""

    name: str
    folder: Path
    given: Any

    def collate(self, samples: Windows) -> Batch:
        with _watched(self.name, self.folder):
            batch: Batch = self.given.collate(samples)
        fits = isinstance(batch, dict) and "input_ids" in batch and all(isinstance(x, torch.Tensor) for x in batch.values())
        require(fits, "objective", self.name, batch)
        return batch

    def loss(self, model: PreTrainedModel, batch: Batch) -> tuple[torch.Tensor, int]:
        with _watched(self.name, self.folder):
            found = self.given.loss(model, batch)
        fits = isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], torch.Tensor) and not found[0].ndim
        require(fits, "objective", self.name, found)
        return found[0], int(found[1])


def own_objective(name: str, folder: Path, setting: Setting) -> Objective[Windows]:
    """The objective `module:name` of a recipe in `folder`. DanluError if it cannot be had or has not the two functions."""
    found = load(name, folder)
    if isinstance(found, type) or (callable(found) and not hasattr(found, "collate")):
        make = load_function(name, folder, "objective", ("setting",))
        with blaming(name, folder):
            found = make(setting)
    require(callable(getattr(found, "collate", None)) and callable(getattr(found, "loss", None)), "objective", name, found)
    return OwnObjective(name, folder, found)


@contextmanager
def _watched(name: str, folder: Path) -> Iterator[None]:
    """Blame the user's file for what it raises, but for memory that runs out: the loop has its own words for that."""
    with blaming(name, folder):
        try:
            yield
        except RuntimeError as error:
            if OUT_OF_MEMORY.search(str(error)):
                raise MemoryError(str(error)) from error
            raise
