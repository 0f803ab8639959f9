"""ROUGE: beside rouge-score on English, and right for Chinese and mixed text."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.metrics import porter
from danlu.metrics.characters import tokens
from danlu.metrics.common import subsequence_length, subsequence_places, substring_length
from danlu.metrics.measure import items_of
from danlu.metrics.rouge import rouge, score

KINDS = {"1": "rouge1", "2": "rouge2", "l": "rougeL", "lsum": "rougeLsum"}
WORDS = ["the", "cats", "running", "ran", "don't", "a_b", "3.5", "Skies", "dying", "conditional", "x", "\n", "--", "generously"]

ENDINGS = [
    "ed", "ing", "eed", "ied", "ies", "sses", "ss", "s", "y", "e", "ll", "at", "bl", "iz", "logi", "ion", "alli",
    *(suffix for rules in (porter.DOUBLE, porter.TRIPLE, porter.SINGLE) for suffix, _ in rules),
]  # fmt: skip


@pytest.mark.parametrize("stemming", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_english_equals_rouge_score(kind: str, stemming: bool) -> None:
    scorer = pytest.importorskip("rouge_score.rouge_scorer", reason="rouge-score is not installed")
    reference = scorer.RougeScorer([KINDS[kind]], use_stemmer=stemming)
    rng = random.Random(kind)
    for _ in range(300):
        several = [" ".join(rng.choices(WORDS, k=rng.randint(0, 12))) for _ in range(rng.randint(1, 3))]
        text = " ".join(rng.choices(WORDS, k=rng.randint(0, 12)))
        expected = reference.score_multi(several, text)[KINDS[kind]].fmeasure
        found = rouge([several], [text], kind=kind, stemming=stemming)  # type: ignore[arg-type]
        assert found.value() == pytest.approx(expected), (several, text)


@settings(deadline=None, max_examples=150)
@given(st.text(st.characters(max_codepoint=127), max_size=60), st.text(st.characters(max_codepoint=127), max_size=60))
def test_any_ascii_equals_rouge_score(reference: str, text: str) -> None:
    scorer = pytest.importorskip("rouge_score.rouge_scorer", reason="rouge-score is not installed")
    expected = scorer.RougeScorer(list(KINDS.values())).score(reference, text)
    for kind, name in KINDS.items():
        assert score(reference, text, kind) == pytest.approx(expected[name].fmeasure)  # type: ignore[arg-type]


def test_stems_equal_nltk() -> None:
    nltk = pytest.importorskip("nltk.stem.porter", reason="nltk is not installed")
    rng = random.Random(0)
    reference = nltk.PorterStemmer()
    for _ in range(20000):
        start = "".join(rng.choices("aeiouybcdlmnstzwx", k=rng.randint(1, 5)))
        word = start + "".join(rng.choices(ENDINGS, k=rng.randint(0, 3)))
        assert porter.stem(word) == reference.stem(word), word


TEXTS = [
    "猫", "今天天气很好。我们去公园。", "我用GPT-4写了3篇论文", "𠀀𠀁𪚥 生僻字", "ＡＢＣ１２３", "東京タワー",
    "안녕하세요", "สวัสดี", "Café",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", TEXTS)
def test_identical_text_scores_one(kind: str, text: str) -> None:
    if kind == "2" and len(tokens(text)) < 2:
        assert score(text, text, kind) == 0  # no pair of tokens, as rouge-score has it
    else:
        assert score(text, text, kind) == 1  # type: ignore[arg-type]


def test_tokens_of_scripts() -> None:
    assert tokens("我用 GPT-4，写了3篇") == ["我", "用", "gpt", "4", "写", "了", "3", "篇"]
    assert tokens("ＡＢＣ 𠀀𠀁 ｶﾞ") == ["abc", "𠀀", "𠀁", "ガ"]
    assert tokens("안녕 Café हिन्दी") == ["안", "녕", "café", "हिन्दी"]
    assert tokens("……！？ 🙂") == []
    assert tokens("℃ Ⅳ ™ ǅ") == ["c", "iv", "tm", "dž"]


def test_chinese_by_hand() -> None:
    # characters: 我 爱 北 京 against 我 爱 上 海 北 京
    assert score("我爱北京", "我爱上海北京", "1") == pytest.approx(2 * 4 / 10)
    assert score("我爱北京", "我爱上海北京", "2") == pytest.approx(2 * 2 / 8)
    assert score("我爱北京", "我爱上海北京", "l") == pytest.approx(2 * 4 / 10)
    assert score("甲乙。丙丁。", "丙丁。甲乙。", "l") == pytest.approx(2 * 2 / 8)
    assert score("甲乙。丙丁。", "丙丁。甲乙。", "lsum") == 1  # by sentence, the order of sentences does not matter
    assert score("", "", "1") == score("有", "", "l") == score("", "有", "lsum") == 0


def test_stemming_is_of_english_only() -> None:
    found = rouge([["cats running"], ["cats running"]], ["cat run"] * 2, languages=["en-GB", "de"], kind="1", stemming=True)
    assert found.each().tolist() == [1, 0]
    assert found.made["stemming"] == "porter"
    assert items_of("rouge_1", [["cats"]], ["cats"], languages=["en"]).value() == 1


SEQUENCES = st.lists(st.integers(0, 3), max_size=12)


@settings(deadline=None, max_examples=200)
@given(SEQUENCES, SEQUENCES)
def test_common_sequences_equal_the_textbook(a: list[int], b: list[int]) -> None:
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    run, longest = [[0] * (len(b) + 1) for _ in range(len(a) + 1)], 0
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            same = a[i - 1] == b[j - 1]
            table[i][j] = table[i - 1][j - 1] + 1 if same else max(table[i - 1][j], table[i][j - 1])
            run[i][j] = run[i - 1][j - 1] + 1 if same else 0
            longest = max(longest, run[i][j])
    assert subsequence_length(a, b) == table[-1][-1] == len(subsequence_places(a, b))
    assert substring_length(a, b) == longest
