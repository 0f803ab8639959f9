"""Which texts may hold personal data and where, told by their bytes: so that patterns run on little text.

A flag or a span says that patterns of a family are worth a try, nothing more: it may be there in vain, it must not be missing.
The scan is of bytes in the order they lie; only digits and a few signs take it out of its shortest path.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.numbers import is_number

EMAIL, NUMBER, ADDRESS, PLACE, SECRET, KEY_BLOCK = 1, 2, 4, 8, 16, 32
WINDOWED = (NUMBER, ADDRESS, PLACE, SECRET)
AROUND = 64  # characters on either side of what may be a value: where words stand that say what it is
LEAST_DIGITS = 7  # of the shortest number that is looked for, a local telephone number
LEAST_DECIMALS = 3  # of a degree: a place is told to a hundred metres
LEAST_KEY = 16  # bytes of the shortest key

# What a byte means: plain bytes are 0.
_SIGN, _DIGIT, _JOINT, _TOKEN, _WORD, _LOCAL, _HEX = 1, 2, 4, 8, 16, 32, 64


def _byte_classes() -> NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    table[[*b"@:-", 0xC2, 0xA0, 0xAC, 0xAF]] |= _SIGN  # the last four: of a degree sign, ＠, 纬, 緯
    table[list(b"0123456789")] |= _DIGIT
    table[list(b" -.()/")] |= _JOINT  # what stands between the digits of a number
    table[list(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_+/=-")] |= _TOKEN
    table[list(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")] |= _WORD
    table[list(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._%+'-")] |= _LOCAL  # of an e-mail address
    table[list(b"0123456789ABCDEFabcdef:")] |= _HEX
    return table


CLASSES = _byte_classes()


@kernel
def _flag_sign(data: NDArray[np.uint8], start: int, end: int, at: int, classes: NDArray[np.uint8]) -> int:
    """What the sign at byte `at` is a sign of, with what stands beside it."""
    byte = data[at]
    if byte == 0x40:
        return EMAIL if _is_email(data, start, end, at, at + 1, classes) else 0
    if byte == 0x3A:
        # Of an IPv6 address: two colons together, or three with at most four bytes between them, and a digit with them.
        if not _has_digit(data, start, end, at, classes):
            return 0
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
        return KEY_BLOCK if at + 5 < end and data[at + 5] == 0x42 else 0  # -----BEGIN
    if byte == 0xC2:
        return (
            PLACE if at > start and at + 1 < end and data[at + 1] == 0xB0 and classes[data[at - 1]] & (_DIGIT | _JOINT) else 0
        )
    if at - 2 >= start:
        first, second = data[at - 2], data[at - 1]
        if first == 0xEF and second == 0xBC and byte == 0xA0:
            return EMAIL if _is_email(data, start, end, at - 2, at + 1, classes) else 0
        if first == 0xE7 and ((second == 0xBA and byte == 0xAC) or (second == 0xB7 and byte == 0xAF)):
            return PLACE
    return 0


@kernel
def _is_email(data: NDArray[np.uint8], start: int, end: int, low: int, high: int, classes: NDArray[np.uint8]) -> bool:
    """Whether what is next to the sign at bytes `low` to `high` can be of an address."""
    return bool(low > start and high < end and classes[data[low - 1]] & _LOCAL and classes[data[high]] & _WORD)


@kernel
def _has_digit(data: NDArray[np.uint8], start: int, end: int, at: int, classes: NDArray[np.uint8]) -> bool:
    """Whether a digit is among the hexadecimal digits and colons around the colon at byte `at`."""
    for reach in range(at + 1, min(end, at + 40)):
        kind = classes[data[reach]]
        if kind & _DIGIT:
            return True
        if not kind & _HEX:
            break
    for reach in range(at - 1, max(start, at - 40) - 1, -1):
        kind = classes[data[reach]]
        if kind & _DIGIT:
            return True
        if not kind & _HEX:
            break
    return False


@kernel
def _is_host(data: NDArray[np.uint8], start: int, end: int, low: int, high: int, classes: NDArray[np.uint8]) -> bool:
    """Whether four numbers of up to three digits with points between are among bytes `low` to `high`, no more than four."""
    parts = size = 0
    for at in range(low, high + 1):
        if at < high and classes[data[at]] & _DIGIT:
            size += 1
            continue
        point = at < high and data[at] == 0x2E and size > 0
        parts = 0 if size == 0 or size > 3 else parts + 1
        if parts == 4 and not (point and at + 1 < end and classes[data[at + 1]] & _WORD):
            return True
        if not point:
            parts = 0
        size = 0
    return False


@kernel
def _is_place(data: NDArray[np.uint8], end: int, at: int) -> bool:
    """Whether what follows a decimal that ends before byte `at` is of a pair of them, or a degree: `,`, `，`, `°` or `度`."""
    if at < end and (data[at] == 0x20 or 0x09 <= data[at] <= 0x0D):
        at += 1
    if at >= end:
        return False
    byte = data[at]
    return bool(byte == 0x2C or byte == 0xEF or byte == 0xC2 or byte == 0xE5)


@kernel
def _run(data: NDArray[np.uint8], start: int, end: int, at: int, classes: NDArray[np.uint8]) -> tuple[int, int, bool]:
    """The run of letters, digits and the like around the digit at byte `at`, and whether it is as long as a key and has a
    letter."""
    low, high = at, at + 1
    while low > start and classes[data[low - 1]] & _TOKEN:
        low -= 1
    while high < end and classes[data[high]] & _TOKEN:
        high += 1
    if high - low >= LEAST_KEY:
        for place in range(low, high):
            if data[place] > 0x40 and data[place] != 0x5F:
                return low, high, True
    return low, high, False


@kernel
def _wide(data: NDArray[np.uint8], start: int, end: int, low: int, high: int) -> tuple[int, int]:
    """Bytes `low` to `high` and `AROUND` characters on either side, within `start` and `end`."""
    for _ in range(AROUND):
        if low > start:
            low -= 1
        while low > start and data[low] & 0xC0 == 0x80:
            low -= 1
        if high < end:
            high += 1
        while high < end and data[high] & 0xC0 == 0x80:
            high += 1
    return low, high


@kernel
def _note(
    data: NDArray[np.uint8], start: int, end: int, low: int, high: int, families: int, text: int, spans: NDArray[np.int64],
    count: int, last: NDArray[np.int64],
) -> int:  # fmt: skip
    """Note bytes `low` to `high` of a text for each of the families; one that meets the family's last span makes it longer."""
    low, high = _wide(data, start, end, low, high)
    for place in range(len(WINDOWED)):
        if families & WINDOWED[place]:
            if last[place, 0] < 0 or low > last[place, 1]:
                if count < len(spans):
                    spans[count, 0], spans[count, 1], spans[count, 2] = text, WINDOWED[place], low
                last[place, 0] = count
                count += 1
            last[place, 1] = max(high, last[place, 1])
            if last[place, 0] < len(spans):
                spans[last[place, 0], 3] = last[place, 1]
    return count


