"""The published presets at their boundary values, by hand, in both languages: the one text passes, the next fails."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pyarrow as pa
import pytest

from danlu.clean.preset import RULES, family, load_preset
from danlu.clean.score import score_texts
from danlu.clean.verdicts import KEPT, apply_rules
from danlu.recipe.clean import Preset

LETTERS = "abcdefghijklmnopqrstuvwxyz"
HAN = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥天地玄黄宇宙洪荒日月盈昃辰宿列张"


def fails(preset: str, rule: str, text: str, language: str) -> bool:
    scores = {name: values.astype(np.float32) for name, values in score_texts(pa.array([text]), pa.array([language])).items()}
    only = {rule: load_preset(preset).rules[rule]}
    return bool(apply_rules(scores, np.array([family(language)]), only)[0].reasons[0] != KEPT)


def lines(sound: str, odd: str, number: int, among: int) -> str:
    """So many odd lines after sound ones, none twice."""
    return "\n".join(
        [*(sound.format(name) for name in LETTERS[: among - number]), *(odd.format(name) for name in LETTERS[:number])]
    )


BOUNDARIES = [
    ("gopher", "few_words", "en", "word " * 50, "word " * 49),
    ("gopher", "few_words", "zh-Hans", "字" * 80, "字" * 79),
    ("gopher", "many_words", "en", "a " * 100_000, "a " * 100_001),
    ("gopher", "many_words", "zh-Hans", "字" * 160_000, "字" * 160_001),
    ("gopher", "short_words", "en", "two aaaa it three", "two aaa it to"),
    ("gopher", "long_words", "en", "abcdefghij jihgfedcba", "abcdefghij jihgfedcbab"),
    ("gopher", "hashes", "en", "one two three four five six seven eight nine #ten",
     "one two three four five six seven eight #nine"),
    ("gopher", "hashes", "zh-Hans", "#甲乙丙丁戊己庚辛壬癸", "#甲乙丙丁戊己庚辛壬"),
    ("gopher", "ellipses", "en", "one two three four five six seven eight nine ten...",
     "one two three four five six seven eight nine..."),
    ("gopher", "ellipses", "zh-Hans", "甲乙丙丁戊己庚辛壬癸……", "甲乙丙丁戊己庚辛壬……"),
    ("gopher", "bullet_lines", "en", lines("line {}.", "- item {}.", 9, 10), lines("line {}.", "- item {}.", 10, 10)),
    ("gopher", "bullet_lines", "zh-Hans", lines("行{}。", "•项{}。", 9, 10), lines("行{}。", "•项{}。", 10, 10)),
    ("gopher", "ellipsis_lines", "en", lines("line {}.", "more {}...", 3, 10), lines("line {}.", "more {}...", 4, 10)),
    ("gopher", "ellipsis_lines", "zh-Hans", lines("行{}。", "续{}…", 3, 10), lines("行{}。", "续{}…", 4, 10)),
    ("gopher", "alphabetic_tokens", "en", "one two three four -", "one two three -"),
    ("gopher", "gopher_stop_words", "en", "The dog with a bone", "The the THE dog"),
    ("gopher", "repeated_lines", "en", lines("line {}", "same", 4, 10), lines("line {}", "same", 5, 10)),
    ("gopher", "repeated_lines", "zh-Hans", lines("行{}", "同", 4, 10), lines("行{}", "同", 5, 10)),
    ("gopher", "repeated_paragraphs", "en", lines("line {}\n", "same\n", 4, 10), lines("line {}\n", "same\n", 5, 10)),
    ("gopher", "repeated_line_characters", "en", "abcdefghi\nxyz\nxyz", "abcdefgh\nxyz\nxyz"),
    ("gopher", "repeated_line_characters", "zh-Hans", "甲乙丙丁戊己庚辛壬\n天地玄\n天地玄", "乙丙丁戊己庚辛壬\n天地玄\n天地玄"),
    # "xy zw" twice are 8 of 40 letters.
    ("gopher", "top_2_gram", "en", "xy zw " + " ".join(2 * name for name in LETTERS[:16]) + " xy zw",
     "xy zw " + " ".join(2 * name for name in LETTERS[:15]) + " xy zw"),
    # Four Han letters stand for a pair of words: twice 4 of 40.
    ("gopher", "top_2_gram", "zh-Hans", "春夏秋冬" + HAN[:32] + "春夏秋冬", "春夏秋冬" + HAN[:31] + "春夏秋冬"),
    # Five words twice: the second copy is 5 of 34 words of one length, then 5 of 33.
    ("gopher", "repeated_5_gram", "en", "aA aB aC aD aE " + " ".join("b" + name for name in LETTERS[:24]) + " aA aB aC aD aE",
     "aA aB aC aD aE " + " ".join("b" + name for name in LETTERS[:23]) + " aA aB aC aD aE"),
    ("c4", "braces", "en", "An if (x) [y].", "An if (x) { y }."),
    ("c4", "braces", "zh-Hans", "函数（甲）。", "函数 { 甲 }。"),
    ("c4", "lorem_ipsum", "en", "Lorem and ipsum.", "It says Lorem\nIpsum dolor."),
    ("c4", "lorem_ipsum", "zh-Hans", "写的是 lorem。", "写的是 lorem ipsum 。"),
    ("c4", "few_sentences", "en", 'One. "Two!" Three?', "Version 3.14 is out. Two!"),
    ("c4", "few_sentences", "zh-Hans", "一。二！三？", "一。二？！"),
    ("fineweb", "few_sentences", "en", "A. B. C. D. E.", "A. B. C. D."),
    ("fineweb", "ended_lines", "en", lines("line {}", "end {}.", 3, 25), lines("line {}", "end {}.", 2, 25)),
    ("fineweb", "ended_lines", "zh-Hans", lines("行{}", "完{}。", 3, 25), lines("行{}", "完{}。", 2, 25)),
    ("fineweb", "short_lines", "en", lines("a line of more than thirty letters {}", "short {}", 2, 3),
     lines("a line of more than thirty letters {}", "short {}", 3, 4)),
    ("fineweb", "newlines_per_word", "en", "a b c d\ne f g\nh i\nj", "a b c d\ne f g\nh i\n\nj"),
    ("fineweb", "newlines_per_word", "zh-Hans", "甲乙丙丁\n戊己庚辛壬癸\n子丑寅\n卯辰巳",
     "甲乙丙丁\n戊己庚辛壬癸\n子丑寅\n卯辰"),
    ("fineweb", "repeated_line_characters", "en", "x" * 98 + "\na\na", "x" * 97 + "\na\na"),
    ("fineweb-paper", "repeated_line_characters", "en", "x" * 8 + "\na\na", "x" * 7 + "\na\na"),
    ("fineweb2-zh", "fineweb2_stop_words", "zh-Hans", "他的书", "的的书"),
    ("fineweb2-zh", "few_words", "zh-Hans", "字" * 80, "字" * 79),
    ("fineweb2-zh", "alphabetic_tokens", "zh-Hans", "甲乙丙丁，戊己庚辛壬。", "甲乙，丙丁。戊己庚！"),
    ("fineweb2-zh", "ended_lines", "zh-Hans", lines("行{}", "完{}。", 2, 18), lines("行{}", "完{}。", 2, 19)),
    ("cc-net", "short_text", "en", "x" * 300, "x" * 299),
    ("cc-net", "short_text", "zh-Hans", "字" * 300, "字" * 299),
]  # fmt: skip


@pytest.mark.parametrize(("preset", "rule", "language", "kept", "dropped"), BOUNDARIES)
def test_boundaries(preset: str, rule: str, language: str, kept: str, dropped: str) -> None:
    assert not fails(preset, rule, kept, language)
    assert fails(preset, rule, dropped, language)


LANGUAGES = [
    ("en", "The plot is thin, but the acting carries the film to its end.", True),
    ("zh-Hant", "这部电影的情节虽然简单，演员的表演却很动人。", True),  # the script is not asked of
    ("en", "C'est un film très intéressant que j'ai beaucoup aimé.", False),
    ("zh-Hans", "The plot is thin, but the acting carries the film to its end.", False),
    ("und", "qwrt zxcv bnmp", True),
    ("tlh", "nuqneH jatlh tlhIngan Hol", True),  # a language that is not told apart
]


@pytest.mark.parametrize(("tag", "text", "kept"), LANGUAGES)
def test_texts_in_another_language_than_their_tag(tag: str, text: str, kept: bool) -> None:
    assert fails("cc-net", "language_confidence", text, tag) != kept


def test_repetition_is_seen_in_any_language() -> None:
    for tag, text in (("fr", "Ce film est vraiment très bon. " * 6), ("ja", "この映画は本当に面白かったです。" * 6)):
        assert fails("danlu", "repeated_5_gram", text, tag)
    assert not fails("danlu", "repeated_5_gram", "とても面白い映画でした。また見たいと思います。音楽もよかったです。", "ja")


def test_rules_of_chinese_web_pages_leave_english_alone() -> None:
    assert not any(fails("fineweb2-zh", rule, "{", "en") for rule in load_preset("fineweb2-zh").rules)


def test_presets_name_known_rules_in_one_order() -> None:
    for name in get_args(Preset):
        rules = list(load_preset(name).rules)
        assert rules == [rule for rule in RULES if rule in rules]


MEASURED = [
    ("invisible_characters", "en", "ab\u200bcd", 1 / 5),
    ("invisible_characters", "zh-Hans", "你\u200d好", 1 / 3),
    ("mojibake", "en", "cafÃ© and more", 1 / 12),
    ("mojibake", "zh-Hans", "锟斤拷锟斤拷好", 2 / 7),
    ("mojibake", "en", "Smörgåsbord à la carte", 0),
    ("digits", "en", "ab 12", 1 / 2),
    ("digits", "zh-Hans", "第３章", 1 / 3),
    ("marks", "en", "a, b!", 1 / 2),
    ("marks", "zh-Hans", "好，好。", 1 / 2),
    ("upper_case", "en", "AbcD", 1 / 2),
    ("markup", "en", "<b>x</b>&amp;", 12 / 13),
    ("markup", "zh-Hans", "小于 < 大于 > 和 & 都不是", 0),
    ("latin", "en", "abc", 1),
    ("latin", "zh-Hans", "abc中", 1 / 2),
    ("han", "zh-Hans", "abc中", 1 / 2),
    ("kana", "ja", "かなabc", 2 / 5),
    ("hangul", "ko", "한글ab", 1 / 2),
    ("cyrillic", "ru", "Жизнь", 1),
]


@pytest.mark.parametrize(("name", "language", "text", "value"), MEASURED)
def test_measures_that_no_preset_asks_for(name: str, language: str, text: str, value: float) -> None:
    assert score_texts(pa.array([text]), pa.array([language]))[name][0] == pytest.approx(value)
