"""Numbers and sentences in the habits of each language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.report.sections.cleaning import difference
from danlu.report.sections.tokenizer import surfaces
from danlu.report.words import Value, about, clip, duration, number, plain, reason, say, share, short, size, told, visible


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.5, "50%"),
        (0.07, "7%"),
        (0.123, "12%"),
        (0.0312, "3.1%"),
        (0.0001, "<0.1%"),
        (0, "0%"),
        (1, "100%"),
        (0.9999, "99.9%"),
    ],
)
def test_share(value: float, words: str) -> None:
    assert share(value) == words


def test_large_numbers_follow_the_language() -> None:
    assert (short("en", 3_412_345), short("zh", 3_412_345)) == ("3.4 M", "341 万")
    assert (short("en", 9_999), short("zh", 9_999)) == ("9,999", "9,999")
    assert short("zh", 2.5e8) == "2.5 亿"
    assert about(1234) == "1,200"


def test_durations_and_sizes() -> None:
    assert (duration("en", 200), duration("zh", 200)) == ("3 min 20 s", "3 分 20 秒")
    assert (duration("en", 3600), duration("en", 4.04), duration("zh", 60)) == ("1 h", "4.0 s", "1 分")
    assert (size(1_234_567), size(12), size(5e9)) == ("1.2 MB", "12 B", "5.0 GB")
    assert (number(0.8481), number(12.3456), number(0), number(12_345.6)) == ("0.848", "12.35", "0", "12,346")


def test_say_escapes_once_and_isolates_names() -> None:
    said = say("en", "report.finding.dominance", share=Value("share", 0.9), n=Value("count", 3), name=Value("name", "<b>&"))
    assert said.startswith('<span class="number">90%</span> of all text')
    assert said.endswith('<span class="number">3</span> sources: <bdi class="name">&lt;b&gt;&amp;</bdi>.')


def test_one_has_its_own_form() -> None:
    assert plain("en", "report.data.documents", n=1, count="1") == "1 document"
    assert plain("en", "report.data.documents", n=2, count="2") == "2 documents"


def test_reasons_have_words_or_their_own_name() -> None:
    assert reason("zh", "heldout:reviews") == "含有 reviews 留作测验的文本"
    assert reason("en", "heldout:holdout") == "Holds a text set aside for measuring"
    assert reason("en", "no_such-rule") == "no such rule"


def test_told_fills_inner_messages_and_knows_what_it_does_not_know() -> None:
    inner = {"key": "report.language.zh-Hans", "params": {}}
    message = {"key": "report.finding.tokens-one", "params": {"many": "1.4", "language": inner}}
    assert told("en", message) == "A token holds 1.4 characters of Chinese on average."
    assert told("en", {"key": "no.such", "params": {}}) is None
    assert told("en", {"key": "report.finding.tokens-one", "params": {}}) is None


def test_byte_level_tokens_are_shown_as_text() -> None:
    assert surfaces("a b", ["a", " b"]) == ["a", " b"]
    assert surfaces("the café", ["the", "Ġcaf", "Ã", "©"]) == ["the", " caf", "⟨C3⟩", "⟨A9⟩"]
    assert surfaces("模型", ["æ¨¡", "åŀĭ"]) == ["模型"[0], "型"]


def test_invisible_characters_are_seen() -> None:
    assert visible("a\u200bb\n\ufeff") == "a⟨200B⟩b↵⟨FEFF⟩"
    assert clip("abcdef", 4) == "abc…"


@given(st.text(max_size=60), st.text(max_size=60))
def test_difference_keeps_both_texts(before: str, after: str) -> None:
    marked = difference(before, after)
    assert marked["before"].striptags().replace(" ", "") is not None
    assert "<ins>" not in marked["before"]
    assert "<del>" not in marked["after"]
    assert ("<del>" in marked["before"] or "<ins>" in marked["after"]) == (visible(before) != visible(after))
