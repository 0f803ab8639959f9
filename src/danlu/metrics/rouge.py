"""ROUGE (Lin 2004) on tokens that are right for each script (`metrics.characters`); on ASCII, the values of rouge-score 0.1.2.

Per item, F1 of n-grams (1, 2), of the longest common subsequence (l), or of its union by sentence (lsum); the metric is the
mean over items. Sentences end at line ends, as rouge-score has it, and after 。！？. Of several references, the one with the
highest F1 counts. A text without any token scores 0, also against itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from danlu.metrics.characters import languages_of, tokens
from danlu.metrics.common import subsequence_length, subsequence_places
from danlu.metrics.items import Sums, mean_of
from danlu.metrics.porter import stem
from danlu.text.tags import base_language

Kind = Literal["1", "2", "l", "lsum"]
STEMMED_FROM = 4  # letters: rouge-score leaves shorter words as they are
_SENTENCES = re.compile(r"(?<=[。！？])|\n")


def rouge(
    references: Sequence[Sequence[str]], predicted: Sequence[str], *, languages: Sequence[str] | None = None,
    kind: Kind = "l", stemming: bool = False,
) -> Sums:  # fmt: skip
    """`references` and `predicted` by item. `stemming` takes English words by their stem (Porter), where `languages` (by
    item, else guessed from the references) says `en`."""
    tags = languages_of(references, languages)
    values = [
        max((score(reference, text, kind, stemming and base_language(tag) == "en") for reference in several), default=0.0)
        for several, text, tag in zip(references, predicted, tags, strict=True)
    ]
    return mean_of(values, {"tokens": "words+characters", "stemming": "porter" if stemming else "none"})


def score(reference: str, predicted: str, kind: Kind, stemming: bool = False) -> float:
    """F1 of one text against one reference."""
    if kind == "lsum":
        true, given = ([_tokens(part, stemming) for part in _SENTENCES.split(text) if part] for text in (reference, predicted))
        return _f1(_summary_hits(true, given), sum(map(len, true)), sum(map(len, given)))
    words, found = _tokens(reference, stemming), _tokens(predicted, stemming)
    if kind == "l":
        return _f1(subsequence_length(words, found), len(words), len(found))
    size = int(kind)
    wanted, had = _grams(words, size), _grams(found, size)
    return _f1((wanted & had).total(), wanted.total(), had.total())


def _tokens(text: str, stemming: bool) -> list[str]:
    found = tokens(text)
    return [stem(token) if len(token) >= STEMMED_FROM else token for token in found] if stemming else found


def _f1(right: int, true: int, given: int) -> float:
    return 2 * right / (true + given) if right else 0.0


def _grams(words: Sequence[str], size: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[start : start + size]) for start in range(len(words) - size + 1))


def _summary_hits(true: Sequence[Sequence[str]], given: Sequence[Sequence[str]]) -> int:
    """Tokens of the union, over the given sentences, of common subsequences with each true one (Lin 2004, section 3.2); a token
    counts as often as both texts have it."""
    left = Counter(token for sentence in true for token in sentence)
    other = Counter(token for sentence in given for token in sentence)
    hits = 0
    for sentence in true:
        for place in sorted(set().union(*(subsequence_places(sentence, found) for found in given))):
            token = sentence[place]
            if left[token] and other[token]:
                hits += 1
                left[token] -= 1
                other[token] -= 1
    return hits
