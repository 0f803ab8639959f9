"""Answers to questions, as the scripts of SQuAD (1.1 and 2.0) and CMRC 2018 score them.

Per question, the best over its right answers; the metric is the mean. English by SQuAD: lower case, without ASCII punctuation
and articles, F1 of words. Chinese by CMRC: lower case, without its list of punctuation, F1 from the longest common run of
characters (words for other scripts). Other languages by SQuAD, articles kept. A question with no right answer expects "", as in
SQuAD 2.0; where there is one, an empty answer scores 0, unless nothing is left of the right one either.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from danlu.metrics.characters import languages_of
from danlu.metrics.common import substring_length
from danlu.metrics.items import Sums, mean_of
from danlu.metrics.treebank import words
from danlu.text.tags import base_language

Score = Literal["exact", "f1"]
Rule = Literal["squad", "squad-no-articles", "cmrc"]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_CMRC = frozenset("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")  # the script lists …… too, which is no single character


def answers(
    truth: Sequence[Sequence[str]], predicted: Sequence[str], *, languages: Sequence[str] | None = None, score: Score = "f1"
) -> Sums:
    """By question, its right answers and the one given. `languages` by question, else guessed from the right answers."""
    rules = [rule(tag) for tag in languages_of(truth, languages)]
    values = [
        one(right, given, score, by) for right, given, by in zip(truth, predicted, rules, strict=True)
    ]  # fmt: skip
    return mean_of(values, {"rule": "+".join(sorted(set(rules)))}, share=score == "exact")


def rule(language: str) -> Rule:
    """How answers in a language, by its tag or name, are compared."""
    return {"en": "squad", "zh": "cmrc"}.get(base_language(language), "squad-no-articles")  # type: ignore[return-value]


def one(right: Sequence[str], given: str, score: Score, by: Rule) -> float:
    """The score of one answer against each right one, the best of them."""
    if by == "cmrc":
        if not right:
            return float(not _bare(given))
        return max(float(_bare(answer) == _bare(given)) if score == "exact" else cmrc_f1(answer, given) for answer in right)
    true = [answer for text in right if (answer := squad_normal(text, by == "squad"))] or [""]
    found = squad_normal(given, by == "squad")
    return max(float(answer == found) if score == "exact" else _word_f1(answer.split(), found.split()) for answer in true)


def squad_normal(text: str, articles: bool = True) -> str:
    """Lower case, without ASCII punctuation, without a, an, the (if `articles`), one space between words."""
    text = text.lower().translate(_PUNCTUATION)
    return " ".join((_ARTICLES.sub(" ", text) if articles else text).split())


def _word_f1(true: Sequence[str], given: Sequence[str]) -> float:
    if not true or not given:
        return float(true == given)
    same = (Counter(true) & Counter(given)).total()
    return 2 * same / (len(true) + len(given))


def _bare(text: str) -> str:
    return "".join(character for character in text.lower().strip() if character not in _CMRC)


def cmrc_f1(answer: str, given: str) -> float:
    """F1 of the longest run of tokens that both have."""
    true, found = mixed_tokens(answer), mixed_tokens(given)
    same = substring_length(true, found)
    return 2 * same / (len(true) + len(found)) if same else 0.0


def mixed_tokens(text: str) -> list[str]:
    """Lower-case tokens without CMRC's punctuation: each character from U+4E00 to U+9FA5, and the words of what is between.

    Rarer Han (extensions A, B and on) is no character of its own to the script, and so not here.
    """
    found: list[str] = []
    between = ""
    for character in text.lower().strip():
        if character in _CMRC:
            continue  # and does not end a word: `a-b` is `ab`
        if "\u4e00" <= character <= "\u9fa5":
            found += [*words(between), character] if between else [character]
            between = ""
        else:
            between += character
    return found + words(between)
