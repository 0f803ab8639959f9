"""Which documents may hold personal data, told by their bytes: so that patterns run on few of them.

A flag says that patterns of a family are worth a try, nothing more: it may be set in vain, it must not be missing. The scan is
of bytes in the order they lie; only digits and a few signs take it out of its shortest path.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel

EMAIL, NUMBER, ADDRESS, PLACE, SECRET = 1, 2, 4, 8, 16
LEAST_DIGITS = 7  # of the shortest number that is looked for, a local telephone number
LEAST_DECIMALS = 3  # of a degree: a place is told to a hundred metres
LEAST_KEY = 16  # bytes of the shortest key

# What a byte means: plain bytes are 0.
_SIGN, _DIGIT, _JOINT, _TOKEN = 1, 2, 4, 8


def _byte_classes() -> NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    table[[*b"@:-", 0xC2, 0xA0, 0xAC, 0xAF]] |= _SIGN  # the last four: of a degree sign, ＠, 纬, 緯
    table[list(b"0123456789")] |= _DIGIT
    table[list(b" -.()/")] |= _JOINT  # what stands between the digits of a number
    table[list(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_+/=-")] |= _TOKEN
    return table


CLASSES = _byte_classes()


@kernel
def _flag_sign(data: NDArray[np.uint8], start: int, end: int, at: int, classes: NDArray[np.uint8]) -> int:
    """What the sign at byte `at` is a sign of, with what stands beside it."""
    byte = data[at]
    if byte == 0x40:
        return EMAIL
    if byte == 0x3A:
        # Of an IPv6 address: two colons together, or three with at most four bytes between them.
        colons, last = 1, at
        for reach in range(at + 1, min(end, at + 11)):
            if data[reach] == 0x3A:
                if reach == last + 1:
                    return ADDRESS
                colons, last = colons + 1, reach
            elif reach > last + 4:
                break
        return ADDRESS if colons >= 3 else 0
    if byte == 0x2D:
        for reach in range(at + 1, at + 5):
            if reach >= end or data[reach] != 0x2D:
                return 0
        return SECRET
    if byte == 0xC2:
        return (
            PLACE if at > start and at + 1 < end and data[at + 1] == 0xB0 and classes[data[at - 1]] & (_DIGIT | _JOINT) else 0
        )
    if at - 2 >= start:
        first, second = data[at - 2], data[at - 1]
        if first == 0xEF and second == 0xBC and byte == 0xA0:
            return EMAIL
        if first == 0xE7 and ((second == 0xBA and byte == 0xAC) or (second == 0xB7 and byte == 0xAF)):
            return PLACE
    return 0


@kernel
def _run_end(data: NDArray[np.uint8], start: int, end: int, at: int, classes: NDArray[np.uint8]) -> int:
    """The end of the run of letters, digits and the like around the digit at byte `at`; below 0 (its complement) if it is as
    long as a key and has a letter."""
    low, high = at, at + 1
    while low > start and classes[data[low - 1]] & _TOKEN:
        low -= 1
    while high < end and classes[data[high]] & _TOKEN:
        high += 1
    if high - low >= LEAST_KEY:
        for place in range(low, high):
            if data[place] > 0x40 and data[place] != 0x5F:
                return ~high
    return high


@kernel
def flag_document(data: NDArray[np.uint8], start: int, end: int, classes: NDArray[np.uint8]) -> int:
    """The families that bytes `start` to `end` may hold."""
    found = 0
    done = run_done = start
    for spot in range(start, end):
        kind = classes[data[spot]] & (_SIGN | _DIGIT)
        if kind == 0 or spot < done:
            continue
        if kind == _SIGN:
            found |= _flag_sign(data, start, end, spot, classes)
            continue
        # A number: digits with at most two joints between them.
        digits = dots = decimals = joints = 0
        at = spot
        while at < end:
            kind = classes[data[at]]
            if kind & _DIGIT:
                if at >= run_done:
                    run_done = _run_end(data, run_done, end, at, classes)
                    if run_done < 0:
                        found |= SECRET
                        run_done = ~run_done
                digits += 1
                decimals += decimals > 0 or (joints == 1 and data[at - 1] == 0x2E)
                joints = 0
                if decimals >= LEAST_DECIMALS:
                    found |= PLACE
            elif kind & _JOINT and joints < 2:
                joints += 1
                dots += data[at] == 0x2E
                decimals = 0
            else:
                break
            at += 1
        done = at - joints  # a hyphen there may begin a key block
        if digits >= LEAST_DIGITS:
            found |= NUMBER
        if dots >= 3:
            found |= ADDRESS
    return found


@kernel
def flag_documents(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], classes: NDArray[np.uint8], flags: NDArray[np.uint8]
) -> None:
    """Set the families that each document may hold. `data` uint8[bytes] in UTF-8, `offsets` int64[documents + 1] into it,
    `flags` uint8[documents] is written."""
    for document in range(len(flags)):
        flags[document] = flag_document(data, offsets[document], offsets[document + 1], classes)
