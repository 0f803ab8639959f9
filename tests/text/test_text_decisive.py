"""What a rule objects to is marked: cases worked by hand, in both languages."""

from __future__ import annotations

import pytest

from danlu.clean.preset import RULES
from danlu.text.decisive import MARKS, decisive_spans, joined

UNMARKED = {  # about the whole of a text, about what it lacks, or about what is no longer in it
    "few_words", "many_words", "short_text", "long_text", "few_sentences", "stop_words",
    "gopher_stop_words", "fineweb2_stop_words", "language_confidence", "mixed", "boilerplate",
}  # fmt: skip
LONG = "an extraordinarily long word"
CASES = [
    ("broken_characters", "a\ufffdb\x00c", False, ["\ufffd", "\x00"]),
    ("letters", "ab, 12 c!", False, [",", "12", "!"]),
    ("script", "the 河 water", False, ["河"]),
    ("script", "河水 water 涨了", True, ["water"]),
    ("invisible_characters", "a\u200bb", False, ["\u200b"]),
    ("mojibake", "cafÃ© and donâ€™t 锟斤拷", False, ["Ã©", "â€™", "锟斤拷"]),
    ("kana", "水は水", True, ["は"]),
    ("digits", "a 12 b", False, ["12"]),
    ("upper_case", "NO way", False, ["NO"]),
    ("markup", "a <b>c</b> &nbsp; d", False, ["<b>", "</b>", "&nbsp;"]),
    ("braces", "if {x} {", False, ["{", "{"]),
    ("alphabetic_tokens", "one 2 -- three", False, ["2", "--"]),
    ("character_runs", "no!!!!!! yes!!!!", False, ["!!!!!!"]),
    ("character_runs", "哈哈哈哈哈，好", True, ["哈哈哈哈哈"]),
    ("urls", "see https://a.example/b?c=1 now, or www.b.example", False, ["https://a.example/b?c=1", "www.b.example"]),
    ("lorem_ipsum", "x Lorem Ipsum y", False, ["Lorem Ipsum"]),
    ("short_words", "a big ox", False, ["a", "ox"]),
    ("long_words", LONG, False, ["extraordinarily"]),
    ("alphabetic_words", "in 1998 there were 3x", False, ["1998"]),
    ("hashes", "#one ##two", False, ["#", "##"]),
    ("ellipses", "well... yes… no..", False, ["...", "…"]),
    ("bullet_lines", "• one\ntwo\n - three", False, ["•", " -"]),
    ("ellipsis_lines", "cut off...\nwhole.\n断了…", False, ["...", "…"]),
    ("ended_lines", "A line\nA whole line.\n一行\n完整的一行。", False, ["A line", "一行"]),
    ("short_lines", "short\n" + "long " * 10, False, ["short"]),
    ("repeated_lines", "one\ntwo\none\n", False, ["one"]),
    ("repeated_line_characters", "甲乙\n丙\n甲乙", True, ["甲乙"]),
    ("repeated_paragraphs", "a b\nc\n\nd\n\na b\nc", False, ["a b\nc"]),
    ("top_2_gram", "tea time, tea time, and tea time again", False, ["tea time"] * 3),
    ("top_2_gram", "good and bad", False, []),
    ("top_2_gram", "今天下雨，今天下雨了", True, ["今天下雨", "今天下雨"]),
    ("repeated_5_gram", "one two three four five. One two three four five!", False, ["One two three four five"]),
    ("repeated_5_gram", "一二三四五六七八，一二三四五六七八", True, ["一二三四五六七八"]),
    ("repeated_5_gram", "一二三四五六七，一二三四五六七", True, []),  # eight characters are five words
    ("distinct_words", "yes yes no YES", False, ["yes", "YES"]),
]


@pytest.mark.parametrize("rule, text, chinese, expected", CASES)
def test_what_decides_is_marked(rule: str, text: str, chinese: bool, expected: list[str]) -> None:
    assert [text[start:end] for start, end in decisive_spans(rule, text, chinese=chinese)] == expected


def test_line_breaks_are_shown_by_the_word_before_them() -> None:
    assert decisive_spans("lines_per_word", "one\ntwo three\nfour", chinese=False) == [(0, 3), (8, 13)]


def test_every_rule_of_a_document_marks_or_says_why_not() -> None:
    assert set(RULES) - set(MARKS) == UNMARKED
    assert set(MARKS) <= set(RULES)
    assert decisive_spans("no_such_rule", "text", chinese=False) == []


@pytest.mark.parametrize("rule", MARKS)
@pytest.mark.parametrize("text", ["", "\n", "a", "\ud800", "字" * 50, "x y " * 5000])
def test_any_text_can_be_marked(rule: str, text: str) -> None:
    for chinese in (False, True):
        spans = decisive_spans(rule, text, chinese=chinese)
        assert joined(spans) == spans
        assert all(0 <= start < end <= len(text) for start, end in spans)
