"""Batches of packed windows by their place: the order of the data is a pure function of seed, epoch and step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from danlu.tokens.bits import Bits
from danlu.tokens.packing import Marks, PackingPlan, pack
from danlu.training.language import Windows


@dataclass
class WindowSource:
    """Steps of `windows` windows over the documents of a store, in micro-batches of at most `micro` windows.

    `tokens`, `ends` and `words` are the store's (`words` only where words are asked for). Each epoch packs and shuffles anew
    (slowrun: reshuffling every epoch is worth .026 nats); the windows left over at its end, fewer than one step, wait for
    another epoch. `rank` of `ranks` processes gets its share of every step, in the one order of all of them.
    """

    tokens: npt.NDArray[np.generic]
    ends: npt.NDArray[np.integer]
    length: int
    marks: Marks
    windows: int
    micro: int
    seed: int
    words: Bits | None = None
    rank: int = 0
    ranks: int = 1
    _plans: dict[int, PackingPlan] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def steps_per_epoch(self) -> int:
        return len(self.plan(0)) // self.windows

    def plan(self, epoch: int) -> PackingPlan:
        """The plan of an epoch; the last one asked for is kept."""
        if epoch not in self._plans:
            self._plans.clear()
            self._plans[epoch] = pack(self.ends, self.length, seed=self.seed, epoch=epoch, marks=self.marks)
        return self._plans[epoch]

    def mean_passes(self, steps: int) -> float:
        """How often the text is read through in so many steps."""
        return steps / self.steps_per_epoch

    def batches(self, epoch: int, step: int) -> Sequence[Windows]:
        plan, first = self.plan(epoch), step * self.windows
        numbers = rank_share(np.arange(first, first + self.windows, dtype=np.int64), self.rank, self.ranks)
        parts = [numbers[start : start + self.micro] for start in range(0, len(numbers), self.micro)]
        return [self.windows_of(plan, part, epoch, epoch * self.steps_per_epoch + step) for part in parts]

    def windows_of(self, plan: PackingPlan, numbers: npt.NDArray[np.int64], epoch: int, step: int) -> Windows:
        """The windows `numbers` of a plan, as read in step `step` of the training."""
        starts = None if self.words is None else plan.windows(numbers, self.words)[0] == 1
        return Windows(plan.windows(numbers, self.tokens)[0], numbers, epoch, step, starts)


def rank_share(numbers: npt.NDArray[np.int64], rank: int, ranks: int) -> npt.NDArray[np.int64]:
    """The windows of a step that process `rank` of `ranks` reads: consecutive ones, their number equal to within one.

    ValueError where there are fewer windows than processes: one of them would have nothing to learn from.
    """
    if len(numbers) < ranks:
        raise ValueError(f"a step of {len(numbers)} windows is too small for {ranks} processes")
    return numbers[rank * len(numbers) // ranks : (rank + 1) * len(numbers) // ranks]


def fixed_windows(source: WindowSource, count: int) -> list[Windows]:
    """The same `count` windows (or all there are) on every call, spread over the plan, in micro-batches: for validation."""
    plan = source.plan(0)
    chosen = np.unique(np.linspace(0, len(plan) - 1, min(count, len(plan))).astype(np.int64))
    parts = [chosen[start : start + source.micro] for start in range(0, len(chosen), source.micro)]
    return [source.windows_of(plan, part, 0, 0) for part in parts]
