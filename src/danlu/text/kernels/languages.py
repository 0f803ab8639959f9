"""Which language each text of a batch is in: its letters by script, and n-grams where a script serves several languages.

A text is read in up to three windows (its beginning, middle and end). Mark-up and addresses are stepped over. Letters of the
scripts in `MODELLED` are folded to lower case; each adds its 2-, 3- and 4-gram (a space stands at both ends of a word) and each
word itself, as numbers of buckets. Buckets are collected in segments, lines or sentences of one script, so that a segment in
another language than the text's is seen. A segment's vector is the sum of its buckets' rows of int8: exact, in any order.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]

# Scripts. Those from `ALONE` on serve one language each, or one that is by far the commonest.
NO_LETTER, LATIN, CYRILLIC, ARABIC, DEVANAGARI, HAN, KANA, HANGUL, ALONE = 0, 1, 2, 3, 4, 5, 6, 7, 8
MODELLED = 5  # scripts below have several languages, told by n-grams
IGNORED = 255  # combining marks, joiners: neither a letter nor the end of a word
NOT_GB2312, NOT_BIG5, NOT_JIS = 1, 2, 4  # flags of a Han character

BITS = 15  # of a bucket's number
WIDTH = 16  # of a bucket's row
WINDOW = 144  # letters read of each window
SPAN = 48 * WINDOW  # bytes read of each window at most: mark-up and digits also take time
BUCKETS = 8 * 3 * WINDOW  # room for a text's buckets, of each script
SEGMENTS = 96  # room for a text's segments
ENOUGH, LONGEST = 40, 240  # letters after which the end of a line or sentence, or of a word, ends a segment
SURE = 3.0  # log odds by which a segment's language beats the text's to count as another
TINY = 8  # Latin letters below which a text counts as English: an abbreviation, a name
SHORT, LIKELY, CLOSE = 24, 0.7, 2.0  # below so many Latin letters, where no language has this likelihood and the best is within
# so many nats of English, English it is
NAT = 1.0 / 32  # one step of a bucket's row

# Columns of the table of segments
SCRIPT, FIRST, LAST, LETTERS = 0, 1, 2, 3

_SCRIPT_TAG, _STYLE_TAG = np.frombuffer(b"script", np.uint8), np.frombuffer(b"style", np.uint8)
_HTTP, _HTTPS, _WWW = (np.frombuffer(word, np.uint8) for word in (b"http://", b"https://", b"www."))

# Odd multipliers of a multiply-shift hash, drawn once: one for each character of an n-gram, and what its length adds
_K0, _K1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
_K2, _K3 = np.uint64(0x94D049BB133111EB), np.uint64(0xD6E8FEB86659FD93)
_TWO, _THREE, _FOUR = np.uint64(0xA0761D6478BD642F), np.uint64(0xE7037ED1A0B428DB), np.uint64(0x8EBC6AF09C88C6E3)
_WORD = np.uint64(0x589965CC75374CC3)
_SHIFT = np.uint64(64 - BITS)
_SPACE = np.uint64(32)
_NONE, _APOSTROPHE, _LANE = np.uint64(0), np.uint64(39), np.uint64(0xFFFF)


@kernel
def matches(data: Bytes, at: int, end: int, word: Bytes) -> bool:
    """Whether `word` (lower-case ASCII) stands at `at`, in any case."""
    if at + len(word) > end:
        return False
    for offset in range(len(word)):
        byte = data[at + offset]
        if byte != word[offset] and not (65 <= byte <= 90 and byte + 32 == word[offset]):
            return False
    return True


@kernel
def after_markup(data: Bytes, at: int, end: int, unclosed: Bytes) -> int:
    """Where the text goes on after the tag, script, style or entity at `at`; `at + 1` where none begins there.

    `unclosed[0]` is set once no end of a script follows, so that it is not looked for again.
    """
    if at + 1 >= end:
        return at + 1
    if data[at] == 38:  # &
        last = at + 1
        while last < end and last < at + 33 and (data[last] == 35 or 48 <= data[last] <= 57 or 97 <= data[last] | 32 <= 122):
            last += 1
        return last + 1 if last > at + 1 and last < end and data[last] == 59 else at + 1
    following = data[at + 1]
    if not (97 <= following | 32 <= 122 or following == 33 or following == 47 or following == 63):
        return at + 1
    last = at + 1
    while last < end and data[last] != 60 and data[last] != 62:
        last += 1
    if last >= end or data[last] == 60:
        return at + 1
    is_code = matches(data, at + 1, end, _SCRIPT_TAG)
    is_code = is_code or matches(data, at + 1, end, _STYLE_TAG)
    if is_code and not unclosed[0]:
        for place in range(last + 1, end - 2):
            if data[place] == 60 and data[place + 1] == 47 and data[place + 2] | 32 == 115:
                return place
        unclosed[0] = 1
    return last + 1


@kernel
def add_grams(row: NDArray[np.uint16], used: int, c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64) -> int:
    """Append the numbers of the 2-, 3- and 4-gram that end with the character `c0`; how many numbers there are now."""
    two = c0 * _K0 + c1 * _K1
    three = two + c2 * _K2
    row[used] = (two + _TWO) >> _SHIFT
    row[used + 1] = (three + _THREE) >> _SHIFT
    row[used + 2] = (three + c3 * _K3 + _FOUR) >> _SHIFT
    return used + 3


@kernel
def next_character(data: Bytes, at: int, end: int) -> tuple[np.int64, int]:
    """The code point at `at` and its bytes; a byte that begins none counts as code point 0."""
    code = np.int64(data[at])
    if code < 0x80:
        return code, 1
    if code < 0xE0 and at + 1 < end:
        return (code & 0x1F) << 6 | (data[at + 1] & 0x3F), 2
    if code < 0xF0 and at + 2 < end:
        return (code & 0x0F) << 12 | (data[at + 1] & 0x3F) << 6 | (data[at + 2] & 0x3F), 3
    if at + 3 < end:
        return (code & 0x07) << 18 | (data[at + 1] & 0x3F) << 12 | (data[at + 2] & 0x3F) << 6 | (data[at + 3] & 0x3F), 4
    return np.int64(0), 1


@kernel
def script_of(code: np.int64, scripts: Bytes) -> np.int64:
    if code < 0x10000:
        return np.int64(scripts[code])
    return np.int64(HAN if 0x20000 <= code < 0x32400 else NO_LETTER)


@kernel
def close_segment(
    segments: Integers, made: int, script: int | np.int64, first: Integers, used: Integers, held: Integers
) -> int:
    """Write down the script's open segment, if there is room and it holds anything; how many segments there are now."""
    if made == SEGMENTS or used[script] == first[script]:
        return made
    segments[made, SCRIPT], segments[made, FIRST] = script, first[script]
    segments[made, LAST], segments[made, LETTERS] = used[script], held[script]
    first[script], held[script] = used[script], 0
    return made + 1


