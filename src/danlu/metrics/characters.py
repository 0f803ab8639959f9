"""What text metrics take as one token: a word of an alphabet, or a character of a script that puts no space between words; and
whose rules they go by.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

from danlu.text.characters import ALONE, DIGIT, LETTER, code_points, kinds_table
from danlu.text.language import script_language
from danlu.text.tags import UNKNOWN, base_language

HANGUL = ((0x1100, 0x1200), (0x3130, 0x3190), (0xA960, 0xA980), (0xAC00, 0xD800))


def tokens(text: str) -> list[str]:
    """Lower-case words (letters, marks and digits) and single characters of Han, kana, Hangul, Thai, Khmer and Burmese.

    In NFKC, so that full-width letters equal the usual ones; punctuation and white space are no tokens. On ASCII, the tokens
    are those of rouge-score.
    """
    text = unicodedata.normalize("NFKC", text).lower()
    kinds = kinds_table()[code_points(text)].tolist()
    found: list[str] = []
    word = ""
    for character, kind in zip(text, kinds, strict=True):
        alone = kind & ALONE or _is_hangul(character)
        if word and (alone or not kind & (LETTER | DIGIT)):
            found.append(word)
            word = ""
        if alone and kind & (LETTER | DIGIT):
            found.append(character)
        elif kind & (LETTER | DIGIT):
            word += character
    return [*found, word] if word else found


def _is_hangul(character: str) -> bool:
    code = ord(character)
    return any(start <= code < end for start, end in HANGUL)


def languages_of(references: Sequence[Sequence[str]], languages: Sequence[str] | None) -> list[str]:
    """The language of each item (ISO 639): what its tag means; without tags, and for those that mean none, what the script of
    most of the references in question tells."""
    if languages is None:
        return [_guessed(references)] * len(references)
    found = [base_language(tag) for tag in languages]
    untold = [texts for texts, base in zip(references, found, strict=True) if base == UNKNOWN]
    taken = _guessed(untold) if untold else UNKNOWN
    return [taken if base == UNKNOWN else base for base in found]


def _guessed(references: Sequence[Sequence[str]]) -> str:
    guessed = Counter(script_of(texts) for texts in references)
    del guessed[UNKNOWN]
    return guessed.most_common(1)[0][0] if guessed else "en"


def script_of(texts: Sequence[str]) -> str:
    """The language (ISO 639) that the script of some texts tells."""
    return base_language(script_language(" ".join(texts)))
