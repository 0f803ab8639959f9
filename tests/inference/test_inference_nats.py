"""Nats against naive loops over documents."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from danlu.inference.batches import pad_rows, token_batches
from danlu.inference.nats import causal_nats, document_places, lm_nats, masked_nats, masked_places
from danlu.inference.windows import causal_windows, plain_windows
from danlu.tokens.special import BOS_ID, CLS_ID, MASK_ID, SEP_ID

LENGTHS = [1, 7, 0, 47, 48, 49, 130, 24]


@pytest.fixture(scope="module")
def store() -> Any:
    generator = np.random.default_rng(0)
    tokens = generator.integers(110, 400, sum(LENGTHS)).astype(np.uint16)
    return SimpleNamespace(tokens=tokens, ends=np.cumsum(LENGTHS).astype(np.uint64))


def documents(store: Any) -> list[np.ndarray[Any, Any]]:
    return np.split(store.tokens.astype(np.int64), store.ends[:-1].astype(int))


@pytest.mark.parametrize("name", ["gpt2", "qwen3", "llama"])
def test_nats_of_documents_equal_a_loop_over_them(name: str, store: Any, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    expected = []
    for row in documents(store):
        total, length, stride = 0.0, 48, 24
        start = 0
        while start < len(row):
            end = min(len(row), length if start == 0 else start + stride)
            first = max(0, end - length)
            inputs = torch.tensor([[BOS_ID, *row[first : end - 1]]])
            with torch.no_grad():
                logs = model(inputs).logits[0].double().log_softmax(-1)
            total -= sum(float(logs[place - first, row[place]]) for place in range(start, end))
            start = end
        expected.append(total)
    found = lm_nats(model, store, batch_tokens=200)
    assert len(found) == len(store.tokens)
    sums = [found[document_places(store, [index])].sum() for index in range(len(expected))]
    np.testing.assert_allclose(sums, expected, rtol=1e-4, atol=1e-4)
    part = lm_nats(model, store, documents=[6, 1])
    np.testing.assert_allclose(part, found[document_places(store, [6, 1])], rtol=1e-3, atol=1e-4)
    assert sums[2] == 0


def test_short_documents_equal_transformers_own_loss(gpt2: Any, store: Any) -> None:
    row = documents(store)[3]
    ids = torch.tensor([[BOS_ID, *row]])
    with torch.no_grad():
        loss = float(gpt2(ids, labels=ids).loss)
    assert lm_nats(gpt2, store, documents=[3]).sum() == pytest.approx(loss * len(row), rel=1e-5)


def test_without_bos_the_first_token_is_not_scored(gpt2: Any, store: Any) -> None:
    row = documents(store)[6]
    nats = causal_nats(gpt2, [row], bos=None)[0]
    assert np.isnan(nats[0])
    assert not np.isnan(nats[1:]).any()
    with torch.no_grad():
        logs = gpt2(torch.tensor(row[None, :20])).logits[0].log_softmax(-1)
    np.testing.assert_allclose(nats[1:20], [-float(logs[place - 1, row[place]]) for place in range(1, 20)], rtol=1e-4)


@pytest.mark.parametrize("count", [0, 1, 23, 24, 25, 100])
@pytest.mark.parametrize("stride", [1, 7, 12, 24])
def test_windows_score_every_token_once_with_context(count: int, stride: int) -> None:
    windows = causal_windows(count, 24, stride)
    assert [place for window in windows for place in range(window.scored, window.end)] == list(range(count))
    assert all(window.end - window.start <= 24 and window.start <= window.scored for window in windows)
    assert all(window.scored - window.start >= 24 - stride for window in windows[1:])


@pytest.mark.parametrize("name", ["bert", "modernbert", "roberta"])
def test_masked_nats_equal_a_loop_and_share_their_targets(name: str, store: Any, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    found = masked_nats(model, store, length=34, batch_tokens=150)
    expected, targets, owners, offset = [], [], [], 0
    masked = set(masked_places(len(store.tokens)).tolist())
    for number, row in enumerate(documents(store)):
        for window in plain_windows(len(row), 32):
            part = row[window.start : window.end].copy()
            places = [place for place in range(len(part)) if offset + window.start + place in masked]
            truth = part[places]
            part[places] = MASK_ID
            with torch.no_grad():
                logs = model(torch.tensor([[CLS_ID, *part, SEP_ID]])).logits[0].log_softmax(-1)
            expected += [-float(logs[1 + place, token]) for place, token in zip(places, truth, strict=True)]
            targets += truth.tolist()
            owners += [number] * len(places)
        offset += len(row)
    assert len(expected) > 20
    np.testing.assert_allclose(found.nats, expected, rtol=1e-3, atol=1e-4)
    assert found.targets.tolist() == targets
    assert found.documents.tolist() == owners
    assert (store.tokens[found.positions] == found.targets).all()
    other = masked_nats(model, store, length=20)
    assert other.positions.tolist() == found.positions.tolist(), "the masks do not depend on the window"


def test_a_part_of_the_documents_keeps_its_masks(bert: Any, store: Any) -> None:
    whole, part = masked_nats(bert, store), masked_nats(bert, store, documents=[6])
    np.testing.assert_allclose(part.nats, whole.nats[whole.documents == 6], rtol=1e-4)
    assert masked_nats(bert, store, documents=[2]).nats.shape == (0,)


def test_masks_are_a_fixed_share_and_hang_on_the_seed() -> None:
    places = masked_places(100_000)
    assert 0.147 < len(places) / 100_000 < 0.153
    assert masked_places(50_000).tolist() == [place for place in places.tolist() if place < 50_000]
    assert masked_places(1000, seed=1).tolist() != masked_places(1000).tolist()


def test_batches_hold_every_row_once_within_their_budget() -> None:
    lengths = np.random.default_rng(1).integers(0, 60, 200).tolist()
    batches = list(token_batches(lengths, 128))
    assert sorted(index for batch in batches for index in batch) == list(range(200))
    assert all(len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= 128 for batch in batches)
    ids, mask = pad_rows([[5, 6], [7]], 9)
    assert ids.tolist() == [[5, 6], [7, 9]]
    assert mask.tolist() == [[1, 1], [1, 0]]