@kernel
def read(
    data: Bytes, begin: int, end: int, most: int, scripts: Bytes, lower: NDArray[np.uint16], absent: Bytes, letters: Integers,
    words: Integers, han: Integers, small: Integers, buckets: NDArray[np.uint16], used: Integers, segments: Integers, made: int,
) -> int:  # fmt: skip
    """Read at most `most` letters of `data[begin:end]`; how many segments there are now.

    Adds to `letters` and `words` [scripts]; to `han` [8], the Han letters by their flags in `absent`; to `small[0]`, the Latin
    words of two small letters or more; to `buckets` [MODELLED, BUCKETS], `used` [MODELLED] of them, and to `segments`
    [SEGMENTS, 4].
    """
    first = used.copy()  # the first bucket of each script's open segment
    held = np.zeros(MODELLED, np.int64)  # its letters
    unclosed = np.zeros(1, np.uint8)
    run: int | np.int64 = NO_LETTER  # the script of the letters just before, where it is not modelled
    taken = 0
    at = begin
    while at < end and taken < most:
        code, step = next_character(data, at, end)
        script = script_of(code, scripts)
        if script == IGNORED:
            at += step
            continue
        if run != NO_LETTER and script != run:
            words[run] += 1
            run = NO_LETTER
        if script == NO_LETTER:
            if code == 10 or code == 46 or code == 33 or code == 63 or code == 0x0964 or code == 0x06D4:
                for kind in range(1, MODELLED):
                    if held[kind] >= ENOUGH:
                        made = close_segment(segments, made, kind, first, used, held)
            at = after_markup(data, at, end, unclosed) if code == 60 or code == 38 else at + step
            continue
        if script >= MODELLED:
            letters[script] += 1
            taken += 1
            if script == HAN:
                han[absent[code] if code < 0x10000 else 7] += 1
            elif script >= HANGUL:
                run = script
            at += step
            continue
        if (code == 104 and (matches(data, at, end, _HTTP) or matches(data, at, end, _HTTPS))) or (
            code == 119 and matches(data, at, end, _WWW)
        ):
            while at < end and 32 < data[at] < 128 and data[at] != 60:
                at += 1
            continue
        if held[script] >= LONGEST:
            made = close_segment(segments, made, script, first, used, held)
        row, place = buckets[script], used[script]  # a word
        c1, c2, c3, word = _SPACE, _NONE, _NONE, _NONE
        length, is_small = 0, True
        inside = True
        while inside:
            c0 = np.uint64(lower[code])
            is_letter = script_of(code, scripts) == script
            if is_letter:
                is_small = is_small and c0 == code
                length += 1
                taken += 1
            else:
                c0 = _APOSTROPHE
            if place + 8 < BUCKETS:
                place = add_grams(row, place, c0, c1, c2, c3)
            c1, c2, c3 = c0, c1, c2
            word = (word + c0) * _K1
            at += step
            inside = False
            while at < end and taken < most:
                code, step = next_character(data, at, end)
                following = script_of(code, scripts)
                if following != IGNORED:
                    inside = following == script or (script == LATIN and at + 1 < end and (code == 39 or code == 0x2019))
                    break
                at += step
        if place + 8 < BUCKETS:
            place = add_grams(row, place, _SPACE, c1, c2, c3)
            row[place] = (word * _K0 + _WORD) >> _SHIFT
            place += 1
        used[script] = place
        held[script] += length
        letters[script] += length
        words[script] += 1
        if script == LATIN and is_small and length > 1:
            small[0] += 1
    if run != NO_LETTER:
        words[run] += 1
    for kind in range(1, MODELLED):
        made = close_segment(segments, made, kind, first, used, held)
    return made


