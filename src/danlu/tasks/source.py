"""Batches of examples of like length, by their place: a pure function of seed, epoch and step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from danlu.tokens.random import random_keys

POOL = 16  # batches among which rows are sorted by length: enough that little is padding, few enough that batches stay mixed
_ROWS, _BATCHES = 31, 32  # purposes of the random streams


@dataclass(frozen=True)
class Examples:
    """Token ids of each text with their special tokens, and what is to be said of it (a class number)."""

    ids: Sequence[Sequence[int]]
    targets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, indexes: Sequence[int] | npt.NDArray[np.int64]) -> Examples:
        return Examples([self.ids[index] for index in indexes], self.targets[np.asarray(indexes, np.int64)])


@dataclass
class ExampleSource:
    """Every example once an epoch, `batch` of them a step, in micro-batches of at most `most_tokens` tokens with padding."""

    examples: Examples
    batch: int
    seed: int
    most_tokens: int = 1 << 14
    _orders: dict[int, list[npt.NDArray[np.int64]]] = field(default_factory=dict, init=False, repr=False)

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.examples) // self.batch)

    def batches(self, epoch: int, step: int) -> Sequence[Examples]:
        if epoch not in self._orders:
            self._orders.clear()
            lengths = np.array([len(ids) for ids in self.examples.ids])
            self._orders[epoch] = epoch_batches(lengths, self.batch, self.seed, epoch)
        chosen = self._orders[epoch][step]
        longest = max(1, *(len(self.examples.ids[index]) for index in chosen))
        size = max(1, self.most_tokens // longest)
        return [self.examples.take(chosen[start : start + size]) for start in range(0, len(chosen), size)]


def epoch_batches(lengths: npt.NDArray[np.integer], batch: int, seed: int, epoch: int) -> list[npt.NDArray[np.int64]]:
    """Indexes of each batch of an epoch: rows shuffled, sorted by length within pools of batches, then batches shuffled."""
    order = np.argsort(random_keys(len(lengths), seed=seed, epoch=epoch, purpose=_ROWS), kind="stable")
    batches = []
    for start in range(0, len(order), batch * POOL):
        pool = order[start : start + batch * POOL]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[first : first + batch].astype(np.int64) for first in range(0, len(pool), batch)]
    shuffled = np.argsort(random_keys(len(batches), seed=seed, epoch=epoch, purpose=_BATCHES), kind="stable")
    return [batches[index] for index in shuffled]
