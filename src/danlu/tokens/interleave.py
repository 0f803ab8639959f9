"""Interleaving: which of several streams each window of a mixture comes from, so that every stretch of it has the mixture.

Among the first n windows a stream of weight w has between floor(w n) and ceil(w n) for every n (the quota condition). So any
prefix is less than one window off its weight, and any stretch, such as the windows of a step, less than two. Drawing at random
would be off by the root of their number.

It is the "chairman assignment problem" (Tijdeman, Discrete Mathematics 32, 1980). Window j of a stream may not come before
floor(j / w) and must come before ceil((j + 1) / w); the earliest deadline first meets them all, since unit jobs with whole
release times that can be served by shares of one machine can be served in turns (proportionate fairness: Baruah and others,
Algorithmica 15, 1996).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

LONGEST_PERIOD = 1 << 16


@dataclass(frozen=True)
class Interleaving:
    """A pattern that repeats for ever. `counts` [streams]: windows of each in a period; `streams`, `turns` [period]: which
    stream a window is of, and how many of that stream the period has before it."""

    counts: npt.NDArray[np.int64]
    streams: npt.NDArray[np.int64]
    turns: npt.NDArray[np.int64]

    def locate(self, numbers: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(stream, number of the window in that stream) of windows `numbers` [n] of the mixture; both count from 0."""
        periods, places = np.divmod(numbers.astype(np.int64), len(self.streams))
        streams = self.streams[places]
        return streams, periods * self.counts[streams] + self.turns[places]


def interleave(weights: Sequence[float]) -> Interleaving:
    """The pattern for streams of these weights, which need not sum to 1; ValueError if one is not above 0."""
    counts = whole_shares(weights)
    period = sum(counts)
    jobs = sorted(
        (number * period // count, -(-(number + 1) * period // count), stream, number)
        for stream, count in enumerate(counts)
        for number in range(count)
    )  # release, deadline, stream, turn
    ready: list[tuple[int, int, int]] = []
    streams, turns = np.empty(period, np.int64), np.empty(period, np.int64)
    taken = 0
    for place in range(period):
        while taken < len(jobs) and jobs[taken][0] <= place:
            heapq.heappush(ready, jobs[taken][1:])
            taken += 1
        _, streams[place], turns[place] = heapq.heappop(ready)
    return Interleaving(np.array(counts, np.int64), streams, turns)


def whole_shares(weights: Sequence[float]) -> list[int]:
    """Whole numbers in the ratio of the weights as they are written (0.1 is a tenth), if their sum is then at most 65,536; else
    the nearest that sum to that, at least 1 each: off by about one part in 65,536."""
    exact = [Fraction(str(weight)) for weight in weights]
    if not exact or min(exact) <= 0:
        raise ValueError(f"weights must be above 0, not {list(weights)}")
    shares = [weight / sum(exact) for weight in exact]
    period = math.lcm(*(share.denominator for share in shares))
    if period <= LONGEST_PERIOD:
        return [int(share * period) for share in shares]
    counts = [max(1, math.floor(share * LONGEST_PERIOD)) for share in shares]
    while (left := LONGEST_PERIOD - sum(counts)) > 0:
        counts[max(range(len(shares)), key=lambda stream: shares[stream] * LONGEST_PERIOD - counts[stream])] += 1
    for _ in range(-left):  # tiny ones that were rounded up: the largest gives
        counts[counts.index(max(counts))] -= 1
    return counts


def shares_of(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights above 0 as parts of 1, in the order of their names; empty if one is negative or none is above 0."""
    total = sum(weights.values())
    if min(weights.values(), default=0) < 0 or not total > 0:
        return {}
    return {name: weight / total for name, weight in sorted(weights.items()) if weight > 0}
