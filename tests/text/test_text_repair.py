"""Repair: what is mended, what is left alone, in both languages; and that edits account for every character."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.text.canonical import canonical
from danlu.text.edits import Edit
from danlu.text.repair import REASONS, repair

MENDED = [
    # mark-up
    ("One.<br /><br />Two.<br>Three", "One.\n\nTwo.\nThree", "markup"),
    ("好看。<br/>推荐！<BR>", "好看。\n推荐！", "markup"),
    ("<p>One</p><p class='x'>Two</p><ul><li>a<li>b</ul>", "One\n\nTwo\n\na\nb", "markup"),
    ('an <i>old</i> film, <a href="http://x.org/?a=1">here</a>', "an old film, here", "markup"),
    ("正文<script>if (a < b) { x(); }</script><!-- 注释 -->结束", "正文\n结束", "markup"),
    ("<table><tr><td>一</td><td>二</td></tr></table>", "一 二", "markup"),
    ("He said `no' <br /><br />and `yes'", "He said `no'\n\nand `yes'", "markup"),
    # entities
    ("Tom &amp; Jerry &hellip; &#345;", "Tom & Jerry … ř", "entity"),
    ("阿加莎&#183;克里斯蒂", "阿加莎·克里斯蒂", "entity"),
    ("x &amp;lt; y", "x < y", "entity"),
    # wrong decoding
    ("itâ€™s a cafÃ©", "it’s a café", "encoding"),
    ("ä¸\xadå›½电影", "中国电影", "encoding"),
    ("the end\x85 \x93so\x94", "the end… “so”", "encoding"),
    # characters
    ("no\x00 c\x08ontrols\ufeff", "no controls", "control"),
    ("零\u200b宽\u200d字符\u2060", "零宽字符", "control"),
    ("cafe\u0301 \u212b", "café Å", "nfc"),
    ("１９９８年１２月３１日，增长８．５％。ＷＴＯ", "1998年12月31日，增长8.5%。WTO", "width"),
    # spaces
    ("a  b \t c\r\nd\r\n\r\n\r\n\r\ne ", "a b c\nd\n\ne", "space"),
    ("　　段首空两格。\n　　第二段\u00a0。", "段首空两格。\n第二段 。", "space"),
]

LEFT_ALONE = [
    "if a < b and c > d then a <b and c> d",
    "std::vector<int> and List<String>, map<string, b>, x<y>z",
    "看过<穿PRADA的恶魔>和<品三国>，还有《骆驼祥子》",
    "read from <stdin>, write to <output>; set <input> or <source>",
    "write `<br />` or ``<p>text</p>`` for a break",
    "The tag is '<br>' in HTML.",
    "An example:\n\n    x = '<b>bold</b>'\n    y     = 2\n\nand so on",
    ">>> f('&amp;',  '<p>a</p>')",
    "AT&T, R&B; &Auml no, x&y; &nosuchentity;",
    "naïve façade, Ångström, São Paulo, déjà vu, Müller",
    "“中文标点”，保留；不变！……（对）、【好】——《是》？",
    "繁體中文與簡體並存，ｶﾅ 也不變",
    "👨‍👩‍👧 family, नमस्ते, می‌خواهم",
    "lists:\n  - one\n  - two\n    - three",
    "ｖａｐｏｒｗａｖｅ is a style",
]


@pytest.mark.parametrize(("before", "after", "reason"), MENDED)
def test_what_is_mended(before: str, after: str, reason: str) -> None:
    repaired = repair(before)
    assert repaired.text == after
    assert reason in {name for edit in repaired.edits for name in edit.reason.split("+")}
    assert {name for edit in repaired.edits for name in edit.reason.split("+")} <= set(REASONS)
    assert repair(after).text == after


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_is_left_alone(text: str) -> None:
    assert repair(text) == (text, [])


def test_repair_keeps_the_canonical_form_of_marked_up_text() -> None:
    text = "One.<br /><br />Two &amp; ２０ 三　四\u200b。"
    assert canonical(text) == canonical(repair(text).text)


def rebuild(text: str, output: str, edits: list[Edit]) -> bool:
    """Whether the output follows from the text, the spans of the edits and the lengths of their replacements."""
    position = written = 0
    for start, end, replacement, _ in edits:
        if start < position or end < start:
            return False
        size = start - position
        if text[position:start] != output[written : written + size]:
            return False
        written += size + len(replacement)
        position = end
    return text[position:] == output[written:]


PIECES = [
    *"ab c，中。\n\t １Ａ％．\x85\x00\u200b\u200d\xa0\u3000\r", "<br />", "<b>", "</b>", "<i", "&amp;", "&lt;", "&#13;",
    "`", "    ", "\n\n",
    "â€™", "Ã©", "e\u0301", "<p>", "<!--", "-->", ">>> ", "Ａ", "&nbsp;", "\u2028", "<script>",
    "</script>", "'", "한", "\u1100\u1161",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_edits_account_for_every_character(text: str) -> None:
    repaired = repair(text)
    assert rebuild(text, repaired.text, repaired.edits)
    assert all(
        edit.text != text[edit.start : edit.end] or edit.start == edit.end for edit in repaired.edits if "+" not in edit.reason
    )
    assert "\r" not in repaired.text
    assert repaired.text == repaired.text.strip()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_repaired_once(text: str) -> None:
    repaired = repair(text)
    assert rebuild(text, repaired.text, repaired.edits)
    assert repair(repaired.text).text == repaired.text


def test_long_and_hostile_text_takes_linear_time() -> None:
    for text in (
        "<a" * 100_000,
        "<b>" * 20_000,
        "<br> " * 20_000,
        " \n" * 50_000 + "x",
        "`" * 50_000 + "<br>",
        "&amp" * 50_000,
        "é" * 100_000,
    ):
        assert rebuild(text, *repair(text))
