"""Which texts hold a mark that makes a letter with the one before it, found without reading most bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.eight import HIGHS, eight_bytes


@kernel
def find_composing(data: NDArray[np.uint8], offsets: NDArray[np.int64], found: NDArray[np.bool_]) -> None:
    """Set `found` [texts] where a text of UTF-8 has U+0300-036F, 0653-0655, 093C, 1100-11FF, 3099 or 309A."""
    for text in range(len(found)):
        at, end = offsets[text], offsets[text + 1]
        while at < end:
            byte = data[at]
            if byte < 0xCC:  # ASCII, or what begins no such mark
                if at + 8 <= end and eight_bytes(data, at) & HIGHS == 0:
                    at += 8
                else:
                    at += 1
                continue
            following = data[at + 1] if at + 1 < end else np.uint8(0)
            if byte < 0xE0:
                if byte == 0xCC or (byte == 0xCD and following < 0xB0) or (byte == 0xD9 and 0x93 <= following <= 0x95):
                    found[text] = True
                    break
                at += 2
                continue
            if byte == 0xE1 and 0x84 <= following <= 0x87:
                found[text] = True
                break
            last = data[at + 2] if at + 2 < end else np.uint8(0)
            if (byte == 0xE0 and following == 0xA4 and last == 0xBC) or (
                byte == 0xE3 and following == 0x82 and (last == 0x99 or last == 0x9A)
            ):
                found[text] = True
                break
            at += 3
