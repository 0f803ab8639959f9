from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.tokens import encoding
from danlu.tokens.encoding import Encoder, fast_encoder, plain_tokenizer, reference_encoder, same
from danlu.tokens.pieces import is_whole, readable, token_bytes
from danlu.tokens.special import SPECIAL


@pytest.fixture(scope="module", params=["tokenizers", "gigatoken"])
def encoder(request: pytest.FixtureRequest, tokenizer_directory: Path) -> Encoder:
    plain = plain_tokenizer(tokenizer_directory)
    found = reference_encoder(plain) if request.param == "tokenizers" else fast_encoder(plain)
    if found is None:
        pytest.skip("gigatoken is not installed")
    return found


@pytest.fixture(scope="module")
def both(tokenizer_directory: Path) -> tuple[Encoder, Encoder]:
    """The reference and the fast encoder."""
    plain = plain_tokenizer(tokenizer_directory)
    fast = fast_encoder(plain)
    if fast is None:
        pytest.skip("gigatoken is not installed")
    return reference_encoder(plain), fast


def test_special_tokens_in_text_are_text(encoder: Encoder, tokenizer_directory: Path) -> None:
    pieces = token_bytes(tokenizer_directory)
    for token in SPECIAL:
        for text in (token, f"你好{token}世界", f"a {token} b"):
            ids, lengths = encoder([text])
            assert ids.min() >= len(SPECIAL)
            assert lengths.tolist() == [len(ids)]
            assert b"".join(pieces[place] for place in ids).decode() == text


def test_texts_come_back(encoder: Encoder, tokenizer_directory: Path) -> None:
    pieces = token_bytes(tokenizer_directory)
    texts = ["", "the cat", "", "今天天气很好！\r\n\n  don't", "👩‍👩‍👧 \u200b\ufeff 𠀀", ""]
    ids, lengths = encoder(texts)
    assert lengths[0] == lengths[2] == lengths[5] == 0
    stops = np.cumsum(lengths)
    assert [b"".join(pieces[place] for place in part).decode() for part in np.split(ids, stops[:-1])] == texts
    assert encoder([]).tokens.tolist() == encoder([""]).tokens.tolist() == []


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(max_size=60) | st.text("ab' \n\r\t.，。好天气１２3½éカ", max_size=60), max_size=8))
def test_encoders_agree(both: tuple[Encoder, Encoder], texts: list[str]) -> None:
    reference, fast = both
    assert same(reference(texts), fast(texts))


def test_ids_stay_the_same_when_the_encoder_starts_anew(tokenizer_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "REMEMBERED", 3)
    plain = plain_tokenizer(tokenizer_directory)
    fast, reference = fast_encoder(plain), reference_encoder(plain)
    if fast is None:
        pytest.skip("gigatoken is not installed")
    for texts in (["the cat"], ["the cat sat", "今天天气很好"], [], ["the cat"], ["好天气 the"]):
        assert same(reference(texts), fast(texts))


def test_unknown_pretokenizer_has_no_fast_encoder() -> None:
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("nobody writes this"), "isolated")
    assert fast_encoder(tokenizer.to_str()) is None


def test_pieces_for_people() -> None:
    assert readable("天".encode()[:2]) == "<E5><A4>"
    assert readable(b" the") == " the"
    assert is_whole("天气".encode())
    assert not is_whole("天".encode()[1:])


@pytest.mark.parametrize("text", ["，你好，", "A股上涨", "(hello)", "12345"])
def test_no_token_reaches_across(encoder: Encoder, tokenizer_directory: Path, text: str) -> None:
    """Chinese characters never share a token with punctuation or Latin letters; numbers go by three digits at most."""
    pieces = token_bytes(tokenizer_directory)
    for place in encoder([text * 3]).tokens:
        if is_whole(pieces[place]):
            token = pieces[place].decode()
            han = sum("\u4e00" <= character <= "\u9fa5" for character in token)
            assert han in (0, len(token))
            assert sum(character.isdigit() for character in token) <= 3
