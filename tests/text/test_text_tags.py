"""Language tags as files have them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.text.language import script_language
from danlu.text.tags import CODES, ISO_639_1, NAMES, base_language, is_written


@pytest.mark.parametrize(
    ("expected", "tags"),
    [
        (
            "zh",
            "zh zh-Hans zh-Hant zh_CN zh_CN.UTF-8 ZH zh-tw zho zho_Hans chi cmn cmn-Hans-CN yue lzh zh-yue Chinese 中文",
        ),
        ("zh", "简体中文 中文（简体） 漢語 simplified-chinese Chinese_Traditional chs cn ｚｈ"),
        ("en", "en EN en-GB en_US en_US@euro eng eng_Latn English 英语 us"),
        ("ja", "ja ja-JP jpn Japanese 日本語"),
        ("und", "und en-zh zh-en eng-zho en_ja English-Chinese 中文/英文 none n/a unknown mul zxx 12 - und-Hans x"),
        ("pt", "pt pt-br pt_BR por Português"),
        ("tlh", "tlh tlh-Latn"),
    ],
)
def test_what_tags_mean(expected: str, tags: str) -> None:
    assert {tag: base_language(tag) for tag in tags.split()} == dict.fromkeys(tags.split(), expected)
    for spaced in ("", "  ", "zh → en"):
        assert base_language(spaced) == "und"
    assert base_language(" Chinese (Simplified) ") == "zh"


@given(st.text(max_size=12))
def test_any_text_means_a_language_or_none(tag: str) -> None:
    found = base_language(tag)
    assert found == base_language(found)
    assert 2 <= len(found) <= 3


def test_the_tables_agree() -> None:
    short = ISO_639_1.split()
    assert short == sorted(set(short))
    others = [other for line in CODES.strip().splitlines() for other in line.split()[1:]]
    assert len(others) == len(set(others))
    for line in [*CODES.strip().splitlines(), *NAMES.strip().splitlines()]:
        assert line.split()[0] in short
        assert not set(line.split()[1:]) & set(short), line
        assert {base_language(word) for word in line.split()} == {line.split()[0]}


@pytest.mark.parametrize(
    ("tag", "text", "fits"),
    [
        ("zh_CN", "今天天气很好", True), ("en", "今天天气很好", False), ("en-zh", "今天天气很好", True),
        ("zh", "The weather is fine.", False), ("zh-Latn-pinyin", "jīntiān", True), ("de", "Das Wetter ist schön", True),
        ("ru", "Погода хорошая", True), ("uk", "Погода гарна", True), ("de", "Погода хорошая", False), ("sr", "Vreme", True),
        ("sr", "Време", True), ("ar", "الطقس جميل", True), ("ar", "The weather", False), ("th", "12 %", True),
        ("ko", "これは日本語です", False), ("zh", "날씨", False), ("zh", "", True),
        ("ja", "東京大学", True), ("ko", "날씨", True),
    ],
)  # fmt: skip
def test_whether_a_script_fits_a_tag(tag: str, text: str, fits: bool) -> None:
    assert is_written(tag, script_language(text)) == fits
