"""What in a text a rule objects to, as spans to mark for a reader. For the few texts that are shown: plain, not fast.

Each function of `MARKS` takes a text and whether it is Chinese, and gives (start, end) in characters. Rules that are about the
whole (its length, say) mark nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from danlu.text.characters import (
    ALONE,
    BROKEN,
    CYRILLIC,
    DIGIT,
    HAN,
    HANGUL,
    INVISIBLE,
    KANA,
    LATIN,
    LETTER,
    MARK,
    SPACE,
    UPPER,
    code_points,
    kinds_table,
)
from danlu.text.sizes import FIRST_WORDS, HAN_SIZES, SHORT_LINE

Span = tuple[int, int]
Marker = Callable[[str, bool], Iterable[Span]]

LONGEST = 200_000  # characters of a text that are looked at
_URL = re.compile(r"(?:https?://|www\.)[\x21-\x7e]+", re.IGNORECASE)
_ELLIPSIS = re.compile(r"\.{3,}|…+|。{3,}|．{3,}")
_MOJIBAKE = re.compile("[\u00c2-\u00f4][\u0080-\u00bf\u2013-\u2022€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]+|锟斤拷|锟")
_RUN = re.compile(r"(\S)\1{4,}")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_BULLET = re.compile(r"^[ \t]*[•\-*·●○■□▪◦‣–—◆◇★☆]", re.MULTILINE)
_CUT_OFF = re.compile(r"(?:\.{3}|…)[ \t]*$", re.MULTILINE)
_ENDED = re.compile(r"[.!?…。！？｡．؟۔।॥\"'”’」』）)》】\]][ \t]*$")
_LINE = re.compile(r"[^\n]*[^\s][^\n]*")


def decisive_spans(rule: str, text: str, *, chinese: bool) -> list[Span]:
    """Spans of the text that the rule of that name objects to, in order and apart; none for a rule that is not known here."""
    marker = MARKS.get(rule)
    return [] if marker is None else joined(marker(text[:LONGEST], chinese))


def joined(spans: Iterable[Span]) -> list[Span]:
    """The spans in order, those that touch or overlap as one, empty ones left out."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _matches(pattern: re.Pattern[str], text: str, _chinese: bool) -> Iterator[Span]:
    return (found.span() for found in pattern.finditer(text))


def _kinds(wanted: Callable[[NDArray[np.uint16]], NDArray[np.bool_]], text: str, _chinese: bool) -> Iterator[Span]:
    places = np.flatnonzero(wanted(kinds_table()[code_points(text)]))
    return ((place, place + 1) for place in places.tolist())


def _other_script(text: str, chinese: bool) -> Iterator[Span]:
    own = HAN if chinese else LATIN
    return _kinds(lambda kinds: (kinds & LETTER != 0) & (kinds & own == 0), text, chinese)


def _words(wanted: Callable[[str], bool], text: str, _chinese: bool) -> Iterator[Span]:
    return (found.span() for found in _WORD.finditer(text) if wanted(found[0]))


def _lines(wanted: Callable[[str], bool], text: str, _chinese: bool) -> Iterator[Span]:
    return (found.span() for found in _LINE.finditer(text) if wanted(found[0].strip()))


def _repeated_lines(text: str, _chinese: bool) -> Iterator[Span]:
    return _later(text, _LINE.finditer(text))


def _repeated_paragraphs(text: str, _chinese: bool) -> Iterator[Span]:
    return _later(text, re.finditer(r"(?:[^\n]*[^\s][^\n]*\n?)+", text))


def _later(text: str, found: Iterable[re.Match[str]]) -> Iterator[Span]:
    seen: set[str] = set()
    for match in found:
        words = match[0].strip()
        if words in seen:
            yield match.span()
        seen.add(words)


def _breaks(text: str, _chinese: bool) -> Iterator[Span]:
    return (found.span() for found in re.finditer(r"\S+[ \t]*(?=\n)", text))


def _top(size: int, text: str, chinese: bool) -> Iterator[Span]:
    """All copies of the n-gram that makes up most of the text."""
    units, length = _units(text), HAN_SIZES[size] if chinese else size
    grams = _grams(text, units, length)
    counts = Counter(grams)
    best = max(counts, key=lambda gram: (counts[gram] > 1, counts[gram] * sum(map(len, gram))), default=None)
    if best is not None and counts[best] > 1:
        yield from (_over(units, place, length) for place, gram in enumerate(grams) if gram == best)


