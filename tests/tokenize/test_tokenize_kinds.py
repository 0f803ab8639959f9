"""BPE, WordPiece and Unigram over bytes: no text is unknown, none is changed, and each cuts as its definition says."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from danlu.inference.pieces import pieces_of
from danlu.recipe.tokenize import Kind
from danlu.tokenize.kinds import MOST_TOKEN_BYTES, NEVER, train_tokenizer
from danlu.tokens.alphabet import byte_alphabet
from danlu.tokens.encoding import Encoder, plain_tokenizer, reference_encoder
from danlu.tokens.files import (
    CONFIG,
    TOKENIZER,
    tokenizer_config,
    tokenizer_digest,
    tokenizer_text,
    vocabulary_of,
    write_tokenizer,
)
from danlu.tokens.pieces import token_bytes
from danlu.tokens.special import SPECIAL
from danlu.workspace.files import write_json

KINDS = get_args(Kind)
SIZE = 1200


def sentences(number: int = 4000) -> list[str]:
    generator = random.Random(0)
    words = ["weather", "whether", "children", "play", "playing", "played", "park", "##hash", "x_1", "2024", "12345", "don't"]
    chinese = ["今天", "天气", "很好", "孩子们", "在", "公园里", "玩", "。", "，", "2024年", "人民", "人民币"]
    return [
        " ".join(generator.choices(words, k=8)) if place % 2 else "".join(generator.choices(chinese, k=12))
        for place in range(number)
    ]


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture(scope="module")
def content(kind: Kind) -> dict[str, Any]:
    return train_tokenizer(iter(sentences()), SIZE, kind)


@pytest.fixture(scope="module")
def directory(kind: Kind, content: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(kind)
    (path / TOKENIZER).write_text(tokenizer_text(content), encoding="utf-8")
    write_json(path / CONFIG, tokenizer_config())
    return path


def test_special_tokens_bytes_and_size(content: dict[str, Any], directory: Path) -> None:
    vocabulary = vocabulary_of(content)
    assert [vocabulary[token] for token in SPECIAL] == list(range(len(SPECIAL)))
    assert set(byte_alphabet()) <= set(vocabulary)
    assert len(SPECIAL) + 256 < len(vocabulary) <= SIZE
    pieces = token_bytes(directory)
    if content["model"]["type"] != "WordPiece":  # which has some with and without its mark
        assert len(set(pieces)) == len(pieces)
    assert max(len(piece) for piece in pieces[len(SPECIAL) :]) <= MOST_TOKEN_BYTES


@pytest.fixture(scope="module")
def coder(directory: Path) -> tuple[Encoder, list[bytes]]:
    """What encodes, and the bytes of each token."""
    return reference_encoder(plain_tokenizer(directory)), token_bytes(directory)


@settings(deadline=None, max_examples=200)
@given(text=st.text(max_size=80) | st.text("ab#'_ \n\r\t.，。天气很好１２3½éカ\0\u200b𠀀👩", max_size=80))
def test_every_text_comes_back(coder: tuple[Encoder, list[bytes]], text: str) -> None:
    encode, pieces = coder
    ids = encode([text]).tokens.tolist()
    assert all(place >= len(SPECIAL) for place in ids)
    assert b"".join(pieces[place] for place in ids) == text.encode()


@pytest.mark.parametrize("text", ["##", "a##b ## #", "#hash ##hash", "x" * 5000, "天" * 3000, "".join(SPECIAL), "1234567890"])
def test_awkward_text_comes_back(directory: Path, text: str) -> None:
    tokenizer = Tokenizer.from_str(plain_tokenizer(directory))
    ids = tokenizer.encode(text).ids
    assert tokenizer.decode(ids, skip_special_tokens=False) == text
    assert min(ids) >= len(SPECIAL)


def test_lone_surrogates_are_refused(directory: Path) -> None:
    with pytest.raises((UnicodeEncodeError, TypeError)):
        reference_encoder(plain_tokenizer(directory))(["a\ud800b"])


def test_transformers_reads_it(directory: Path, tmp_path: Path) -> None:
    write_tokenizer(directory, tmp_path / "bert", "bert", 64)
    loaded, bert = AutoTokenizer.from_pretrained(directory), AutoTokenizer.from_pretrained(tmp_path / "bert")
    encode = reference_encoder(plain_tokenizer(directory))
    for text in (*sentences(40), " two  spaces ", "a\n\n\tb", "A股上涨3.5%，“好！”", "## no mark"):
        ids = encode([text]).tokens.tolist()
        assert loaded(text)["input_ids"] == ids
        assert bert(text)["input_ids"] == [3, *ids, 4]
        assert loaded.decode(ids) == text
    assert list(pieces_of(loaded).data[len(SPECIAL) :]) == token_bytes(directory)[len(SPECIAL) :]
    loaded.save_pretrained(tmp_path / "saved")
    assert tokenizer_digest(tmp_path / "saved") == tokenizer_digest(directory)


def test_same_bytes_in_other_processes_and_threads(kind: Kind) -> None:
    code = (
        "from danlu.tokenize.kinds import train_tokenizer; from danlu.tokens.files import tokenizer_text; import hashlib, sys;"
        "texts = (f'word{n % 97} 今天{n % 31}好天气 again{n * 7919 % 3001}' for n in range(6000));"
        "print(hashlib.sha256(tokenizer_text(train_tokenizer(texts, 1500, sys.argv[1])).encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code, kind],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "RAYON_NUM_THREADS": threads},
        ).stdout
        for threads in ("1", "2", "3")
    }
    assert len(found) == 1


@pytest.mark.parametrize("digits", [1, 2, 3])
def test_digits(kind: Kind, digits: Any) -> None:
    content = train_tokenizer((f"{number * number} {number}" for number in range(3000)), 1000, kind, digits)
    longest = max(sum(letter.isdigit() for letter in token) for token in list(vocabulary_of(content))[len(SPECIAL) :])
    assert longest == digits or (kind == "unigram" and longest < digits)


def test_code_is_cut_at_its_borders(directory: Path) -> None:
    """An indent is never part of a word, nor is a call's dot part of what is called upon."""
    pieces = token_bytes(directory)
    ids = reference_encoder(plain_tokenizer(directory))(["def f(x):\n        values.append(x)\n"]).tokens
    for piece in (pieces[place].decode() for place in ids):
        assert not (piece.startswith("  ") and piece.strip())
        assert not piece.endswith(("e.", "s.append"))


