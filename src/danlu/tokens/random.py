"""Random keys by counter: a pure function of what they are for, the same on every machine and version of NumPy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def random_keys(count: int, *, seed: int, epoch: int, purpose: int) -> npt.NDArray[np.uint64]:
    """`count` uniform 64-bit numbers from Philox keyed by (seed, epoch); each `purpose` has a stream of its own.

    Raw Philox output, not `Generator` methods: NumPy promises only the raw stream to stay as it is.
    """
    generator = np.random.Philox(key=np.array([seed, epoch], np.uint64), counter=np.array([0, 0, 0, purpose], np.uint64))
    return generator.random_raw(count)
