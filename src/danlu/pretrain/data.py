"""The token stores of a pretraining, as the sources and objectives that the loop takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.models.shapes import SHAPES
from danlu.pretrain.mixing import mixed_counts, mixed_sample, mixed_tokens, mixture_source
from danlu.recipe.pretrain import PretrainConfig
from danlu.tokens.files import tokenizer_digest, vocabulary_size
from danlu.tokens.neighbours import MOST_TOKENS
from danlu.tokens.packing import CAUSAL, MASKED, Marks
from danlu.tokens.pieces import token_bytes
from danlu.tokens.store import TokenStore
from danlu.tokens.words import WordTable
from danlu.training.apart import DocumentsApart
from danlu.training.language import CausalObjective, MaskedObjective, Windows
from danlu.training.masking import Manner, Ramp
from danlu.training.mixture import MixtureSource
from danlu.training.objective import Batch, Objective
from danlu.training.own import Setting, own_objective
from danlu.training.windows import WindowSource, fixed_windows
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.run import Run

MOST_VALIDATION_TOKENS = 1 << 18
"""Validation in training reads at most so many tokens: the error of its mean is then below .01 nats."""

TextSource = WindowSource | MixtureSource
"""Steps of windows of training text."""


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
    words: WordTable | None = None
    """How tokens make words, where whole words are masked."""

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
        words = WordTable.of(token_bytes(tokenizer.path)) if config.mask_unit == "word" else None
        return cls(config, vocabulary, run.seed, train, holdout, own, words)

    @property
    def lacks_words(self) -> bool:
        """Whether whole words are to be masked and the store cannot tell the Chinese ones."""
        chinese = any(language.startswith("zh") for language in self.train.header["languages"])
        return self.words is not None and self.train.words is None and chinese

    @property
    def width(self) -> int:
        """Of the model's embeddings."""
        return SHAPES[self.config.model.size].hidden

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """How often each token occurs in an epoch of the training text, [vocabulary]."""
        if self.config.mixture:
            return mixed_counts(self.train, self.config.mixture, self.vocabulary)
        return self.train.counts(self.vocabulary)

    def counted(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.integer]]:
        """(tokens, ends) of the documents whose neighbours are counted: none of a source that is not read."""
        if self.config.mixture:
            return mixed_sample(self.train, self.config.mixture, MOST_TOKENS)
        return self.train.tokens, self.train.ends

    @property
    def epoch_tokens(self) -> int:
        """Tokens in an epoch."""
        return mixed_tokens(self.train, self.config.mixture) if self.config.mixture else len(self.train.tokens)

    @property
    def marks(self) -> Marks:
        return MASKED if self.config.kind == "mlm" else CAUSAL

    @cached_property
    def windows(self) -> int:
        """Windows in an epoch."""
        return self.source(1, 1).steps_per_epoch

    def source(self, windows: int, micro: int) -> TextSource:
        """Steps of `windows` windows of training text."""
        store = self.train
        words = store.words if self.words is not None or self.own is not None else None
        if self.config.mixture or self.config.curriculum.by != "none":
            return mixture_source(store, self.config, self.marks, windows, micro, self.seed, words)
        return WindowSource(store.tokens, store.ends, self.config.length, self.marks, windows, micro, self.seed, words)

    def objective(self, mask_steps: int | None = None) -> Objective[Windows]:
        """What is learned. The rate of masking goes to its end in `mask_steps` steps (None: it is the mean of all)."""
        config = self.config
        if self.own is not None:
            return self.own
        if config.kind == "clm":
            return self._apart(CausalObjective())
        if config.mask_rate_end is None or mask_steps is None:
            rate: float | Ramp = config.predicted
        else:
            rate = Ramp(config.mask_rate, config.mask_rate_end, mask_steps)
        manner = Manner(config.mask_replace, config.mask_ngram)
        return self._apart(MaskedObjective(self.vocabulary, rate, self.seed, manner=manner, words=self.words))

    @cached_property
    def scoring(self) -> Objective[Windows]:
        """The objective of validation: masked by the mask of all evaluations."""
        if self.config.kind == "mlm":
            return self._apart(MaskedObjective(self.vocabulary, self.config.mask_rate, self.seed, evaluate=True))
        return self._apart(CausalObjective())

    def _apart(self, objective: Objective[Windows]) -> Objective[Windows]:
        """The objective, with the documents of a window kept apart where the recipe says so."""
        if self.config.attention == "window":
            return objective
        assert self.marks.begin is not None  # of both kinds it is what tells the pieces
        return DocumentsApart(objective, self.marks.begin, causal=self.config.kind == "clm")

    def validation(self, micro: int, batches: int | None = None) -> list[Batch]:
        """The first `batches` (default: all) of the batches of a fixed slice of the holdout; none if it is empty."""
        if not len(self.holdout.tokens):
            return []
        count = max(micro, MOST_VALIDATION_TOKENS // self.config.length)
        source = WindowSource(self.holdout.tokens, self.holdout.ends, self.config.length, self.marks, 1, micro, 0)
        return [self.scoring.collate(part) for part in fixed_windows(source, count)[:batches]]
