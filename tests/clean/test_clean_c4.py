"""C4's rules for lines: its own verdict on English lines, and what they mean in Chinese."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.clean.lines import drop_lines
from danlu.clean.rules import line_rules
from danlu.clean.treatment import treatment
from danlu.recipe.clean import CleanConfig
from danlu.text.edits import apply_edits

C4 = CleanConfig(preset="c4")
PIECES = [
    "The boy went home", "and so on", "word", "a b c", ".", "?", "!", '"', "...", "…", "[1]", "[edit]", "[citation needed]",
    "[]", "JavaScript", "javascript must be enabled", "Terms of Use", "our privacy policy", "uses cookies", "x" * 1001,
    "y" * 1000, " ", "\n", "\n", "”", "'", "(c)", "{",
]  # fmt: skip


def clean_page(text: str) -> str:
    """`clean_page` of TensorFlow Datasets' text/c4_utils.py, line by line, without the rules that reject whole pages."""
    kept = []
    for line in text.splitlines():
        line = line.strip()
        if any(len(word) > 1000 for word in line.split()):
            continue
        line = re.sub(r"\[\d*\]|\[edit\]|\[citation needed\]", "", line)
        if not line.endswith((".", "?", "!", '"')) or line.endswith("..."):
            continue
        if len(line.split()) < 5:
            continue
        lower = line.lower()
        if "javascript" in lower:
            continue
        policies = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
        if any(policy in lower for policy in policies):
            continue
        kept.append(line)
    return "\n".join(kept)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join))
def test_as_published(text: str) -> None:
    """But for spaces: repair puts them right before, and again after what was taken out of a line."""
    (ours,) = treatment(C4).treat([text])

    def lines(whole: str) -> list[list[str]]:
        return [line.split() for line in whole.splitlines() if line.split()]

    # Repair comes first, so the published code gets what repair makes of the text.
    (repaired,) = treatment(CleanConfig(preset="none")).treat([text])
    assert lines(ours.text) == lines(clean_page(repaired.text))
    assert apply_edits(text, ours.edits) == ours.text


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("The boy went home again.", ""),
        ("The boy went home again", "c4_unended_line"),
        ("The boy went home again...", "c4_unended_line"),
        ('He said, "Go home now."', ""),
        ("The boy went home.", "c4_short_line"),
        ("Please enable JavaScript to read this page.", "c4_javascript_line"),
        ("By reading on you accept our Privacy Policy.", "c4_policy_line"),
        ("It ends with " + "x" * 1000 + ".", "c4_long_word_line"),
        ("It ends with a long " + "x" * 999 + ".", ""),
        ("昨天下了一场大雨，河里的水涨了不少。", ""),
        ("昨天下了一场大雨，河里的水涨了不少", "c4_unended_line"),
        ("昨天下了一场大雨，河里的水涨了……", "c4_unended_line"),
        ("他说：“昨天下了一场大雨。”", ""),
        ("大雨下了很久。", "c4_short_line"),  # 6 Han are 3.75 words
        ("大雨下了很久了呀。", ""),  # 8 are 5
        ("请启用 JavaScript 才能正常浏览这个网页。", "c4_javascript_line"),
        ("继续浏览即表示你同意 privacy policy 的内容。", "c4_policy_line"),
        ("河" * 1200 + "。", ""),
        ("河" * 20 + "x" * 1001 + "。", "c4_long_word_line"),
    ],
)
def test_a_line_goes_by_the_first_rule_that_it_fails(line: str, rule: str) -> None:
    sound = "Nobody should mind this one line." if line.isascii() else "这一行谁也不会介意，留着吧。"
    edits = drop_lines(f"{sound}\n{line}\n{sound}", line_rules(C4))
    assert [edit.reason for edit in edits] == [rule] * bool(rule)
    after = apply_edits(f"{sound}\n{line}\n{sound}", edits)
    assert after == (f"{sound}\n{sound}" if rule else f"{sound}\n{line}\n{sound}")


def test_citation_marks_are_taken_out_of_lines_that_stay() -> None:
    text = "The river[1] is long [citation needed], as is known.[23]\nHistory[edit]\n黄河[2]是中国第二长的河流。[3]"
    (repaired,) = treatment(C4).treat([text])
    assert repaired.text == "The river is long , as is known.\n黄河是中国第二长的河流。"
    assert {name for edit in repaired.edits for name in edit.reason.split("+")} == {"c4_citation", "c4_unended_line"}


def test_each_rule_is_switched_by_its_name() -> None:
    line = "No end mark and few words"
    assert drop_lines(line, line_rules(C4.model_copy(update={"rules": {"c4_unended_line": None}}))) == []
    alone = CleanConfig(preset="none", rules={"c4_short_line": 7})
    assert [edit.reason for edit in drop_lines(line, line_rules(alone))] == ["c4_short_line"]
    assert line_rules(CleanConfig(preset="fineweb"))["c4_short_line"] == 3
    assert "c4_unended_line" not in line_rules(CleanConfig(preset="fineweb"))
    assert not any(name.startswith("c4") for name in line_rules(CleanConfig()))
