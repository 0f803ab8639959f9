"""Whether digits that stand together can be a number that patterns of `danlu.text.personal` find, told by their groups, by the
check digit of a card, and by the words before them: most are dates, spans of years, decimals and counts.

As in `kernels.personal`, a yes may be in vain, a no is sure. A group is digits in a row, and a match takes whole groups.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.forms import is_letter

_LEAST_GROUP = 7  # digits in a row of a passport's number and of a company's code
_CODE = 18  # letters and digits of a company's code
_MOST = 19  # digits of a bank card
_IBAN_REACH = 72  # bytes of an account with its spaces, and more
_DOCUMENT_REACH = 160  # bytes of the 32 characters between the name of a document and its number, and of the name
_LIST_REACH = 10  # bytes between the numbers of a list, and more


def _table(words: Sequence[str]) -> NDArray[np.uint8]:
    """uint8[words, longest word], filled up with 0."""
    coded = [word.encode() for word in words]
    return np.array([list(word.ljust(max(map(len, coded)), b"\0")) for word in coded], np.uint8)


# The words of `danlu.text.personal.phones` and `numbers`, in lower case.
_PHONES = _table(
    ("tel", "telephone", "phone", "mobile", "mob", "cell", "cellphone", "fax", "hotline", "whatsapp", "call", "dial", "ring",
     "text", "txt", "sms", "contact")
)  # fmt: skip
_FILLERS = _table(("number", "no", "num", "me", "us", "him", "her", "at", "on", "is", "to"))
_ENDS = _table(
    ("电话", "电話", "手机", "手機", "传真", "电传", "座机", "热线", "方式", "系人", "致电", "拨打", "微信", "电联")
)  # fmt: skip
_BETWEEN = _table(("：", "是", "为", "\u3000", "号", "码", "號", "碼"))
_DOCUMENTS = _table(("passport", "id card", "护照", "護照", "通行证", "身份证"))


@kernel
def is_number(data: NDArray[np.uint8], start: int, end: int, low: int, high: int, told: int) -> tuple[bool, int]:
    """Whether bytes `low` to `high`, digits with at most two joints between (those of `kernels.personal`) in a text of bytes
    `start` to `end`, can be a number.

    And where the last number ends that a word says to be one of a telephone (`told` before this): others may follow in a list.
    """
    if low - told <= _LIST_REACH or says_phone(data, start, low):
        return True, high
    plus = low > start and data[low - 1] == 0x2B and not (low - 1 > start and _is_word(data[low - 2]))
    return plus or _has_shape(data, start, end, low, high) or _is_account(data, start, end, low), told


@kernel
def says_phone(data: NDArray[np.uint8], start: int, at: int) -> bool:
    """Whether a word before byte `at` says that a telephone's number begins there."""
    if at > start and data[at - 1] == 0x28:
        at -= 1
    if at > start and data[at - 1] == 0x2B:
        at -= 1
    for _ in range(8):  # spaces, signs, 号码
        byte = data[at - 1] if at > start else np.uint8(0)
        if byte == 0x20 or byte == 0x3A or byte == 0x23 or byte == 0x3D or byte == 0x2E:
            at -= 1
        elif at - 3 >= start and _is_one(data, at - 3, at, _BETWEEN):
            at -= 3
        else:
            break
    for _ in range(4):  # the word, and up to three small ones after it
        low = at
        while low > start and is_letter(data[low - 1]):
            low -= 1
        if low == at:
            return bool(at - 6 >= start and _is_one(data, at - 6, at, _ENDS))
        if _is_one(data, low, at, _PHONES) or (at - low > 3 and _is_one(data, at - 3, at, _PHONES[:1])):
            return True
        if not _is_one(data, low, at, _FILLERS) or low == start or data[low - 1] != 0x20:
            return False
        at = low - 1
    return False


@kernel
def _has_shape(data: NDArray[np.uint8], start: int, end: int, low: int, high: int) -> bool:
    """Whether some groups are those of a telephone in the form of its country, of a card, or of a code; or as many digits in a
    row as a passport's, and after its name."""
    at = low
    while at < high:
        if not _is_digit(data[at]):
            at += 1
            continue
        stop = at
        while stop < high and _is_digit(data[stop]):
            stop += 1
        if stop - at >= _LEAST_GROUP and (_is_code(data, start, end, at) or _says_document(data, start, at)):
            return True
        before = data[at - 1] if at > start else np.uint8(0)
        if before != 0x2E and not _is_word(before) and _begins_number(data, at, high, end):
            return True
        at = stop
    return False


@kernel
def _begins_number(data: NDArray[np.uint8], low: int, high: int, end: int) -> bool:
    """Whether the groups from byte `low` on, up to some one, are a telephone's or a card's."""
    size = groups = first = third = second = last = int(np.int64(0))  # digits: all, of the first group, of the last three
    tight = bool(low < high)  # whether one space or hyphen is between any two
    pairs = tight  # whether each group is of two digits
    at = low
    while at < high and size <= _MOST:
        stop = at
        while stop < high and _is_digit(data[stop]):
            stop += 1
        groups += 1
        third, second, last = second, last, stop - at
        size += last
        pairs = pairs and last == 2
        if groups == 1:
            first = last
        after = data[stop] if stop < end else np.uint8(0)
        open_end = after | 0x20 == 0x78  # an X, the check digit of an identity card
        if not _is_word(after) or open_end:
            if tight and groups <= 3 and size + open_end == 18 and _has_birth(data, low):
                return True
            if _is_phone(data, low, size, groups, first, third, second, last, tight, pairs):
                return True
            if tight and 14 <= size <= _MOST and 0x32 <= data[low] <= 0x39 and _is_luhn(data, low, stop):
                return True
        at = stop
        bracket = slash = False
        while at < high and not _is_digit(data[at]):
            bracket = bracket or data[at] == 0x28 or data[at] == 0x29
            slash = slash or data[at] == 0x2F
            tight = tight and at == stop and (data[at] == 0x20 or data[at] == 0x2D)
            at += 1
        if slash or (at - stop > 1 and not bracket):
            return False
    return False


