"""Repair of many texts: the pre-filter passes over no text that a pass would change, and both ways give the same edits."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.text.asks import NAMES, ask, look_for
from danlu.text.edits import Edit, apply_edits
from danlu.text.repair import PASSES, repair, repair_spaces
from danlu.text.repairs import buffers_of, repair_texts, space_texts

PIECES = [
    " ", "  ", "\t", "\n", "\n\n", "\n\n\n", "\r\n", "\r", "\x0b", "\x1c", "\x85", "\u2028", "\u3000", "\xa0", "\u2003",
    "\u1680", "\x00", "\x7f", "\u200b", "\u200c", "\u200d", "\ufeff", "\xad", ">>> ", "... ", "    ", "a", "b", "Word", "中",
    "文章", "，", "。", "１２", "Ａｂ", "．", "％", "é", "e\u0301", "\u0301", "\u0316", "\u0327", "가", "\u1100", "\u1161",
    "\u11a8", "か\u3099", "\u0958", "\uf900", "Ã©", "â€™", "Â", "\x92", "ï»¿", "æ–‡", "&", "&amp;", "&amp;lt;", "&#39;",
    "&nbsp;", "&eacute", ";", "&x1;", "<", ">", "<b>", "</b>", "<br/>", "<br />", "<p class='a'>", "</p>", "<!-- x -->",
    "<script>", "</script>", "<a", "<unk>", "<ſpan>", "`", '"', "'", "😀", "👨\u200d👩", "x" * 30, "ſ", "İ", "\u212a", "ı",
    "Read more", "read", " more", "返回顶部", "返", "\U0002f800", "x" * 64,
    "plain words of more bytes than are looked at at once, ", "and some that end where a block does",
]  # fmt: skip
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=25).map("".join),
    st.text(max_size=30).map(lambda text: text.encode("utf-8", "replace").decode()),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_no_pass_changes_a_text_that_does_not_ask_for_it(texts: list[str]) -> None:
    for text, asked in zip(texts, ask(*buffers_of(texts), look_for()).tolist(), strict=True):
        for one in PASSES:
            assert asked & NAMES[one.asks] or not one.edits(text), (one, text)


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, max_size=6))
def test_many_texts_are_repaired_as_each_alone(texts: list[str]) -> None:
    look = look_for()
    repaired, asks = repair_texts(texts, ask(*buffers_of(texts), look), look)
    assert repaired == [repair(text) for text in texts]
    assert asks.tolist() == ask(*buffers_of([one.text for one in repaired]), look).tolist()


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, max_size=5))
def test_spaces_by_the_kernel_are_those_of_the_pattern(texts: list[str]) -> None:
    data, offsets = buffers_of(texts)
    spaced = space_texts(data, offsets, np.arange(len(texts)))
    for row, text in enumerate(texts):
        expected = repair_spaces(text)
        found = [
            Edit(int(start), int(end), ("", " ", "\n\n")[length], "space")
            for number, start, end, length in zip(*spaced[2:], strict=True)
            if number == row
        ]
        assert found == expected
        assert bytes(spaced.data[spaced.offsets[row] : spaced.offsets[row + 1]]).decode() == apply_edits(text, expected)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("A plain sentence, with marks (and so on): 3 < 4 & 5 > 2.\nAnd another.\n\nAnd a third.", set()),
        ("一段干净的中文，带标点。《书》、“引号”……\n第二段：没有问题！", set()),
        ("Text before code:\n\n    if a  <  b:\n        return a\n\n>>> print(1,  2)\nand so on", set()),
        ("café naïve — “quoted” …", set()),
        ("two  spaces", {"space"}),
        ("at an end ", {"space"}),
        ("a line end \nand more", {"space"}),
        ("windows\r\nlines", {"newline", "space"}),
        ("１９９８年", {"width"}),
        ("one<br />two", {"markup"}),
        ("Tom &amp; Jerry", {"entity"}),
        ("e\u0301", {"nfc"}),
        ("itâ€™s", {"encoding"}),
        ("a\x00b", {"control"}),
    ],
)
def test_what_is_asked(text: str, asked: set[str]) -> None:
    (found,) = ask(*buffers_of([text]), look_for()).tolist()
    assert {name for name, bit in NAMES.items() if found & bit} == asked


def test_lines_are_asked_for_by_length_and_sign() -> None:
    look = look_for(["read more", "广告"], 20, 10)
    texts = [
        "a\nRead More",
        "a\nread more, as the long sentence says",
        "Read more",
        "x\n广告位",
        "x\n" + "y" * 11,
        "x\n" + "汉" * 11,
    ]
    asked = ask(*buffers_of(texts), look).tolist()
    notice, long = NAMES["boilerplate_line"], NAMES["long_word_line"]
    assert [value & (notice | long) for value in asked] == [notice, 0, 0, notice, long, 0]


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_plain_text_is_passed_over_as_if_it_was_looked_at(texts: list[str]) -> None:
    """Where the longest word is shorter than a block, no block is passed over."""
    data, offsets = buffers_of(texts)
    every = np.uint16(0xFFFF & ~NAMES["long_word_line"])
    assert (ask(data, offsets, look_for(longest=3)) & every).tolist() == ask(data, offsets, look_for()).tolist()
    for longest in (33, 40, 70):
        long = ask(data, offsets, look_for(longest=longest)) & NAMES["long_word_line"] != 0
        runs = [re.findall(r"[\x21-\x7e\u00a1-\u2e7f\ua4d0-\uabff]+", text) for text in texts]
        longer = [any(len(run.encode()) > longest for run in found) for found in runs]
        assert long.tolist() == [one and "\n" in text for one, text in zip(longer, texts, strict=True)]


def test_a_sign_is_seen_wherever_it_begins() -> None:
    signs = ["read more", "cookie", "广告", "terms of "]
    look = look_for(signs, 40)
    for sign in signs:
        for before in range(12):
            for after in ("", "x", " 汉字"):
                near = [f"a\n{'b' * before}{said}{after}\nc" for said in (sign, sign.upper())]
                far = [f"a\n{'b' * before}{sign[:-1]}\n{sign[-1]}{after}", f"{'b' * before}{sign}{after}"]
                asked = ask(*buffers_of([*near, *far]), look) & NAMES["boilerplate_line"] != 0
                assert asked.tolist() == [True, True, False, False], (sign, before, after)


def test_bytes_that_are_not_utf_8_are_asked_for() -> None:
    data = pa.py_buffer(b"ab\xe4")
    assert ask(np.frombuffer(data, np.uint8), np.array([0, 3]), look_for()).tolist()[0]
