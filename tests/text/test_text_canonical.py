"""The canonical form: what counts as the same text."""

from __future__ import annotations

import subprocess
import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.text.canonical import canonical, canonical_digest, digest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello,  World!", "helloworld"),
        ("ＨＥＬＬＯ　ｗｏｒｌｄ１２３", "helloworld123"),
        ("质量不错，很好！！", "质量不错很好"),
        ("質量不錯", "質量不錯"),
        ("A<br />B<br/>C", "abc"),
        ('<p class="a">酒店<b>很</b>好</p>', "酒店很好"),
        ("Tom &amp; Jerry&nbsp;&#39;s &#x4e2d;", "tomjerrys中"),
        ("caf&eacute; CAFÉ cafe\u0301", "cafécafécafé"),
        ("&amp;lt;br/&amp;gt;x", "x"),
        ("1 < 2 and 3 > 2", "12and32"),
        ("a <- b", "ab"),
        ("AT&T &unknownname;", "attunknownname"),
        ("Straße", "strasse"),
        ("①②㎏ﬁ", "12kgfi"),
        ("😀 ?! ___", ""),
        ("", ""),
    ],
)
def test_canonical(text: str, expected: str) -> None:
    assert canonical(text) == expected


def test_case_width_space_and_punctuation_do_not_count() -> None:
    assert canonical_digest("I LOVE it.") == canonical_digest("i love\tit!!") == canonical_digest("Ｉ ｌｏｖｅ ｉｔ")
    assert canonical_digest("非常 好。") == canonical_digest("非常好")
    assert canonical_digest("好") != canonical_digest("坏")


def test_digests_are_fixed_forever() -> None:
    """Splits follow from these digests: a change would move test items into training."""
    assert digest("") == "cae66941d9efbd404e4d88758ea67670"
    assert canonical_digest("你好，World！") == digest("你好world")
    assert len(digest("x")) == 32
    assert digest("\ud800") != digest("\ud801")


@given(st.text())
def test_canonical_is_stable_and_holds_only_letters_and_digits(text: str) -> None:
    once = canonical(text)
    assert all(character.isalnum() for character in once)
    assert unicodedata.normalize("NFKC", once) == once
    assert canonical(once) == once


@given(st.text(alphabet=st.characters(categories=["Ll", "Lo", "Nd"])), st.sampled_from([" ", "，", "<br />", "&nbsp;", "\n"]))
def test_separators_change_nothing(text: str, separator: str) -> None:
    half = len(text) // 2
    # a mark that composes across the cut would be another letter, so the cut text is compared by its parts
    assert canonical(text[:half] + separator + text[half:]) == unicodedata.normalize(
        "NFKC", canonical(text[:half]) + canonical(text[half:])
    )


@pytest.mark.parametrize("piece", ["<a", "&a", "<!--", "<a&lt;", "&amp;"])
def test_hostile_text_takes_linear_time(piece: str) -> None:
    began = time.process_time()
    canonical(piece * 200_000)
    assert time.process_time() - began < 20  # a quadratic search would take hours


def test_text_kernels_import_nothing_heavy() -> None:
    code = (
        "import sys, danlu.text.canonical, danlu.text.language, danlu.collect.locate;"
        "print([name for name in ('numpy', 'pyarrow', 'torch', 'numba') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
