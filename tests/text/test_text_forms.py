"""Canonical forms by kernels: always what Python's canonical form is."""

from __future__ import annotations

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.text.buffers import text_buffers
from danlu.text.canonical import canonical, canonical_digest, digest
from danlu.text.forms import canonical_forms, canonical_hashes, composing, digests, form_column, hex_digests

ALL = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
PIECES = [
    "<", ">", "<b>", "</", "<!--", "<?x", "&", "&amp;", "&lt;", "&#60;", "&#x3c;", ";", "&x;", "e\u0301", "\u0301", "\u0316",
    "ΐ", "ß", "ﷺ", "㍿", "가", "\u1100\u1161", "\u11a8", "ｶﾞ", "か\u3099", "İ", "ς", "Σ", "ﬁ", "①", "\u0958", "น\u0e33",
    "\u0653", "ا",
    "中", "文", "，", "Ａ", "１", "_", " ", "\n", "a", "B", "9", "😀", "\U000e0101", "\u200d", "\U0002f800", "\U00032400",
]  # fmt: skip
TEXTS = st.one_of(
    st.text(),
    st.text(st.sampled_from(ALL[0x80:0x3400] + ALL[0xA000:0xAC10] + ALL[0xF000:0x1FF00])),
    st.lists(st.sampled_from(PIECES)).map("".join),
)


def forms_of(texts: list[str]) -> list[str]:
    return form_column(*canonical_forms(*text_buffers(pa.array(texts, pa.large_string())))).to_pylist()


def test_every_character_alone_and_between_others() -> None:
    alone = forms_of(ALL)
    assert [index for index, form in enumerate(alone) if form != canonical(ALL[index])] == []
    # A third of the characters at a time in one text each with its neighbours, so that the wrong flag on one shows.
    within = [f"x{character}y" for character in ALL if not "\u4e00" < character < "\u9f00" and character < "\U00020100"]
    assert forms_of(within) == [canonical(text) for text in within]


def test_characters_that_compose_with_the_one_before() -> None:
    """By the definition: NFC makes one character of two only where that one decomposes into them."""
    parts = {unicodedata.normalize("NFD", character) for character in ALL if unicodedata.is_normalized("NFC", character)}
    assert {part[-1] for part in parts if len(part) > 1} <= composing()


def test_no_other_mark_is_part_of_a_form() -> None:
    assert {character for character in ALL if unicodedata.combining(character) and canonical(character)} <= composing()


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, max_size=6))
def test_as_python(texts: list[str]) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    assert forms_of(texts) == [canonical(text) for text in texts]
    hashes = canonical_hashes(*text_buffers(pa.array(texts, pa.large_string())))
    assert hex_digests(hashes).to_pylist() == [canonical_digest(text) for text in texts]


def test_a_slice_of_a_column_and_none_at_all() -> None:
    column = pa.array(["One", "two,", "&lt;b&gt;Three", "四"], pa.large_string())
    assert form_column(*canonical_forms(*text_buffers(column[1:]))).to_pylist() == ["two", "three", "四"]
    assert len(canonical_hashes(*text_buffers(column[:0]))) == 0


def test_bytes_that_are_not_utf_8() -> None:
    for broken in (b"ab\xe4\xbd", b"\xff", b"\xe4", b"ok \xf0\x9f"):
        data = np.frombuffer(broken + b"\xbf\xbf", np.uint8)
        with pytest.raises(UnicodeDecodeError):
            canonical_forms(data, np.array([0, len(broken)]))


@pytest.mark.parametrize("size", [0, 1, 7, 8, 127, 128, 129, 255, 256, 257, 1000])
def test_digests(size: int) -> None:
    texts = ["".join(chr(97 + (index * index + size) % 26) for index in range(size)), "x"]
    assert hex_digests(digests(*text_buffers(pa.array(texts, pa.large_string())))).to_pylist() == [
        digest(text) for text in texts
    ]
