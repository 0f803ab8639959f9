"""Steps from several streams of windows by weight: the same order for any number of processes, from any step on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from danlu.tokens.interleave import Interleaving, interleave, shares_of
from danlu.tokens.stream import Stream
from danlu.training.language import Windows
from danlu.training.windows import rank_share


@dataclass
class MixtureSource:
    """Steps of `windows` windows, in micro-batches of at most `micro`, of each stream as `weights` says (of any sum).

    Each step has of a stream less than two windows more or fewer than its weight asks for, and all steps up to any one less
    than one (see `danlu.tokens.interleave`). A stream that is through goes on with its next pass, shuffled anew. An epoch is as
    many windows as one pass of every stream has. `rank` of `ranks` processes gets its share of every step.
    """

    streams: Mapping[str, Stream]
    weights: Mapping[str, float]
    windows: int
    micro: int
    rank: int = 0
    ranks: int = 1

    def __post_init__(self) -> None:
        if unknown := set(self.weights) - set(self.streams):
            raise ValueError(f"no stream is called {', '.join(sorted(unknown))}")
        if not self.shares:
            raise ValueError(f"weights must not be negative, and not all 0: {dict(self.weights)}")

    @cached_property
    def steps_per_epoch(self) -> int:
        return sum(self.streams[name].windows_in_pass for name in self.shares) // self.windows

    @cached_property
    def shares(self) -> dict[str, float]:
        """Name -> part of the windows, in the order of the names; without those of weight 0."""
        return shares_of(self.weights)

    @cached_property
    def pattern(self) -> Interleaving:
        return interleave([self.weights[name] for name in self.shares])

    @property
    def length(self) -> int:
        return next(iter(self.streams.values())).length

    def batches(self, epoch: int, step: int) -> Sequence[Windows]:
        first = self.windows * step
        numbers = rank_share(np.arange(first, first + self.windows, dtype=np.int64), self.rank, self.ranks)
        past = epoch * self.steps_per_epoch
        parts = [numbers[start : start + self.micro] for start in range(0, len(numbers), self.micro)]
        return [self._windows(past * self.windows, part, epoch, past + step) for part in parts]

    def passes(self, steps: int) -> dict[str, float]:
        """How often each stream is read through in so many steps."""
        read = steps * self.windows
        return {name: share * read / self.streams[name].windows_in_pass for name, share in self.shares.items()}

    def mean_passes(self, steps: int) -> float:
        """How often what is read at a place is read in all, on the mean over places: what repeats much of the time counts
        much. Of streams in the proportion of their sizes it is the number of epochs."""
        return sum(self.shares[name] * passes for name, passes in self.passes(steps).items())

    def _windows(self, before: int, numbers: npt.NDArray[np.int64], epoch: int, step: int) -> Windows:
        """The windows `numbers` [n] of an epoch, `before` others being in those before it."""
        streams, turns = self.pattern.locate(before + numbers)
        ids = np.empty((len(numbers), self.length), np.int64)
        starts = np.zeros(ids.shape, bool) if all(stream.words is not None for stream in self.streams.values()) else None
        for place, name in enumerate(self.shares):
            here = streams == place
            if here.any():
                ids[here] = self.streams[name].windows(turns[here])
                if starts is not None:
                    starts[here] = self.streams[name].starts(turns[here])
        return Windows(ids, numbers, epoch, step, starts)
