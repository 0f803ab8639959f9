"""BLEU and chrF: our sums give sacrebleu's scores, for any text and any number of references, with its signature."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.metrics.items import Sums
from danlu.metrics.measure import items_of
from danlu.metrics.translation import bleu, bleu_of, chrf, chrf_of, tokenizer

sacrebleu = pytest.importorskip("sacrebleu.metrics", reason="sacrebleu is not installed")

PIECES = {
    "en": ["the ", "cat ", "sat ", "on ", "Don't ", "3.5 ", "-- ", "mat. "],
    "zh": [*"今天天气很好我们去公园，。", "GPT-4", " ", "𠀀", "Ａ"],
    "ja": [*"東京タワーへ行きました。", "JR"],
}


def _corpus(language: str, seed: int, items: int = 12) -> tuple[list[list[str]], list[str]]:
    rng = random.Random(f"{language}{seed}")

    def text() -> str:
        return "".join(rng.choices(PIECES[language], k=rng.randint(0, 12)))

    predicted = [text() for _ in range(items)]
    references = [[text() if rng.random() < 0.5 else given + text() for _ in range(2)] for given in predicted]
    return references, predicted


@pytest.mark.parametrize("language", PIECES)
@pytest.mark.parametrize("seed", range(5))
def test_equals_sacrebleu(language: str, seed: int) -> None:
    references, predicted = _corpus(language, seed)
    lists = [list(texts) for texts in zip(*references, strict=True)]
    reference = sacrebleu.BLEU(tokenize=tokenizer(language), effective_order=True)
    found = bleu(references, predicted, languages=[language] * len(predicted))
    assert found.value() == pytest.approx(reference.corpus_score(predicted, lists).score)
    assert found.value() == pytest.approx(sacrebleu.BLEU(tokenize=tokenizer(language)).corpus_score(predicted, lists).score)
    assert "|".join(f"{key}:{found.made[key]}" for key in ("nrefs", "case", "eff", "tok", "smooth", "version")) == str(
        reference.get_signature()
    )
    characters = chrf(references, predicted)
    assert characters.value() == pytest.approx(sacrebleu.CHRF().corpus_score(predicted, lists).score)
    for place in range(len(predicted)):
        expected = reference.sentence_score(predicted[place], references[place]).score
        assert found.each()[place] == pytest.approx(expected)
        expected = sacrebleu.CHRF().sentence_score(predicted[place], references[place]).score
        assert characters.each()[place] == pytest.approx(expected)


COUNTS = st.lists(st.integers(0, 6), min_size=4, max_size=4)


@settings(deadline=None, max_examples=200)
@given(COUNTS, COUNTS, st.integers(0, 9), st.integers(0, 9))
def test_bleu_of_any_counts_equals_sacrebleu(right: list[int], more: list[int], given_length: int, true_length: int) -> None:
    total = [one + other for one, other in zip(right, more, strict=True)]
    for order in range(1, 4):  # where there is no n-gram, there is no longer one
        if not total[order - 1]:
            total[order] = right[order] = 0
    expected = sacrebleu.BLEU.compute_bleu(
        list(right), list(total), given_length, true_length, smooth_method="exp", effective_order=True
    ).score
    assert bleu_of(np.array([given_length, true_length, *right, *total], float)) == pytest.approx(expected)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), min_size=6, max_size=6))
def test_chrf_of_any_counts_equals_sacrebleu(orders: list[tuple[int, int, int]]) -> None:
    flat = [number for given, true, both in orders for number in (given, true, min(given, true, both))]
    assert chrf_of(np.array(flat, float)) == pytest.approx(sacrebleu.CHRF()._compute_f_score(flat))


def test_the_language_is_guessed_for_the_whole_corpus() -> None:
    """Chinese without a word about its language must not be scored as English, where a clause is one token."""
    references, predicted = [["今天天气很好，我们去公园。"], ["OK"]], ["今天天气不好，我们去公园。", "OK"]
    guessed = bleu(references, predicted)
    assert guessed.made["tok"] == "zh"
    assert guessed.value() == pytest.approx(
        sacrebleu.BLEU(tokenize="zh").corpus_score(predicted, [[r[0] for r in references]]).score
    )
    assert guessed.value() > 60
    assert bleu([["the cat"]], ["the cat"]).made["tok"] == bleu([["1 2"]], ["1 2"]).made["tok"] == "13a"


@pytest.mark.parametrize("text", ["猫", "天气很好。", "𠀀𠀁𪚥生僻字", "我用GPT-4写ＡＢＣ", "——“引号”→"])
def test_identical_chinese_scores_100(text: str) -> None:
    assert bleu([[text]], [text], languages=["zh-Hans"]).value() == pytest.approx(100)
    assert chrf([[text]], [text]).value() == pytest.approx(100)


def test_tokenisers_of_languages() -> None:
    names = {tag: tokenizer(tag) for tag in ("zh-Hant", "en", "ja", "ko-KR", "de", "und")}
    assert names == {"zh-Hant": "zh", "en": "13a", "ja": "char", "ko-KR": "char", "de": "13a", "und": "13a"}
    split = {name: sacrebleu.BLEU(tokenize="zh").tokenizer(name) for name in ("猫狗", "𠀀𠀁")}
    assert split == {"猫狗": "猫 狗", "𠀀𠀁": "𠀀𠀁"}  # as the docs say
    mixed = bleu([["好的，谢谢"], ["thank you very much"]], ["好的，谢谢", "thank you very much"], languages=["zh", "en"])
    assert mixed.value() == pytest.approx(100)
    assert mixed.made["tok"] == "13a+zh"


def test_empty_texts_and_other_numbers_of_references() -> None:
    references = [["a b c d e", "a b"], ["x y z w v"], []]
    found = bleu(references, ["a b c d e", "", ""])
    assert found.made["nrefs"] == "var"
    assert found.each().tolist() == pytest.approx([100, 0, 0])
    assert found.value() == pytest.approx(100 * np.exp(1 - 10 / 5))  # short by half
    assert chrf(references, ["a b c d e", "", ""]).each().tolist() == pytest.approx([100, 0, 0])
    empty = bleu([], [])
    assert isinstance(empty, Sums)
    assert len(empty) == 0
    assert items_of("chrf", [["好"]], ["好"], languages=["zh"]).value() == pytest.approx(100)