@kernel
def look(
    data: NDArray[np.uint8], start: int, end: int, classes: NDArray[np.uint8], text: int, spans: NDArray[np.int64],
    count: int, last: NDArray[np.int64],
) -> tuple[int, int]:  # fmt: skip
    """The families that bytes `start` to `end` may hold, and the number of spans with those of this text."""
    found = 0
    run_done = spot = start
    told = start - 1000  # where the last number ends that a word says to be a telephone's
    last[:] = -1
    while spot < end:
        kind = classes[data[spot]] & (_SIGN | _DIGIT)
        if kind == 0:
            spot += 1
            continue
        if kind == _SIGN:
            sign = _flag_sign(data, start, end, spot, classes)
            if sign != 0:
                found |= sign
                count = _note(data, start, end, spot, spot + 1, sign, text, spans, count, last)
            spot += 1
            continue
        # A number: digits with at most two joints between them.
        digits = dots = decimals = joints = families = 0
        at = spot
        while at < end:
            kind = classes[data[at]]
            if kind & _DIGIT:
                if at >= run_done:
                    low, run_done, is_key = _run(data, run_done, end, at, classes)
                    if is_key:
                        found |= SECRET
                        count = _note(data, start, end, low, run_done, int(np.int64(SECRET)), text, spans, count, last)
                digits += 1
                decimals += decimals > 0 or (joints == 1 and data[at - 1] == 0x2E)
                joints = 0
            else:
                if decimals >= LEAST_DECIMALS and _is_place(data, end, at):
                    families |= PLACE
                decimals = 0
                if not (kind & _JOINT and joints < 2):
                    break
                joints += 1
                dots += data[at] == 0x2E
            at += 1
        done = at - joints  # a hyphen there may begin a key block
        if digits >= LEAST_DIGITS:
            maybe, told = is_number(data, start, end, spot, done, told)
            if maybe:
                families |= NUMBER
        if dots >= 3 and _is_host(data, start, end, spot, done, classes):
            families |= ADDRESS
        if families != 0:
            found |= families
            count = _note(data, start, end, spot, done, families, text, spans, count, last)
        spot = done
    return found, count


@kernel
def look_at_all(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], classes: NDArray[np.uint8], flags: NDArray[np.uint8],
    spans: NDArray[np.int64],
) -> int:  # fmt: skip
    """The families that each text may hold into `flags` uint8[texts], and where into `spans` int64[most, 4]: text, family, the
    bytes from and to of `data`. Returns how many spans there are; those beyond `most` are not written.

    Text i is bytes `offsets[i]` to `offsets[i + 1]` of UTF-8. Spans of a family lie in order and do not meet; they hold what
    may be a value with `AROUND` characters on either side. Families outside `WINDOWED` have none: all of a text is searched.
    """
    last = np.empty((len(WINDOWED), 2), np.int64)
    count = int(np.int64(0))  # a bare 0 is a type of its own, for which all below is compiled once more
    for text in range(len(flags)):
        flags[text], count = look(data, offsets[text], offsets[text + 1], classes, text, spans, count, last)
    return count
