"""Answers as the scripts of SQuAD and CMRC 2018 score them, both written again here from their descriptions."""

from __future__ import annotations

import random
import re
import string
from collections import Counter
from itertools import product

import pytest

from danlu.metrics.answers import answers, mixed_tokens, one
from danlu.metrics.measure import items_of
from danlu.metrics.treebank import words

ENGLISH = ["the", "The", "a", "an", "cat", "Cat's", "theatre", "U.S.", "1,000", "-", "...", "and", "  ", "“quoted”"]
CHINESE = ["北京", "大学", "，", "。", "《红楼梦》", "A", "3.5", "cats", " ", "can't", "𠀀", "……", "-", "ＡＢ", "'", "年"]


def squad(right: list[str], given: str, score: str) -> float:
    """The 2.0 script: normalised, then Counter overlap; empty answers are right only against each other."""

    def tokens(text: str) -> list[str]:
        kept = "".join(character for character in text.lower() if character not in string.punctuation)
        return re.sub(r"\b(a|an|the)\b", " ", kept).split()

    def f1(answer: list[str], found: list[str]) -> float:
        same = sum((Counter(answer) & Counter(found)).values())
        if not answer or not found:
            return float(answer == found)
        if not same:
            return 0.0
        precision, recall = same / len(found), same / len(answer)
        return 2 * precision * recall / (precision + recall)

    kept = [tokens(text) for text in right if tokens(text)] or [[]]
    found = tokens(given)
    return max(f1(answer, found) if score == "f1" else float(answer == found) for answer in kept)


@pytest.mark.parametrize("score", ["exact", "f1"])
def test_english_equals_squad(score: str) -> None:
    rng = random.Random(score)
    for _ in range(1500):
        right = [" ".join(rng.choices(ENGLISH, k=rng.randint(0, 4))) for _ in range(rng.randint(0, 3))]
        given = " ".join(rng.choices(ENGLISH, k=rng.randint(0, 4)))
        assert one(right, given, score, "squad") == pytest.approx(squad(right, given, score)), (right, given)  # type: ignore[arg-type]


def cmrc(right: list[str], given: str, score: str) -> float:
    """The script: segments of mixed text without punctuation, longest common substring by brute force."""
    marks = ["-", ":", "_", "*", "^", "/", "\\", "~", "`", "+", "=", *"，。：？！“”；’《》", "……", *"·、「」（）－～『』"]

    def segments(text: str) -> list[str]:
        found, held = [], ""
        for character in text.lower().strip():
            if character in marks:
                continue
            if re.search(r"[\u4e00-\u9fa5]", character):
                found += words(held) if held else []
                held = ""
                found.append(character)
            else:
                held += character
        return found + (words(held) if held else [])

    def f1(answer: str) -> float:
        a, b = segments(answer), segments(given)
        longest = max(
            (size for start, size in product(range(len(a)), range(1, len(a) + 1))
             if start + size <= len(a) and any(b[at : at + size] == a[start : start + size] for at in range(len(b)))),
            default=0,
        )  # fmt: skip
        if not longest:
            return 0.0
        precision, recall = longest / len(b), longest / len(a)
        return 2 * precision * recall / (precision + recall)

    def bare(text: str) -> str:
        return "".join(character for character in text.lower().strip() if character not in marks)

    return max(f1(answer) if score == "f1" else float(bare(answer) == bare(given)) for answer in right)


@pytest.mark.parametrize("score", ["exact", "f1"])
def test_chinese_equals_cmrc(score: str) -> None:
    rng = random.Random(score)
    for _ in range(1500):
        right = ["".join(rng.choices(CHINESE, k=rng.randint(0, 5))) for _ in range(rng.randint(1, 3))]
        given = "".join(rng.choices(CHINESE, k=rng.randint(0, 5)))
        assert one(right, given, score, "cmrc") == pytest.approx(cmrc(right, given, score)), (right, given)  # type: ignore[arg-type]


def test_words_between_equal_nltk() -> None:
    nltk = pytest.importorskip("nltk.tokenize", reason="nltk is not installed")
    rng = random.Random(2)
    pieces = [
        "cannot", "don't", "I'll", "'tis", "gonna ", "'", '"', "``", "''", "--", "...", ".", ",", ":", "a", "U.S.", "3,4",
        "(x)", "$", "%", "–", "»", "“", " ", "  ", "isn't", "'s", "lemme", "d'ye", "*", "!", "`", "more'n", "N'T", "\n", "é",
    ]  # fmt: skip
    for _ in range(5000):
        text = "".join(rng.choices(pieces, k=rng.randint(0, 9)))
        assert words(text) == nltk.word_tokenize(text, preserve_line=True), text


def test_by_hand() -> None:
    assert mixed_tokens("北京《大学》U.S. cats，3.5") == ["北", "京", "大", "学", "u.s.", "cats3.5"]
    # 4 of 5 and 4 of 6 characters in one run
    assert one(["北京大学生"], "在北京大学里", "f1", "cmrc") == pytest.approx(2 * 4 / (5 + 6))
    assert one(["The theatre"], "theatre!", "exact", "squad") == 1
    assert one(["the"], "", "f1", "squad") == 1  # nothing is left of either
    assert one([], "", "exact", "squad") == 1
    assert one([], "no", "f1", "squad") == 0
    assert one([], "", "f1", "cmrc") == 1
    assert one(["a priori"], "priori", "exact", "squad-no-articles") == 0


def test_by_language() -> None:
    truth, given = [["the end"], ["《活着》"], ["la fin"]], ["end", "活着", "la fin!"]
    found = answers(truth, given, languages=["en", "zh-Hans", "fr"], score="exact")
    assert found.each().tolist() == [1, 1, 1]
    assert found.made["rule"] == "cmrc+squad+squad-no-articles"
    guessed = answers(truth, given, score="exact")  # most of the right answers are Latin: one rule for all
    assert guessed.each().tolist() == [1, 0, 1]
    assert guessed.made["rule"] == "squad"
    chinese = answers([["活着"], ["GPT-4"], []], ["《活着》", "GPT-4。", ""], score="exact")
    assert chinese.each().tolist() == [1, 1, 1]
    assert chinese.made["rule"] == "cmrc"
    assert items_of("answer_f1", truth, given, languages=["en", "zh", "fr"]).value() == 1
