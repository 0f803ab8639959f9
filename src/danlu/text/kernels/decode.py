"""UTF-8 to code points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.kinds import TABLE_SIZE

_LAST = np.uint32(TABLE_SIZE - 1)  # what is beyond the tables is cut to their last entry


@kernel
def decode(data: NDArray[np.uint8], start: int, end: int, codes: NDArray[np.uint32]) -> int:
    """Code points of the UTF-8 in `data[start:end]` into `codes`, at most as many as it holds; returns how many."""
    count = 0
    most = len(codes)
    at = start
    while at < end and count < most:
        byte = np.uint32(data[at])
        if byte < 0x80:
            codes[count] = byte
            at += 1
        elif byte < 0xE0 and at + 1 < end:
            codes[count] = (byte & np.uint32(0x1F)) << np.uint32(6) | data[at + 1] & np.uint32(0x3F)
            at += 2
        elif byte < 0xF0 and at + 2 < end:
            codes[count] = (
                (byte & np.uint32(0x0F)) << np.uint32(12)
                | (data[at + 1] & np.uint32(0x3F)) << np.uint32(6)
                | data[at + 2] & np.uint32(0x3F)
            )
            at += 3
        elif at + 3 < end:
            code = (
                (byte & np.uint32(0x07)) << np.uint32(18)
                | (data[at + 1] & np.uint32(0x3F)) << np.uint32(12)
                | (data[at + 2] & np.uint32(0x3F)) << np.uint32(6)
                | data[at + 3] & np.uint32(0x3F)
            )
            codes[count] = min(code, _LAST)
            at += 4
        else:  # cut off inside a character, which Arrow's own check lets through nowhere
            codes[count] = np.uint32(0xFFFD)
            at = end
        count += 1
    return count
