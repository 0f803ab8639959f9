"""UTF-8 to code points and what each is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.kinds import TABLE_SIZE

_LAST = np.uint32(TABLE_SIZE - 1)  # what is beyond the tables is cut to their last entry


@kernel
def decode(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    table: NDArray[np.uint16],
    codes: NDArray[np.uint32],
    kinds: NDArray[np.uint16],
) -> int:
    """Code points of the UTF-8 in `data[start:end]` into `codes` and their flags, as `table` says, into `kinds`.

    At most as many as `codes` holds; returns how many.
    """
    text = data[start:end]
    every = np.uint8(0)
    for byte in text:
        every |= byte
    if every < 0x80:  # ASCII, as most English is: known and copied many bytes at once
        count = min(len(text), len(codes))
        for at in range(count):
            codes[at] = text[at]
            kinds[at] = table[text[at]]
        return count
    count = 0
    most = len(codes)
    at = start
    while at < end and count < most:
        lead = np.uint32(data[at])
        if lead < 0x80:
            code = lead
            at += 1
        elif lead < 0xE0 and at + 1 < end:
            code = (lead & np.uint32(0x1F)) << np.uint32(6) | data[at + 1] & np.uint32(0x3F)
            at += 2
        elif lead < 0xF0 and at + 2 < end:
            code = (
                (lead & np.uint32(0x0F)) << np.uint32(12)
                | (data[at + 1] & np.uint32(0x3F)) << np.uint32(6)
                | data[at + 2] & np.uint32(0x3F)
            )
            at += 3
        elif at + 3 < end:
            code = (
                (lead & np.uint32(0x07)) << np.uint32(18)
                | (data[at + 1] & np.uint32(0x3F)) << np.uint32(12)
                | (data[at + 2] & np.uint32(0x3F)) << np.uint32(6)
                | data[at + 3] & np.uint32(0x3F)
            )
            code = min(code, _LAST)
            at += 4
        else:  # cut off inside a character, which Arrow's own check lets through nowhere
            code = np.uint32(0xFFFD)
            at = end
        codes[count] = code
        kinds[count] = table[code]
        count += 1
    return count