@kernel
def add_rows(lanes: NDArray[np.uint64], numbers: NDArray[np.uint16], total: NDArray[np.int32]) -> None:
    """Add to `total` [WIDTH] the rows with these numbers.

    `lanes` [buckets, WIDTH // 4] has four values, each with 128 added, side by side in the 16-bit lanes of an integer: 256 rows
    are summed before a lane is full.
    """
    for start in range(0, len(numbers), 256):
        stop = min(start + 256, len(numbers))
        first = second = third = fourth = _NONE
        for place in range(start, stop):
            number = numbers[place]
            first += lanes[number, 0]
            second += lanes[number, 1]
            third += lanes[number, 2]
            fourth += lanes[number, 3]
        less = 128 * (stop - start)
        for lane in range(4):
            shift = np.uint64(16 * lane)
            total[lane] += np.int64((first >> shift) & _LANE) - less
            total[4 + lane] += np.int64((second >> shift) & _LANE) - less
            total[8 + lane] += np.int64((third >> shift) & _LANE) - less
            total[12 + lane] += np.int64((fourth >> shift) & _LANE) - less


@kernel
def judge(
    total: NDArray[np.int32], count: int, weights: NDArray[np.float64], low: int, high: int, scores: NDArray[np.float64]
) -> int:
    """The best of the classes `low` to `high` for a sum of `count` rows; their log odds go to `scores` [classes].

    `weights` is [WIDTH + 1, classes], the last row the scores of no text at all.
    """
    scale = NAT / math.sqrt(count + 16.0)
    scores[low:high] = weights[WIDTH, low:high]
    for place in range(WIDTH):
        value = total[place] * scale
        for one in range(low, high):
            scores[one] += weights[place, one] * value
    best = low
    for one in range(low, high):
        if scores[one] > scores[best]:
            best = one
    return best