def _again(size: int, text: str, chinese: bool) -> Iterator[Span]:
    """Second and later copies of every n-gram."""
    units, length = _units(text), HAN_SIZES[size] if chinese else size
    seen: set[tuple[str, ...]] = set()
    for place, gram in enumerate(_grams(text, units, length)):
        if gram in seen:
            yield _over(units, place, length)
        seen.add(gram)


def _words_again(text: str, _chinese: bool) -> Iterator[Span]:
    """Second and later copies of a word among the first hundred."""
    units = _units(text)[:FIRST_WORDS]
    seen: set[tuple[str, ...]] = set()
    for unit, gram in zip(units, _grams(text, units, 1), strict=True):
        if gram in seen:
            yield unit
        seen.add(gram)


def _units(text: str) -> list[Span]:
    """The words as measures count them: runs of letters and digits with apostrophes inside; Han, kana, Thai one by one."""
    kinds = kinds_table()[code_points(text)].tolist()
    units: list[Span] = []
    for found in _WORD.finditer(text):
        start = found.start()
        for place in range(*found.span()):
            if kinds[place] & ALONE:
                if start < place:
                    units.append((start, place))
                units.append((place, place + 1))
                start = place + 1
        if start < found.end():
            units.append((start, found.end()))
    return units


def _grams(text: str, units: list[Span], length: int) -> list[tuple[str, ...]]:
    words = [text[start:end].lower() for start, end in units]
    return [tuple(words[place : place + length]) for place in range(len(words) - length + 1)]


def _over(units: list[Span], place: int, length: int) -> Span:
    return units[place][0], units[place + length - 1][1]


def _of(flag: int) -> Marker:
    return partial(_kinds, lambda kinds: kinds & flag != 0)


MARKS: dict[str, Marker] = {
    "broken_characters": _of(BROKEN),
    "invisible_characters": _of(INVISIBLE),
    "mojibake": partial(_matches, _MOJIBAKE),
    "letters": partial(_kinds, lambda kinds: kinds & (LETTER | SPACE) == 0),
    "script": _other_script,
    "latin": _of(LATIN),
    "han": _of(HAN),
    "kana": _of(KANA),
    "hangul": _of(HANGUL),
    "cyrillic": _of(CYRILLIC),
    "digits": _of(DIGIT),
    "marks": _of(MARK),
    "upper_case": _of(UPPER),
    "character_runs": partial(_matches, _RUN),
    "urls": partial(_matches, _URL),
    "markup": partial(_matches, re.compile(r"<[^<>]{1,200}>|&#?\w{1,31};")),
    "braces": partial(_matches, re.compile("{")),
    "lorem_ipsum": partial(_matches, re.compile("lorem ipsum", re.IGNORECASE)),
    "short_words": partial(_words, lambda word: len(word) <= 2),
    "long_words": partial(_words, lambda word: len(word) > 10),
    "alphabetic_words": partial(_words, lambda word: not any(map(str.isalpha, word))),
    "alphabetic_tokens": partial(_matches, re.compile(r"(?<!\w)\d+(?!\w)|[^\w\s]+")),
    "hashes": partial(_matches, re.compile("#")),
    "ellipses": partial(_matches, _ELLIPSIS),
    "bullet_lines": partial(_matches, _BULLET),
    "ellipsis_lines": partial(_matches, _CUT_OFF),
    "ended_lines": partial(_lines, lambda line: not _ENDED.search(line)),
    "short_lines": partial(_lines, lambda line: len(line) <= SHORT_LINE),
    "lines_per_word": _breaks,
    "newlines_per_word": _breaks,
    "repeated_lines": _repeated_lines,
    "repeated_line_characters": _repeated_lines,
    "repeated_paragraphs": _repeated_paragraphs,
    "repeated_paragraph_characters": _repeated_paragraphs,
    **{f"top_{size}_gram": partial(_top, size) for size in (2, 3, 4)},
    **{f"repeated_{size}_gram": partial(_again, size) for size in range(5, 11)},
    "distinct_words": _words_again,
}
