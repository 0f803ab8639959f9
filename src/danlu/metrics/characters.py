"""What text metrics take as one token: a word of an alphabet, or a character of a script that puts no space between words."""

from __future__ import annotations

import unicodedata

from danlu.text.characters import ALONE, DIGIT, LETTER, code_points, kinds_table

HANGUL = ((0x1100, 0x1200), (0x3130, 0x3190), (0xA960, 0xA980), (0xAC00, 0xD800))


def tokens(text: str) -> list[str]:
    """Lower-case words (letters, marks and digits) and single characters of Han, kana, Hangul, Thai, Khmer and Burmese.

    In NFKC, so that full-width letters equal the usual ones; punctuation and white space are no tokens. On ASCII, the tokens
    are those of rouge-score.
    """
    text = unicodedata.normalize("NFKC", text.lower())
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
