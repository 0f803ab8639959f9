"""The token stores of a pretraining, as the sources and objectives that the loop takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from danlu.models.shapes import SHAPES
from danlu.recipe.pretrain import PretrainConfig
from danlu.tokens.files import tokenizer_digest, vocabulary_size
from danlu.tokens.packing import CAUSAL, MASKED, Marks
from danlu.tokens.store import TokenStore
from danlu.training.language import CausalObjective, MaskedObjective, Windows
from danlu.training.objective import Batch, Objective
from danlu.training.own import Setting, own_objective
from danlu.training.windows import WindowSource, fixed_windows
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.run import Run

MOST_VALIDATION_TOKENS = 1 << 18
"""Validation in training reads at most so many tokens: the error of its mean is then below .01 nats."""


@dataclass(frozen=True)
class Texts:
    """Training text and holdout text of one pretraining."""

    config: PretrainConfig
    vocabulary: int
    seed: int
    train: TokenStore
    holdout: TokenStore

    own: Objective[Windows] | None = None
    """The user's objective, where the recipe names one; validation stays that of the family, so that runs can be compared."""

    @classmethod
    def open(cls, tokens: Artifact, tokenizer: Artifact, config: PretrainConfig, run: Run) -> Texts:
        """Open both stores; an error if they were made by another tokenizer, or if there is no text to train on."""
        digest, vocabulary = tokenizer_digest(tokenizer.path), vocabulary_size(tokenizer.path)
        train, holdout = TokenStore.open(tokens / "train", digest), TokenStore.open(tokens / "holdout", digest)
        if not len(train.tokens):
            raise DanluError("pretrain.no-text", where=str(tokens / "train"))
        own = None
        if config.own_code():
            setting = Setting(config.model.family, vocabulary, config.mask_rate, run.seed, tokenizer.path)
            own = own_objective(config.objective, run.base, setting)
        return cls(config, vocabulary, run.seed, train, holdout, own)

    @property
    def width(self) -> int:
        """Of the model's embeddings."""
        return SHAPES[self.config.model.size].hidden

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """How often each token occurs in the training text, [vocabulary]."""
        return self.train.counts(self.vocabulary)

    @property
    def marks(self) -> Marks:
        return MASKED if self.config.kind == "mlm" else CAUSAL

    @cached_property
    def windows(self) -> int:
        """Windows in an epoch."""
        return len(self.source(1, 1).plan(0))

    def source(self, windows: int, micro: int) -> WindowSource:
        """Steps of `windows` windows of training text."""
        return WindowSource(self.train.tokens, self.train.ends, self.config.length, self.marks, windows, micro, self.seed)

    @cached_property
    def objective(self) -> Objective[Windows]:
        if self.own is not None:
            return self.own
        if self.config.kind == "mlm":
            return MaskedObjective(self.vocabulary, self.config.mask_rate, self.seed)
        return CausalObjective()

    @cached_property
    def scoring(self) -> Objective[Windows]:
        """The objective of validation: masked by the mask of all evaluations."""
        if self.config.kind == "mlm":
            return MaskedObjective(self.vocabulary, self.config.mask_rate, self.seed, evaluate=True)
        return CausalObjective()

    def validation(self, micro: int, batches: int | None = None) -> list[Batch]:
        """The first `batches` (default: all) of the batches of a fixed slice of the holdout; none if it is empty."""
        if not len(self.holdout.tokens):
            return []
        count = max(micro, MOST_VALIDATION_TOKENS // self.config.length)
        source = WindowSource(self.holdout.tokens, self.holdout.ends, self.config.length, self.marks, 1, micro, 0)
        return [self.scoring.collate(part) for part in fixed_windows(source, count)[:batches]]
