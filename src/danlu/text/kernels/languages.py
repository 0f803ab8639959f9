"""Which language each text of a batch is in: its letters by script, and n-grams where a script serves several languages.

A text is read in up to three windows (its beginning, middle and end). Mark-up and addresses are stepped over. Words in the
scripts in `MODELLED` are folded to lower case and counted in segments, lines or sentences of one script, so that a segment in
another language than the text's is seen. A segment's vector is the sum of its words' rows of int8: exact, in any order.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.eight import HIGHS, ONES, eight_bytes
from danlu.text.kernels.language_words import FIRST, KEPT, KEY, LAST, SCRIPT, SEGMENT, SLOTS, WIDTH, WORD, sum_words

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]

# Scripts. Those from `ALONE` on serve one language each, or one that is by far the commonest.
NO_LETTER, LATIN, CYRILLIC, ARABIC, DEVANAGARI, HAN, KANA, HANGUL, ALONE = 0, 1, 2, 3, 4, 5, 6, 7, 8
MODELLED = 5  # scripts below have several languages, told by n-grams
IGNORED = 255  # combining marks, joiners: neither a letter nor the end of a word
NOT_GB2312, NOT_BIG5, NOT_JIS = 1, 2, 4  # flags of a Han character

WINDOW = 144  # letters read of each window
SPAN = 48 * WINDOW  # bytes read of each window at most: mark-up and digits also take time
LETTERS = 3 * WINDOW  # read of a text at most
SEGMENTS = 32  # room for a text's: one of `ENOUGH` letters for each so many read, and what ends with a window of each script
ENOUGH, LONGEST = 40, 240  # letters after which the end of a line or sentence, or of a word, ends a segment
SURE = 3.0  # log odds by which a segment's language beats the text's to count as another
TINY = 8  # Latin letters below which a text counts as English: an abbreviation, a name
SHORT, LIKELY, CLOSE = 24, 0.7, 2.0  # below so many Latin letters, where no language has this likelihood and the best is within
# so many nats of English, English it is
NAT = 1.0 / 32  # one step of a bucket's row

_SCRIPT_TAG, _STYLE_TAG = np.frombuffer(b"script", np.uint8), np.frombuffer(b"style", np.uint8)
_HTTP, _HTTPS, _WWW = (np.frombuffer(word, np.uint8) for word in (b"http://", b"https://", b"www."))
_APOSTROPHE, _NONE = np.uint64(39), np.uint64(0)
_SMALL, _A, _ALPHABET = np.uint64(32), np.uint64(97), np.uint64(26)  # the bit of small letters, the first of them, how many
_BYTE, _TOP, _LAST, _NOT_ASCII = np.uint64(8), np.uint64(56), np.uint64(0xFF), np.uint64(0x80)
_ONE, _SEVEN = np.uint64(1), np.uint64(7)
# Of each of eight bytes: the bit of small letters, and what carries "a" or what follows "z" into the highest bit
_SMALLS, _FROM_A, _AFTER_Z = np.uint64(0x2020202020202020), np.uint64(0x1F1F1F1F1F1F1F1F), np.uint64(0x0505050505050505)


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
def appended(low: np.uint64, high: np.uint64, width: int, more: np.uint64) -> tuple[np.uint64, np.uint64]:
    """A key of `width` bytes with the bytes `more` after them; what goes beyond `KEY` is lost."""
    if width == 0:
        return more, high
    shift = np.uint64(8 * width)
    if width < 8:
        return low | more << shift, more >> (np.uint64(64) - shift)
    if width < 16:
        return low, high | more << (shift - np.uint64(64))
    return low, high


@kernel
def read(
    data: Bytes, begin: int, end: int, most: int, scripts: Bytes, lower: NDArray[np.uint16], absent: Bytes, letters: Integers,
    counts: Integers, han: Integers, small: Integers, words: NDArray[np.int32], keys: NDArray[np.uint64],
    characters: NDArray[np.uint16], used: int, held: Integers,
) -> int:  # fmt: skip
    """Read at most `most` letters of `data[begin:end]` after `used` words before; how many words there are now.

    Adds to `letters` and `counts` [scripts], which are letters and words; to `han` [8], the Han letters by their flags in
    `absent`; to `small[0]`, the Latin words of two small letters or more; and to `held`, of which the first is how many
    segments there are and the others their letters. Of each word in a script of `MODELLED` its script, first and last character
    and segment go to `words` [words, 4], its characters in lower case to `characters`, and a number that no other word has to
    `keys` [words, 2], 0 where it is too long for one. Room is needed for `most` words of `WORD` characters each, and 8 more.
    """
    opened = np.zeros(MODELLED, np.int64)  # each script's open segment, 0 where none is
    unclosed = np.zeros(1, np.uint8)
    run: int | np.int64 = NO_LETTER  # the script of the letters just before, where it is not modelled
    place = words[used - 1, LAST] if used else np.int32(0)
    taken = 0
    at = begin
    while at < end and taken < most:
        code, step = next_character(data, at, end)
        script = script_of(code, scripts)
        if script == IGNORED:
            at += step
            continue
        if run != NO_LETTER and script != run:
            counts[run] += 1
            run = NO_LETTER
        if script == NO_LETTER:
            if code == 10 or code == 46 or code == 33 or code == 63 or code == 0x0964 or code == 0x06D4:
                for one in range(1, MODELLED):
                    if held[opened[one]] >= ENOUGH:
                        opened[one] = 0
            at = after_markup(data, at, end, unclosed) if code == 60 or code == 38 else at + step
            continue
        if script == HAN:
            before = taken
            while script == HAN:
                han[absent[code] if code < 0x10000 else 7] += 1
                taken += 1
                at += step
                if at >= end or taken >= most:
                    break
                code, step = next_character(data, at, end)
                script = script_of(code, scripts)
            letters[HAN] += taken - before
            continue
        if script >= MODELLED:
            letters[script] += 1
            taken += 1
            if script >= HANGUL:
                run = script
            at += step
            continue
        if (code == 104 and (matches(data, at, end, _HTTP) or matches(data, at, end, _HTTPS))) or (
            code == 119 and matches(data, at, end, _WWW)
        ):
            while at < end and 32 < data[at] < 128 and data[at] != 60:
                at += 1
            continue
        if opened[script] == 0 or held[opened[script]] >= LONGEST:
            held[0] += 1
            opened[script] = held[0]
        first, before, folded = place, taken, _NONE  # a word
        low, high, width = _NONE, _NONE, 0
        while True:
            if script == LATIN:  # letters of ASCII, which most are
                stop = min(end, at + min(most - taken, first + WORD - place))
                start = at
                count = np.int64(8)
                while count == 8 and at + 8 <= stop:  # eight at a time
                    eight = eight_bytes(data, at)
                    small_eight = eight | _SMALLS
                    bits = small_eight & ~HIGHS
                    strange = ~((bits + _FROM_A) & ~(bits + _AFTER_Z) & ~eight) & HIGHS
                    mask = ((strange & (~strange + _ONE)) >> _SEVEN) - _ONE  # of the bytes before the first that is no letter
                    count = np.int64(((mask & ONES) * ONES) >> _TOP)
                    folded |= (eight ^ small_eight) & mask
                    for one in range(8):
                        characters[place + one] = (small_eight >> np.uint64(8 * one)) & _LAST
                    low, high = appended(low, high, width + at - start, small_eight & mask)
                    place += count
                    at += int(count)
                while count == 8 and at < stop:
                    byte = np.uint64(data[at])
                    letter = byte | _SMALL
                    if letter - _A >= _ALPHABET:
                        break
                    folded |= byte ^ letter
                    characters[place] = letter
                    low, high = appended(low, high, width + at - start, letter)
                    place += 1
                    at += 1
                taken += at - start
                width += at - start
            if at >= end or taken >= most or place == first + WORD:
                break
            code, step = next_character(data, at, end)
            kind = script_of(code, scripts)
            if kind == IGNORED:
                at += step
                continue
            if kind == script:
                letter = np.uint64(lower[code])
                folded |= letter ^ np.uint64(code)
                taken += 1
            elif script == LATIN and at + 1 < end and (code == 39 or code == 0x2019):
                letter = _APOSTROPHE
            else:
                break
            characters[place] = letter
            if letter < 0x80:
                low, high = appended(low, high, width, letter)
                width += 1
            else:
                low, high = appended(low, high, width, _NOT_ASCII | letter >> _BYTE | (letter & _LAST) << _BYTE)
                width += 2
            place += 1
            at += step
        words[used, SCRIPT], words[used, FIRST], words[used, LAST], words[used, SEGMENT] = script, first, place, opened[script]
        keys[used, 0], keys[used, 1] = (low, high) if width <= KEY else (_NONE, _NONE)
        used += 1
        held[opened[script]] += taken - before
        letters[script] += taken - before
        counts[script] += 1
        if script == LATIN and folded == 0 and taken > before + 1:
            small[0] += 1
    if run != NO_LETTER:
        counts[run] += 1
    return used


@kernel
def judge(vector: NDArray[np.int32], count: int | np.int64, weights: NDArray[np.float64], scores: NDArray[np.float64]) -> int:
    """The best of the classes of a script for a sum of `count` rows; their log odds go to `scores` [classes].

    `weights` is [WIDTH + 1, classes], the last row the scores of no text at all.
    """
    scale = NAT / math.sqrt(count + 16.0)
    for one in range(len(scores)):
        scores[one] = weights[WIDTH, one]
    for place in range(0, WIDTH, 4):  # four at a time, each class's in order
        first, second, third, fourth = vector[place], vector[place + 1], vector[place + 2], vector[place + 3]
        for one in range(len(scores)):
            scores[one] = (
                scores[one]
                + weights[place, one] * (first * scale)
                + weights[place + 1, one] * (second * scale)
                + weights[place + 2, one] * (third * scale)
                + weights[place + 3, one] * (fourth * scale)
            )
    best = 0
    for one in range(len(scores)):
        if scores[one] > scores[best]:
            best = one
    return best


@kernel
def odds(nats: float) -> float:
    """Those of a class that is so much less likely than the best; what adds nothing to 1 is 0."""
    return math.exp(nats) if nats > -40.0 else 0.0


@kernel
def tell(
    data: Bytes, offsets: Integers, scripts: Bytes, lower: NDArray[np.uint16], absent: Bytes, per_word: NDArray[np.float64],
    script_label: Bytes, lanes: NDArray[np.uint64], weights: NDArray[np.float64], class_label: Bytes, unknown: int,
    labels: Bytes, confidence: NDArray[np.float32], mixed: NDArray[np.float32], letters: NDArray[np.int32],
) -> None:  # fmt: skip
    """The language of each text of a batch into `labels`, `confidence`, `mixed` [texts] and `letters` [texts, scripts].

    `per_word` [scripts] is how many letters make a word, 0 where runs of letters are words. `script_label` [scripts] names the
    language of a script that serves one, and of HAN simplified Chinese, the next label being traditional; `class_label`
    [MODELLED, classes] those of the columns of `weights` [MODELLED, WIDTH + 1, classes]. A class that a script has not is never
    the likeliest: its last weight is minus infinity. `unknown` is the label of no language.
    """
    count = len(per_word)
    found, counts, han = np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(8, np.int64)
    small, units = np.zeros(1, np.int64), np.zeros(count, np.float64)
    words, keys = np.empty((LETTERS, 4), np.int32), np.empty((LETTERS, 2), np.uint64)
    characters, held = np.empty(LETTERS * WORD + 8, np.uint16), np.zeros(SEGMENTS, np.int64)
    kept = np.zeros((SLOTS + 1, KEPT), np.uint64)
    vectors, grams = np.empty((SEGMENTS, WIDTH), np.int32), np.empty(SEGMENTS, np.int64)
    scores, total = np.zeros(weights.shape[2], np.float64), np.zeros(WIDTH, np.int32)
    for text in range(len(offsets) - 1):
        begin, end = offsets[text], offsets[text + 1]
        found[:], counts[:], han[:], small[:], held[:] = 0, 0, 0, 0, 0
        used = 0
        size = end - begin
        parts = 1 if size <= LETTERS else 3
        for part in range(parts):
            first, last = begin + part * size // parts, begin + (part + 1) * size // parts
            while first < last and data[first] & 0xC0 == 0x80:  # in the middle of a character
                first += 1
            used = read(
                data, first, end if parts == 1 else min(last, first + SPAN), LETTERS if parts == 1 else WINDOW, scripts, lower,
                absent, found, counts, han, small, words, keys, characters, used, held,
            )  # fmt: skip
        whole = 0.0
        for script in range(count):
            letters[text, script] = found[script]
            units[script] = found[script] / per_word[script] if per_word[script] > 0 else np.float64(counts[script])
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
            segments = held[0] + 1
            for segment in range(segments):
                grams[segment] = 0
                for place in range(WIDTH):
                    vectors[segment, place] = 0
            sum_words(words[:used], keys, characters, main, lanes, kept, vectors, grams)
            for place in range(WIDTH):
                total[place] = 0
            for segment in range(1, segments):
                for place in range(WIDTH):
                    total[place] += vectors[segment, place]
            best = judge(total, grams[:segments].sum(), weights[main], scores)
            everything, highest = 0.0, scores[best]
            for one in range(len(scores)):
                everything += odds(scores[one] - highest)
            unsure = LIKELY * everything > 1.0 and scores[0] > highest - CLOSE
            if main == LATIN and (found[main] < TINY or (found[main] < SHORT and unsure)):
                best = 0
            same = 0.0
            for one in range(len(scores)):
                if class_label[main, one] == class_label[main, best]:
                    same += odds(scores[one] - highest)
            likely = same / everything
            labels[text] = class_label[main, best]
            strange = 0
            if segments > 2 and labels[text] != unknown:
                for segment in range(1, segments):
                    if grams[segment] == 0:  # of another script
                        continue
                    rival = judge(vectors[segment], grams[segment], weights[main], scores)
                    if class_label[main, rival] != unknown and scores[rival] - scores[best] > SURE:
                        strange += held[segment]
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
