"""Losses of texts by byte, character and token, and span losses, against the texts and transformers."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

from danlu.inference.load import Loaded, load_for
from danlu.inference.losses import sized, text_losses
from danlu.inference.pieces import pieces_of
from danlu.inference.spans import hide, sentinel_ids, span_nats
from danlu.metrics.measure import items_of
from danlu.tokens.special import BOS_ID, EOS_ID, PAD_ID
from danlu.workspace.errors import DanluError

TEXTS = ["丹炉里的火 burns, Café 😀 𠮷!", "The old man", "", "老人守在旁边。" * 12, "龘"]


@pytest.fixture(scope="module")
def wordpiece() -> Any:
    """A tokenizer that loses case and spaces."""
    vocabulary = {"[UNK]": 0, "the": 1, "fur": 2, "##nace": 3, "丹": 4, "[MASK]": 5}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", mask_token="[MASK]")


@given(st.text(max_size=30))
@settings(max_examples=150, deadline=None)
def test_sizes_add_up_for_any_text(tokenizer: Any, wordpiece: Any, text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    for kind in (tokenizer, wordpiece):
        found = sized(kind, text)
        if len(found.ids):
            assert found.bytes.sum() == len(text.encode())
            assert found.characters.sum() == len(text)
            assert found.bytes.min() >= 0


def test_a_character_in_parts_is_counted_once_and_its_bytes_each_where_they_are(tokenizer: Any) -> None:
    found = sized(tokenizer, "龘")
    assert len(found.ids) > 1
    assert found.bytes.tolist() == [len(pieces_of(tokenizer).data[token]) for token in found.ids.tolist()]
    assert found.characters.tolist() == [1] + [0] * (len(found.ids) - 1)


@pytest.mark.parametrize("name", ["gpt2", "qwen3", "llama"])
def test_losses_equal_a_loop(name: str, tokenizer: Any, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    found = text_losses(Loaded("clm", model, tokenizer, "m"), TEXTS, bounds=(3, 7))
    assert found.ranges == ("0-2", "3-6", "7+")
    for text, sums in zip(TEXTS[:2], found.sums[:2], strict=True):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logs = model(torch.tensor([[BOS_ID, *ids]])).logits[0].double().log_softmax(-1)
        nats = np.array([-float(logs[place, token]) for place, token in enumerate(ids)])
        np.testing.assert_allclose(sums[:, 0], [nats[:3].sum(), nats[3:7].sum(), nats[7:].sum()], atol=1e-4)
        assert sums[:, 1].tolist() == [3, 4, len(ids) - 7] if len(ids) >= 7 else [3, len(ids) - 3, 0]
    table = found.sums.sum(1)
    assert table[:, 2].tolist() == [len(text.encode()) for text in TEXTS]
    assert table[:, 3].tolist() == [len(text) for text in TEXTS]
    bits = table[:, 0].sum() / math.log(2)
    assert found.items("bits_per_byte").value() == pytest.approx(bits / sum(len(text.encode()) for text in TEXTS))
    assert found.items("bits_per_character").value() == pytest.approx(bits / sum(map(len, TEXTS)))
    assert found.items("perplexity").value() == pytest.approx(math.exp(table[:, 0].sum() / table[:, 1].sum()))
    parts = [found.items("perplexity", place).rows()[:, 0].sum() for place in found.ranges]
    assert sum(parts) == pytest.approx(table[:, 0].sum())


def t5(size: int) -> Any:
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=size, d_model=32, d_kv=16, d_ff=48, num_layers=2, num_heads=2, decoder_start_token_id=PAD_ID,
        pad_token_id=PAD_ID, eos_token_id=EOS_ID, feed_forward_proj="gated-gelu", tie_word_embeddings=False,
    )  # fmt: skip
    model = T5ForConditionalGeneration(config).eval()
    for parameter in model.parameters():
        parameter.data *= 3  # answers that differ clearly from token to token
    return model


@given(st.text(max_size=80), st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_what_is_seen_and_hidden_is_the_text(text: str, seed: int) -> None:
    text = text.encode("utf-8", "replace").decode()
    parts = hide(text, seed)
    assert parts == hide(text, seed)
    whole = "".join(piece for part in parts for pair in zip(part.seen, part.hidden, strict=True) for piece in pair)
    assert whole == text or (not parts) or text.startswith(whole)
    assert all(part.seen and all(part.hidden) for part in parts)


def test_spans_hide_about_their_share_in_both_languages() -> None:
    for text in ("the old man tends the fire " * 30, "丹炉里的火烧了七天七夜，老人守在旁边。" * 20):
        parts = hide(text)
        hidden = [piece for part in parts for piece in part.hidden]
        assert 0.1 < len("".join(hidden)) / len(text) < 0.2
        assert len(parts) == 1 or max(len(part.hidden) for part in parts) <= 13
        assert hidden != [piece for part in hide(text, 1) for piece in part.hidden]


def test_span_losses_equal_transformers_own(tmp_path: Path, tokenizer: Any) -> None:
    t5(len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded = load_for(tmp_path, kinds=("spans",))
    texts = ["The furnace burns day and night, and the old man tends the fire.", "丹炉里的火烧了七天七夜。", "A", ""]
    found = span_nats(loaded.model, tokenizer, texts)
    marks = sentinel_ids(tokenizer)
    assert len(marks) == 100
    for text, (nats, size) in zip(texts[:2], found[:2], strict=True):
        (part,) = hide(text)
        coded = [tokenizer(list(pieces), add_special_tokens=False)["input_ids"] for pieces in (part.seen, part.hidden)]
        source = [token for piece, mark in zip(coded[0], marks, strict=False) for token in (*piece, mark)]
        target = [token for piece, mark in zip(coded[1], marks, strict=False) for token in (mark, *piece)]
        labels = torch.tensor([[-100 if token in marks else token for token in (*target, EOS_ID)]])
        labels[0, -1] = -100
        decoder = torch.tensor([[PAD_ID, *target]])
        with torch.no_grad():
            loss = loaded.model(torch.tensor([[*source, EOS_ID]]), decoder_input_ids=decoder, labels=labels).loss
        assert nats == pytest.approx(float(loss) * int((labels != -100).sum()), rel=1e-4)
        assert size == sum(len(piece.encode()) for piece in part.hidden)
    assert found[2:].tolist() == [[0, 0], [0, 0]]
    np.testing.assert_allclose(span_nats(loaded.model, tokenizer, texts[::-1], batch_tokens=1), found[::-1], rtol=1e-4)
    value = items_of("span_bits_per_byte", found[:2, 1], found[:2, 0]).value()
    assert value == pytest.approx(found[:, 0].sum() / found[:, 1].sum() / math.log(2))


def test_an_encoder_decoder_is_scored_but_not_used(tmp_path: Path, tokenizer: Any, wordpiece: Any) -> None:
    t5(len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(DanluError) as caught:
        load_for(tmp_path)
    assert caught.value.key == "inference.no-head"
    with pytest.raises(DanluError) as caught:
        sentinel_ids(wordpiece)
    assert caught.value.key == "inference.no-sentinels"


def test_a_loss_that_is_not_a_number_is_not_left_out(gpt2: Any, tokenizer: Any) -> None:
    broken = copy.deepcopy(gpt2)
    broken.transformer.ln_f.weight.data[0] = math.nan
    found = text_losses(Loaded("clm", broken, tokenizer, "m"), TEXTS)
    assert math.isnan(found.items("bits_per_byte").value())
    assert not found.items("bits_per_byte").finite()
    assert found.total()[:, 2].tolist() == [len(text.encode()) for text in TEXTS]
