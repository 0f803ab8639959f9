"""Whole columns treated at once: the same texts and edits as each text alone, whatever its neighbours."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.clean.lines import _NOTICES, SIGNS, drop_lines
from danlu.clean.rewrite import rewrite
from danlu.clean.rules import line_rules
from danlu.clean.treatment import treatment
from danlu.recipe.clean import CleanConfig
from danlu.text.edits import Edit, apply_edits, compose
from danlu.text.repair import Repair, repair
from danlu.text.repairs import buffers_of

PIECES = [
    "A sentence of words.", "一句完整的话。", "Read more", "READ MORE…", "返回顶部", "广告", "责任编辑：王",
    "requires JavaScript", "Please accept all cookies", "javaſcript cookie", "© 2020 all rights reserved",
    "We read more books than you. " * 8, "x" * 1001, "汉" * 1001, "é" * 1001, "<br />", "<unk>", "&nbsp;",
    "\n", "\n", "\n", " \n", "  ", "\r\n", "１９９８年", "â€™", "\x00", "e\u0301", "    code", ">>> x",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)


def alone(text: str, thresholds: dict[str, float]) -> Repair:
    """The definition: repair, lines that rules drop, repair again."""
    first = repair(text)
    dropped = drop_lines(first.text, thresholds)
    if not dropped:
        return first
    left = apply_edits(first.text, dropped)
    last = repair(left)
    return Repair(last.text, compose(compose(first.edits, first.text, dropped), left, last.edits))


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, max_size=10), st.sampled_from(["danlu", "none", "c4"]), st.integers(0, 1023))
def test_as_each_text_alone(texts: list[str], preset: str, spare: int) -> None:
    config = CleanConfig.model_validate({"preset": preset})
    spared = np.array([spare >> row & 1 for row in range(len(texts))], bool)
    made = rewrite(*buffers_of(texts), treatment(config), spared, np.ones(len(texts), bool))
    expected = {row: alone(text, line_rules(config)) for row, text in enumerate(texts) if not spared[row]}
    expected = {row: one for row, one in expected.items() if one.edits}
    assert dict(zip(made.rows.tolist(), made.texts.to_pylist(), strict=True)) == {
        row: one.text for row, one in expected.items()
    }
    edits = made.edits
    found = list(zip(edits.rows.tolist(), edits.starts.tolist(), edits.ends.tolist(), edits.lengths.tolist(), strict=True))
    assert found == [(row, edit.start, edit.end, len(edit.text)) for row, one in expected.items() for edit in one.edits]
    reasons = [edits.names[code] for code in edits.reasons.tolist()]
    assert reasons == [edit.reason for one in expected.values() for edit in one.edits]


def test_the_definition_is_what_a_text_alone_gets() -> None:
    texts = ["one\nRead more\n<b>two</b>", "x\n" + "y" * 1001 + " \n", ""]
    how = treatment(CleanConfig())
    assert how.treat(texts) == [alone(text, line_rules(CleanConfig())) for text in texts]


def test_only_chinese_is_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("danlu.clean.treatment.converter", lambda script: _swap)
    how = treatment(CleanConfig(chinese="simplified"))
    texts = ["說", "說", "plain", "說  說"]
    made = rewrite(*buffers_of(texts), how, np.zeros(4, bool), np.array([True, False, True, True]))
    assert made.rows.tolist() == [0, 3]
    assert made.texts.to_pylist() == ["说", "说 说"]


def _swap(text: str) -> list[Edit]:
    return [Edit(place, place + 1, "说", "chinese") for place, character in enumerate(text) if character == "說"]


def test_an_empty_column() -> None:
    data, offsets = buffers_of([])
    made = rewrite(data, offsets, treatment(CleanConfig()), np.zeros(0, bool), np.zeros(0, bool))
    assert len(made.rows) == len(made.texts) == len(made.edits.rows) == 0
    assert made.texts.type == pa.large_string()


def test_signs_are_long_enough_to_be_looked_for_at_every_third_place() -> None:
    """As `danlu.text.asks.look_for` asks: what a shorter one would say is not heard."""
    assert min(len(sign.encode()) for sign in SIGNS) >= 6
    assert all(sign == sign.lower() and "\n" not in sign for sign in SIGNS)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(["", "Cookie", "We use cookies.", "版权所有", "Read more", "a line", "cookie 版权所有"]), min_size=2
    )
)
def test_notices_are_the_lines_on_which_the_pattern_is_right(lines: list[str]) -> None:
    text = "\n".join(lines)
    found = apply_edits(text, drop_lines(text, {"boilerplate_line": 100}))
    assert [line for line in found.split("\n") if line] == [line for line in lines if line and not _NOTICES.search(line)]
