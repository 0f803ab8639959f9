"""Random draws of a sample, whatever batch it stands in: a pure function of seed, epoch, sample and purpose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

MASKS, EVALUATION_MASKS, SPANS = 2, 3, 4
"""Purposes: each has a stream of its own (0 and 1 are those of packing)."""


def sample_draws(
    seed: int,
    epoch: int,
    samples: Sequence[int] | npt.NDArray[np.integer],
    counts: Sequence[int] | npt.NDArray[np.integer],
    purpose: int,
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """(draws [sum of `counts`], firsts [samples]): `counts[i]` uniform 64-bit numbers of sample i from place `firsts[i]` on.

    Raw Philox output (the only one whose stream NumPy promises) keyed by (seed, epoch), at the counter of the sample. To ask
    for more draws gives the same ones first. One generator is set to each counter in turn: to make one costs 40 times as much.
    """
    philox = np.random.Philox(key=np.array([seed, epoch], np.uint64))
    state = philox.state  # as it is before the first draw: nothing is buffered
    parts = []
    for sample, count in zip(samples, counts, strict=True):
        state["state"]["counter"][:] = 0, 0, sample, purpose
        philox.state = state
        parts.append(philox.random_raw(int(count)))
    sizes = np.asarray(counts, np.int64)
    return np.concatenate(parts) if parts else np.empty(0, np.uint64), np.cumsum(sizes) - sizes


def shares(draws: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Draws as uniform numbers in [0, 1)."""
    return (draws >> np.uint64(11)).astype(np.float64) * 2.0**-53