@kernel
def _is_phone(
    data: NDArray[np.uint8], low: int, size: int, groups: int, first: int, third: int, second: int, last: int, tight: bool,
    pairs: bool,
) -> bool:  # fmt: skip
    """Whether so many digits in such groups can be of a telephone without a plus sign or a word."""
    zeros, ones = data[low] == 0x30, data[low] == 0x31
    if size < 9:
        return False
    if zeros:  # a landline of China, the United Kingdom; 0086; France
        abroad = first >= 4 and data[low + 1] == 0x30
        return size <= 16 and (3 <= first <= 5 or abroad or (pairs and groups == 5))
    if ones and tight and size == 11 and (first == 3 or first == 7 or first == 11) and data[low + 1] >= 0x33:
        return True  # a mobile of China
    if data[low] == 0x38 and data[low + 1] == 0x36 and 12 <= size <= 14:
        return True  # the same after 86
    if 10 <= size <= 11 and last == 4 and second == 3:  # North America
        return (groups == 3 and first == (4 if ones else 3)) or (groups == 4 and ones and first == 1 and third == 3)
    return False


@kernel
def _has_birth(data: NDArray[np.uint8], low: int) -> bool:
    """Whether the 7th digit and those that follow can be a date of birth."""
    place = 0
    at = low
    century = 0
    while place < 13:
        if _is_digit(data[at]):
            value = int(data[at]) - 0x30
            place += 1
            if place == 7 or place == 8:
                century = century * 10 + value
            if (place == 11 and value > 1) or (place == 13 and value > 3):
                return False
        at += 1
    return 18 <= century <= 20


@kernel
def _is_luhn(data: NDArray[np.uint8], low: int, high: int) -> bool:
    """The check digit of bank cards (ISO/IEC 7812-1)."""
    total = place = 0
    for at in range(high - 1, low - 1, -1):
        if _is_digit(data[at]):
            value = (int(data[at]) - 0x30) * (1 + place % 2)
            total += value - 9 if value > 9 else value
            place += 1
    return total % 10 == 0


@kernel
def _is_code(data: NDArray[np.uint8], start: int, end: int, at: int) -> bool:
    """Whether the digits at `at`, with at most one letter before them, begin as many letters and digits as a company's code."""
    if at > start and is_letter(data[at - 1]):
        at -= 1
    if at > start and _is_word(data[at - 1]):
        return False
    stop = at
    while stop < end and stop - at <= _CODE and _is_word(data[stop]):
        stop += 1
    return stop - at == _CODE


@kernel
def _is_account(data: NDArray[np.uint8], start: int, end: int, low: int) -> bool:
    """Whether an international account (two capitals and two digits) may begin shortly before byte `low`, or with it."""
    for at in range(max(start, low - _IBAN_REACH), low - 1):
        if 0x41 <= data[at] <= 0x5A and 0x41 <= data[at + 1] <= 0x5A and at + 3 < end:
            begins = at == start or not _is_word(data[at - 1])
            if begins and _is_digit(data[at + 2]) and _is_digit(data[at + 3]):
                return True
    return False


@kernel
def _says_document(data: NDArray[np.uint8], start: int, at: int) -> bool:
    """Whether the name of a document stands before byte `at`, not far."""
    for low in range(max(start, at - _DOCUMENT_REACH), at):
        byte = data[low] | 0x20
        if byte == 0x70 or byte == 0x69 or byte >= 0xE0:
            for word in range(len(_DOCUMENTS)):
                if _matches(data, low, at, _DOCUMENTS[word]) > 0:
                    return True
    return False


@kernel
def _is_one(data: NDArray[np.uint8], low: int, high: int, words: NDArray[np.uint8]) -> bool:
    """Whether bytes `low` to `high` are one of the words, whatever their case."""
    found = False
    for word in range(len(words)):
        found = found or _matches(data, low, high, words[word]) == high - low
    return found


@kernel
def _matches(data: NDArray[np.uint8], low: int, high: int, word: NDArray[np.uint8]) -> int:
    """The bytes of a word if what begins at `low`, before `high`, is the word; 0 if it is not."""
    for step in range(len(word)):
        if word[step] == 0:
            return step
        if low + step >= high:
            return 0
        byte = data[low + step]
        if (byte | 0x20 if 0x41 <= byte <= 0x5A else byte) != word[step]:
            return 0
    return len(word)


@kernel
def _is_digit(byte: np.uint8) -> bool:
    return bool(0x30 <= byte <= 0x39)


@kernel
def _is_word(byte: np.uint8) -> bool:
    """Whether a byte is a letter of ASCII, a digit or an underscore."""
    return bool(0x30 <= byte <= 0x39 or 0x41 <= byte <= 0x5A or byte == 0x5F or 0x61 <= byte <= 0x7A)
