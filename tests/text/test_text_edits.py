"""Edits compose, and tell where an output comes from without storing what was there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from danlu.text.edits import Edit, apply_edits, compose, trimmed


@st.composite
def edited(draw: st.DrawFn, text: str) -> list[Edit]:
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    edits: list[Edit] = []
    for start, end in zip(cuts[::2], cuts[1::2], strict=False):
        if not edits or start > edits[-1].end:
            edits.append(Edit(start, end, draw(st.text("xyz", max_size=3)), draw(st.sampled_from(["a", "b"]))))
    return edits


def well_formed(text: str, edits: list[Edit]) -> bool:
    bounds = [0, *(bound for edit in edits for bound in (edit.start, edit.end)), len(text)]
    return bounds == sorted(bounds)


@given(st.data(), st.text("abc中", max_size=30))
def test_composed_edits_do_what_both_do(data: st.DataObject, text: str) -> None:
    first = data.draw(edited(text))
    middle = apply_edits(text, first)
    second = data.draw(edited(middle))
    joined = compose(first, middle, second)
    assert well_formed(text, joined)
    assert apply_edits(text, joined) == apply_edits(middle, second)


def test_reasons_are_joined_where_edits_meet() -> None:
    # of "a<br>  b c"
    first = [Edit(1, 5, "\n", "markup")]
    second = [Edit(1, 4, "\n", "space"), Edit(5, 6, "", "space")]
    assert compose(first, "a\n  b c", second) == [Edit(1, 7, "\n", "markup+space"), Edit(8, 9, "", "space")]


@given(st.text("ab中", max_size=12), st.text("ab中", max_size=12))
def test_trimmed_edit_changes_only_what_differs(before: str, after: str) -> None:
    edit = trimmed(3, before, after, "nfc")
    assert apply_edits("xyz" + before, [edit]) == "xyz" + after
    replaced = before[edit.start - 3 : edit.end - 3]
    assert not (replaced and edit.text and (replaced[0] == edit.text[0] or replaced[-1] == edit.text[-1]))
