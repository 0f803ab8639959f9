from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.tokenize.kinds import train_tokenizer
from danlu.tokens.borders import MARK, Borders
from danlu.tokens.encoding import Encoder, fast_encoder, plain_tokenizer, reference_encoder, same
from danlu.tokens.files import tokenizer_text
from danlu.tokens.kernels.borders import is_joined
from danlu.tokens.pieces import bytes_of_tokens
from danlu.tokens.texts import Texts

WORDS = [
    "今天", "天气", "很好", "公园", "孩子们", "的", "了", "在", "，", "。", "カタカナ", "ー", "a", " ", "3", "\u0301", "\n",
    "龥", "㐀", "𠀀",
]  # fmt: skip
NEAR_THE_FIRST = st.characters(min_codepoint=0x4DFE, max_codepoint=0x4F00)


@pytest.fixture(scope="module")
def words() -> list[str]:
    """Words of one to three of 150 characters."""
    draws = random.Random(0)
    characters = [*"今天气很好公园孩子们的了在", *(chr(draws.randrange(0x4E00, 0x9FA6)) for _ in range(137))]
    return [*WORDS[:8], *("".join(draws.choices(characters, k=draws.choice((1, 2, 2, 3)))) for _ in range(300))]


@pytest.fixture(scope="module")
def plain(words: list[str]) -> str:
    """A tokenizer that has learned most of the words, and little else."""
    draws = random.Random(1)
    texts = ("，".join("".join(draws.choices(words, k=6)) for _ in range(20)) for _ in range(400))
    return tokenizer_text({**train_tokenizer(texts, 900), "added_tokens": []})


@pytest.fixture(scope="module")
def encoders(plain: str) -> tuple[Encoder, Encoder, Encoder]:
    """The reference, and the fast one without and with borders."""
    whole, cut = fast_encoder(plain, cut=False), fast_encoder(plain)
    if whole is None or cut is None:
        pytest.skip("gigatoken is not installed")
    return reference_encoder(plain), whole, cut


@pytest.fixture(scope="module")
def borders(plain: str) -> Borders:
    found = Borders.of(plain)
    assert found is not None
    return found


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(st.sampled_from(WORDS) | NEAR_THE_FIRST, max_size=30), max_size=6))
def test_ids_are_those_of_whole_runs(encoders: tuple[Encoder, Encoder, Encoder], texts: list[list[str]]) -> None:
    joined = ["".join(text) for text in texts]
    expected, whole, cut = (encoder(joined) for encoder in encoders)
    assert same(expected, whole)
    assert same(expected, cut)
    as_a_column = encoders[2](pa.array(["不是", *joined], pa.string())[1:])
    assert same(expected, as_a_column)


@pytest.mark.parametrize("seed", range(3))
def test_no_token_reaches_across_a_border(plain: str, words: list[str], borders: Borders, seed: int) -> None:
    pieces = bytes_of_tokens(json.loads(plain))
    draws = random.Random(seed)
    others = [chr(code) for code in range(0x4E00, 0x9FA6, 7)]
    texts = ["".join(draws.choices(words, k=30) + draws.choices([*words, *others], k=30)) for _ in range(40)]
    marked, marks = borders.marked(Texts.of([text.encode() for text in texts]))
    assert marks.sum() > 20 * len(texts)
    encoded = reference_encoder(plain)(texts)
    ids = np.split(encoded.tokens, np.cumsum(encoded.lengths)[:-1])
    for text, start, stop, tokens in zip(texts, marked.starts[:-1], marked.starts[1:], ids, strict=True):
        parts = marked.data[start:stop].tobytes().split(bytes([MARK]))
        assert b"".join(parts).decode() == text
        ends = {0, *np.cumsum([len(pieces[token]) for token in tokens]).tolist()}  # 0: a text before it ends in Chinese
        assert set(np.cumsum([len(part) for part in parts]).tolist()) <= ends


@settings(deadline=None, max_examples=100)
@given(st.lists(st.lists(st.sampled_from(WORDS) | NEAR_THE_FIRST, max_size=30), max_size=6))
def test_marks_stand_between_characters_that_no_token_joins(borders: Borders, texts: list[list[str]]) -> None:
    joined = ["".join(text) for text in texts]
    marked, marks = borders.marked(Texts.of([text.encode() for text in joined]))
    for text, start, stop, count in zip(joined, marked.starts[:-1], marked.starts[1:], marks, strict=True):
        expected = text[:1]
        for before, after in pairwise(text):
            both = all("\u4e00" <= character <= "\u9fa5" for character in (before, after))
            codes = (int.from_bytes(character.encode()) for character in (before, after))
            expected += ("\1" if both and not is_joined(borders.joined, *codes) else "") + after
        assert marked.data[start:stop].tobytes().decode() == expected
        assert count == len(expected) - len(text)


def test_no_byte_is_read_or_written_outside(borders: Borders) -> None:
    rare = "".join(chr(code) for code in range(0x9F00, 0x9FA6)).encode()
    broken = [rare, rare[:-1], rare[-1:], rare[:1], b"", rare[:2], rare]
    marked, marks = borders.marked(Texts.of(broken))
    assert marks.tolist() == [165, 164, 0, 0, 0, 0, 165]
    assert marked.data.tobytes().replace(b"\1", b"") == b"".join(broken)


def test_a_text_with_the_mark_is_left_alone(borders: Borders) -> None:
    texts = Texts.of(["龥一龥一".encode(), b"a\x01"])
    marked, marks = borders.marked(texts)
    assert marked is texts
    assert marks.tolist() == [0, 0]


def test_texts_stay_apart_where_one_ends_and_the_next_begins_with_chinese(borders: Borders) -> None:
    marked, marks = borders.marked(Texts.of(["龥龥".encode(), "一a".encode(), b""]))
    assert marked.starts.tolist() == [0, 6 + marks[0], 10 + marks[:2].sum(), 10 + marks[:2].sum()]
    assert marks[0] == 1


def test_other_tokenizers_have_none(plain: str, tokenizer_directory: Path) -> None:
    content = json.loads(plain)
    assert Borders.of(tokenizer_text({**content, "pre_tokenizer": None})) is None
    assert Borders.of(tokenizer_text({**content, "normalizer": {"type": "NFC"}})) is None
    assert Borders.of(tokenizer_text({**content, "model": {**content["model"], "type": "WordPiece"}})) is None
    for name, value in (
        ("ignore_merges", True),
        ("dropout", 0.1),
        ("byte_fallback", True),
        ("continuing_subword_prefix", "##"),
    ):
        assert Borders.of(tokenizer_text({**content, "model": {**content["model"], name: value}})) is None
    steps = content["pre_tokenizer"]["pretokenizers"]
    for changed in ([*steps, {"type": "Digits", "individual_digits": True}], [{**steps[0], "invert": True}, *steps[1:]]):
        other = {**content["pre_tokenizer"], "pretokenizers": changed}
        assert Borders.of(tokenizer_text({**content, "pre_tokenizer": other})) is None
    assert Borders.of(plain_tokenizer(tokenizer_directory)) is None  # half of its tokens are parts of characters