@kernel
def tell(
    data: Bytes, offsets: Integers, scripts: Bytes, lower: NDArray[np.uint16], absent: Bytes, per_word: NDArray[np.float64],
    script_label: Bytes, lanes: NDArray[np.uint64], weights: NDArray[np.float64], bounds: Integers, class_label: Bytes,
    unknown: int, labels: Bytes, confidence: NDArray[np.float32], mixed: NDArray[np.float32], letters: NDArray[np.int32],
) -> None:  # fmt: skip
    """The language of each text of a batch into `labels`, `confidence`, `mixed` [texts] and `letters` [texts, scripts].

    `per_word` [scripts] is how many letters make a word, 0 where runs of letters are words. `script_label` [scripts] names the
    language of a script that serves one, and of HAN simplified Chinese, the next label being traditional; `class_label`
    [classes] that of a column of `weights`, of which `bounds[script]` to `bounds[script + 1]` are a script's. `unknown` is the
    label of no language.
    """
    count = len(per_word)
    found, words, han = np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(8, np.int64)
    small, units = np.zeros(1, np.int64), np.zeros(count, np.float64)
    buckets, used = np.empty((MODELLED, BUCKETS), np.uint16), np.zeros(MODELLED, np.int64)
    segments = np.empty((SEGMENTS, 4), np.int64)
    scores, total = np.zeros(weights.shape[1], np.float64), np.zeros(WIDTH, np.int32)
    vectors = np.empty((SEGMENTS, WIDTH), np.int32)
    for text in range(len(offsets) - 1):
        begin, end = offsets[text], offsets[text + 1]
        found[:], words[:], han[:], small[:], used[:] = 0, 0, 0, 0, 0
        made = 0
        size = end - begin
        parts = 1 if size <= 3 * WINDOW else 3
        for part in range(parts):
            first, last = begin + part * size // parts, begin + (part + 1) * size // parts
            while first < last and data[first] & 0xC0 == 0x80:  # in the middle of a character
                first += 1
            made = read(
                data, first, end if parts == 1 else min(last, first + SPAN), 3 * WINDOW if parts == 1 else WINDOW, scripts,
                lower, absent, found, words, han, small, buckets, used, segments, made,
            )  # fmt: skip
        whole = 0.0
        for script in range(count):
            letters[text, script] = found[script]
            units[script] = found[script] / per_word[script] if per_word[script] > 0 else np.float64(words[script])
            whole += units[script]
        labels[text], confidence[text], mixed[text] = unknown, 0.0, 0.0
        if whole == 0:
            continue
        is_japanese = found[KANA] > 0.1 * (found[HAN] + found[KANA])
        if is_japanese:
            units[KANA] += units[HAN]
            units[HAN] = 0.0
        latin = units[LATIN]
        units[LATIN] = small[0] + 0.5 * (latin - small[0])  # names and abbreviations stand in Latin letters anywhere
        main = LATIN
        for script in range(count):
            if units[script] > units[main]:
                main = script
        units[LATIN] = latin
        other = whole - units[main]
        if main != LATIN:
            other -= latin - small[0]
        if main == HANGUL:
            other -= units[HAN]
        likely = 1.0
        if main < MODELLED:
            total[:] = 0
            summed = 0  # buckets of the segments
            for segment in range(made):
                if segments[segment, SCRIPT] == main:
                    summed = segments[segment, LAST]
                    vectors[segment] = 0
                    add_rows(lanes, buckets[main, segments[segment, FIRST] : summed], vectors[segment])
                    total += vectors[segment]
            add_rows(lanes, buckets[main, summed : used[main]], total)
            low, high = bounds[main], bounds[main + 1]
            best = judge(total, used[main], weights, low, high, scores)
            everything, highest = 0.0, scores[best]
            for one in range(low, high):
                everything += math.exp(scores[one] - highest)
            unsure = LIKELY * everything > 1.0 and scores[low] > highest - CLOSE
            if main == LATIN and (found[main] < TINY or (found[main] < SHORT and unsure)):
                best = low
            same = 0.0
            for one in range(low, high):
                if class_label[one] == class_label[best]:
                    same += math.exp(scores[one] - highest)
            likely = same / everything
            labels[text] = class_label[best]
            strange = 0
            if made > 1 and labels[text] != unknown:
                for segment in range(made):
                    if segments[segment, SCRIPT] != main:
                        continue
                    grams = segments[segment, LAST] - segments[segment, FIRST]
                    rival = judge(vectors[segment], grams, weights, low, high, scores)
                    if class_label[rival] != unknown and scores[rival] - scores[best] > SURE:
                        strange += segments[segment, LETTERS]
            confidence[text] = likely * (1.0 - other / whole)
            other += units[main] * strange / max(found[main], 1)
        elif main == HAN:
            neither = han[NOT_GB2312 | NOT_BIG5] + han[7]
            traditional = han[NOT_GB2312] + han[NOT_GB2312 | NOT_JIS]
            simplified = han[NOT_BIG5] + han[NOT_BIG5 | NOT_JIS]
            no_japanese = han[NOT_JIS] + han[NOT_GB2312 | NOT_JIS] + han[NOT_BIG5 | NOT_JIS] + han[7]
            least = min(traditional, simplified) + neither
            labels[text] = script_label[HAN]
            if no_japanese < least and 20 * no_japanese <= found[HAN]:
                labels[text] = script_label[KANA]
                likely = (1.0 + least - no_japanese) / (2.0 + least)
            elif traditional > simplified:
                labels[text] += 1
                likely = (0.25 + traditional) / (1.0 + traditional + simplified)
            else:  # what could be either is taken as simplified
                likely = (0.75 + simplified) / (1.0 + traditional + simplified)
            confidence[text] = likely * (1.0 - other / whole)
        else:
            labels[text] = script_label[main]
            confidence[text] = likely * (1.0 - other / whole)
        confidence[text] = round(np.float64(confidence[text]) * 10000.0) / 10000.0
        mixed[text] = round(max(other, 0.0) / whole * 10000.0) / 10000.0
