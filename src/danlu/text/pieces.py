"""Lines and paragraphs of texts as they lie in Arrow's memory."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Unit = Literal["paragraph", "line"]


def pieces(data: NDArray[np.uint8], offsets: Ints, unit: Unit) -> Ints:
    """Where each piece of the texts `data[offsets[i]:offsets[i + 1]]` begins, and the end of the last, int64[pieces + 1].

    A piece is a line with what is empty after it, or lines up to an empty one with the empty ones; every text begins one.
    """
    low, high = int(offsets[0]), int(offsets[-1])
    at_start = np.zeros(high - low + 1, bool)
    at_start[offsets - low] = True
    after = np.flatnonzero(data[low:high] == 0x0A) + low + 1  # places after a break
    after = after[after < high]
    if unit == "paragraph":  # those after an empty line
        after = after[at_start[after - 1 - low] | ((after - low >= 2) & (data[np.maximum(after - 2, low)] == 0x0A))]
    at_start[after[data[after] != 0x0A] - low] = True  # an empty line begins nothing
    return np.asarray(np.flatnonzero(at_start) + low, np.int64)
