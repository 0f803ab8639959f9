"""Which tokens make up a word: what a masked model must not see of a word that it is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence

HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def word_numbers(text: str, words: Sequence[int | None], spans: Sequence[tuple[int, int]]) -> list[int]:
    """The number of each token's word, in order, for a fast tokenizer's `word_ids` and offsets of real tokens.

    A word is what the pre-tokenizer cuts out. It cuts no runs of Han, so in them a token is a word of its own, together only
    with those that are parts of the same character.
    """
    found: list[int] = []
    before: tuple[int | None, tuple[int, int]] | None = None
    for word, (start, end) in zip(words, spans, strict=True):
        new = before is None or word is None or word != before[0]
        if before is not None and not new and HAN.search(text[start:end]):
            new = start >= before[1][1]  # tokens that are parts of one character have its span, or overlap in it
        found.append((found[-1] + new) if found else 0)
        before = word, (start, end)
    return found
