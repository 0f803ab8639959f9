"""Where words begin, against the texts themselves: real sentences, random ones, and awkward characters."""

from __future__ import annotations

import unicodedata
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.text.characters import ALONE, code_points, kinds_table
from danlu.tokens.bits import Bits, BitWriter, packed_size
from danlu.tokens.encoding import plain_tokenizer, reference_encoder
from danlu.tokens.pieces import token_bytes
from danlu.tokens.special import SPECIAL
from danlu.tokens.words import WordTable, segmented_starts

CHARACTERS = st.one_of(
    st.characters(codec="utf-8"),
    st.sampled_from("abc XYZ 019 ,.'\"-\n\t今天的天气很好éüßжд한국กขカな龦𠀀👩“”，。％１Ａ\u0301\u200b"),
)


def encoded(directory: Path, text: str) -> tuple[np.ndarray, list[bytes]]:
    """The ids of a text and the bytes of each."""
    pieces = token_bytes(directory)
    ids = reference_encoder(plain_tokenizer(directory))([text]).tokens.astype(np.int64)
    return ids, [pieces[token] for token in ids]


def words_of(directory: Path, text: str) -> list[str]:
    """The words of a text, as the table tells them."""
    ids, pieces = encoded(directory, text)
    begins = np.flatnonzero(WordTable.of(token_bytes(directory)).starts(ids)).tolist()
    return [b"".join(pieces[start:stop]).decode() for start, stop in zip(begins, [*begins[1:], len(pieces)], strict=True)]


def goes_on(before: str, after: str) -> bool:
    """Whether a character belongs to the word of the one before it, by the Unicode categories of both."""
    one, other = (unicodedata.category(character)[0].replace("M", "L") for character in (before, after))
    alone = (kinds_table()[code_points(before + after)] & ALONE).any()
    return one == other and (one == "N" or (one == "L" and not alone))


def test_words_of_spaced_scripts_are_whole(tokenizer_directory: Path) -> None:
    text = "Unbelievably, the étude wasn't 123456% \"Русский язык\" (x).\n\nIt's naïve 한국어"
    found = [word.strip() for word in words_of(tokenizer_directory, text) if word.strip()]
    expected = "Unbelievably , the étude wasn 't 123456 % \" Русский язык \" ( x ) . It 's naïve 한국어"
    assert found == expected.split()


@settings(max_examples=150, deadline=None)
@given(st.text(CHARACTERS, max_size=40))
def test_a_token_begins_a_word_where_the_text_has_a_border(tokenizer_directory: Path, text: str) -> None:
    ids, pieces = encoded(tokenizer_directory, text)
    found = WordTable.of(token_bytes(tokenizer_directory)).starts(ids)
    borders = {len(text[:place].encode()): place for place in range(len(text))}  # bytes before each character
    offset = 0
    for number, piece in enumerate(pieces):
        place = borders.get(offset)
        if number == 0 or place is None:
            assert found[number] == (number == 0)  # the inside of a character never begins a word
        elif is_whole_end(pieces[number - 1]) and is_whole_start(piece):
            assert found[number] != goes_on(text[place - 1], text[place]), (text, number)
        offset += len(piece)


def is_whole_end(piece: bytes) -> bool:
    """Whether what a token ends in can be told from the token."""
    return not 0xDC80 <= ord(piece.decode("utf-8", "surrogateescape")[-1]) <= 0xDCFF


def is_whole_start(piece: bytes) -> bool:
    return not 0xDC80 <= ord(piece.decode("utf-8", "surrogateescape")[0]) <= 0xDCFF


def test_rows_are_told_one_by_one_and_special_tokens_are_words(tokenizer_directory: Path) -> None:
    ids, _ = encoded(tokenizer_directory, "the weather's étude 12345")
    table = WordTable.of(token_bytes(tokenizer_directory))
    rows = np.stack([ids, np.roll(ids, 3)])
    assert (table.starts(rows) == np.stack([table.starts(row) for row in rows])).all()
    letter = token_bytes(tokenizer_directory).index(b"a")
    assert table.starts(np.array([letter, letter, 5, letter])).tolist() == [True, False, True, True]
    assert table.starts(np.empty((2, 0), np.int64)).shape == (2, 0)
    assert len(table.heads) == len(table.tails) > len(SPECIAL)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(CHARACTERS, max_size=30), max_size=5), st.randoms(use_true_random=False))
def test_tokens_begin_words_where_the_cutter_does(tokenizer_directory: Path, texts: list[str], random: object) -> None:
    def cut(text: str) -> list[str]:
        borders = [place for place in range(1, len(text)) if random.random() < 0.5]  # type: ignore[attr-defined]
        words = [text[start:stop] for start, stop in zip([0, *borders], [*borders, len(text)], strict=True)]
        cuts[text] = np.cumsum([0, *(len(word.encode()) for word in words)]).tolist()
        return words

    cuts: dict[str, list[int]] = {}
    pieces = token_bytes(tokenizer_directory)
    tokens, lengths = reference_encoder(plain_tokenizer(tokenizer_directory))(texts)
    sizes = np.array([len(piece) for piece in pieces])
    found = segmented_starts(texts, tokens, lengths, sizes, cut)
    for text, those, part in zip(
        texts, np.split(tokens, np.cumsum(lengths)[:-1]), np.split(found, np.cumsum(lengths)[:-1]), strict=bool(texts)
    ):
        offsets = np.cumsum([0, *sizes[those]])[:-1]
        chinese = any("\u4e00" <= character <= "\u9fff" for character in text)
        if chinese:
            assert part.tolist() == [offset in cuts[text] for offset in offsets.tolist()]
        elif text not in cuts:
            assert part.all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.booleans(), max_size=20), max_size=8), st.data())
def test_bits_are_appended_and_read_as_a_list_is(parts: list[list[bool]], data: st.DataObject) -> None:
    file, written = BytesIO(), list[bool]()
    writer = BitWriter(file, 0)
    for part in parts:
        if data.draw(st.booleans()):  # killed after some bits more, and begun anew
            writer.append(np.ones(data.draw(st.integers(0, 20))))
            file.truncate(packed_size(len(written)))
            writer = BitWriter(file, len(written))
        writer.append(np.array(part, bool))
        written += part
    assert len(file.getvalue()) == packed_size(len(written))
    bits = Bits(np.frombuffer(file.getvalue(), np.uint8), len(written))
    assert bits[:].tolist() == written
    start, stop = data.draw(st.integers(-25, 200)), data.draw(st.integers(-25, 200))
    assert bits[start:stop].tolist() == written[start:stop]
    if len(written) % 8:
        assert file.getvalue()[-1] >> len(written) % 8 == 0
    with pytest.raises(ValueError, match="step"):
        bits[::2]