def test_wordpiece_takes_the_longest_token_first(tmp_path: Path) -> None:
    content = train_tokenizer(iter(sentences()), SIZE, "wordpiece")
    vocabulary, alphabet = content["model"]["vocab"], {byte: letter for letter, byte in byte_alphabet().items()}

    def cut(word: str) -> list[str]:
        letters, found = "".join(alphabet[byte] for byte in word.encode()), []
        while letters:
            mark = "##" if found else ""
            size = next(size for size in range(len(letters), 0, -1) if mark + letters[:size] in vocabulary)
            found.append(mark + letters[:size])
            letters = letters[size:]
        return found

    tokenizer = Tokenizer.from_str(tokenizer_text(content))
    for word in ("weather", "playings", " children", "天气很好的", "unheard", "zzz"):
        assert tokenizer.encode(word).tokens == cut(word)


def test_unigram_takes_the_likeliest_cut() -> None:
    content = train_tokenizer(iter(sentences()), SIZE, "unigram")
    scores, alphabet = dict(map(tuple, content["model"]["vocab"])), {byte: letter for letter, byte in byte_alphabet().items()}
    assert all(scores[token] == NEVER for token in SPECIAL)

    def best(letters: str) -> float:
        found = [0.0]
        for end in range(1, len(letters) + 1):
            starts = range(max(0, end - MOST_TOKEN_BYTES), end)
            found.append(max(found[start] + scores.get(letters[start:end], -1e9) for start in starts))
        return found[-1]

    tokenizer = Tokenizer.from_str(tokenizer_text(content))
    for word in ("weather", "playings", " children", "天气很好", "unheard", "zzz"):
        tokens = tokenizer.encode(word).tokens
        assert sum(scores[token] for token in tokens) == pytest.approx(best("".join(alphabet[byte] for byte in word.encode())))


def test_wordpiece_and_unigram_are_what_they_are_called() -> None:
    for kind, name in (("wordpiece", "WordPiece"), ("unigram", "Unigram"), ("bpe", "BPE")):
        text = tokenizer_text(train_tokenizer(iter(sentences(200)), SIZE, kind))  # type: ignore[arg-type]
        assert json.loads(text)["model"]["type"] == name
