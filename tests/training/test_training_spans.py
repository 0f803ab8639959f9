"""Span corruption against T5's published code, written out plainly, and against its own promise: targets rebuild the text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.tokens.packing import PLAIN
from danlu.tokens.special import EOS_ID, FIRST_SENTINEL_ID, PAD_ID, SENTINELS, SPECIAL
from danlu.training.language import Windows
from danlu.training.spans import Spans, corrupt, noise_mask, span_batch, span_lengths
from danlu.training.windows import WindowSource

LAST_SENTINEL_ID = FIRST_SENTINEL_ID + len(SENTINELS) - 1
DENSITIES, MEANS = st.floats(0.02, 0.95), st.floats(1, 12)


def published_lengths(inputs_length: int, noise_density: float, mean_noise_span_length: float) -> tuple[int, int]:
    """`random_spans_helper` of t5/data/preprocessors.py (Apache-2.0, Google), with one extra token a span on both sides."""

    def lengths_of(tokens_length: int) -> tuple[int, int]:
        num_noise_tokens = round(tokens_length * noise_density)
        num_nonnoise_tokens = tokens_length - num_noise_tokens
        num_noise_spans = round(num_noise_tokens / mean_noise_span_length)
        return num_nonnoise_tokens + num_noise_spans + 1, num_noise_tokens + num_noise_spans + 1

    tokens_length = inputs_length - 1
    while lengths_of(tokens_length + 1)[0] <= inputs_length:
        tokens_length += 1
    inputs_length, targets_length = lengths_of(tokens_length)
    if noise_density == 0.5 and targets_length > inputs_length:
        tokens_length -= 1
        targets_length -= 1
    return tokens_length, targets_length


def published_counts(length: int, noise_density: float, mean_noise_span_length: float) -> tuple[int, int]:
    """Hidden tokens and spans in `random_spans_noise_mask`, for a text of at least two tokens."""
    num_noise_tokens = min(max(round(length * noise_density), 1), length - 1)
    return num_noise_tokens, max(round(num_noise_tokens / mean_noise_span_length), 1)


def published_mask(length: int, noise: list[int], nonnoise: list[int]) -> list[bool]:
    """The mask of `random_spans_noise_mask` from the lengths of both kinds of spans."""
    interleaved = [size for pair in zip(nonnoise, noise, strict=True) for size in pair]
    span_starts = np.cumsum(interleaved)[:-1]
    indicator = np.zeros(length, int)
    indicator[span_starts] = 1
    return (np.cumsum(indicator) % 2 == 1).tolist()


def published_sentinels(tokens: list[int], mask: list[bool]) -> list[int]:
    """`noise_span_to_unique_sentinel`, with ids that rise from the first sentinel's (T5's own fall from the last of all)."""
    previous = [False, *mask][: len(mask)]
    first = [one and not before for one, before in zip(mask, previous, strict=True)]
    number = np.cumsum(first) - 1
    changed = [FIRST_SENTINEL_ID + number[i] if first[i] else token for i, token in enumerate(tokens)]
    return [token for i, token in enumerate(changed) if not mask[i] or first[i]]


def runs(mask: Any) -> tuple[list[int], list[int]]:
    """Lengths of the hidden and of the seen runs."""
    borders = np.flatnonzero(np.diff(np.concatenate(([2], np.asarray(mask, int), [2]))))
    sizes, kinds = np.diff(borders), np.asarray(mask)[borders[:-1]]
    return sizes[kinds].tolist(), sizes[~kinds].tolist()


def test_lengths_are_those_of_t5() -> None:
    assert span_lengths(512) == (568, 114)
    assert span_lengths(512, Spans(0.5, 3)) == published_lengths(512, 0.5, 3)
    for inputs in (2, 3, 5, 16, 64, 114, 128, 256, 512, 1024):
        for density in (0.1, 0.15, 0.3, 0.5):
            for mean in (1, 2, 3, 5, 8):
                assert span_lengths(inputs, Spans(density, mean)) == published_lengths(inputs, density, mean)


@settings(max_examples=150, deadline=None)
@given(st.integers(2, 700), st.floats(0.02, 0.6), MEANS)
def test_lengths_are_those_of_t5_at_any_setting(inputs: int, density: float, mean: float) -> None:
    assert span_lengths(inputs, Spans(density, mean)) == published_lengths(inputs, density, mean)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 90), min_size=1, max_size=6), DENSITIES, MEANS, st.integers(0, 2**31), st.integers(0, 9))
def test_the_mask_is_the_published_one(lengths: list[int], density: float, mean: float, seed: int, epoch: int) -> None:
    spans = Spans(density, mean)
    mask = noise_mask(np.array(lengths), spans, seed, range(len(lengths)), epoch)
    assert mask.shape == (len(lengths), max(lengths))
    for length, row in zip(lengths, mask, strict=True):
        assert not row[length:].any()
        if length < 2:
            assert not row.any()
            continue
        noise, nonnoise = runs(row[:length])
        hidden, count = published_counts(length, density, mean)
        assert sum(noise) == hidden
        assert len(noise) == len(nonnoise) == min(count, length - hidden)  # the published code has no answer where that is less
        assert published_mask(length, noise, nonnoise) == row[:length].tolist()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=5), DENSITIES, MEANS, st.integers(0, 2**31), st.data())
def test_inputs_and_targets_are_the_published_ones_and_rebuild_the_text(
    lengths: list[int], density: float, mean: float, seed: int, data: st.DataObject
) -> None:
    random, spans = np.random.default_rng(seed), Spans(density, mean)
    ids = random.integers(len(SPECIAL), 300, (len(lengths), 60))
    ids[np.arange(60) >= np.array(lengths)[:, None]] = PAD_ID
    inputs, targets = corrupt(ids, range(len(lengths)), 3, seed, spans)
    mask = noise_mask(np.array(lengths), spans, seed, range(len(lengths)), 3)
    for row, length in enumerate(lengths):
        text, hidden = ids[row, :length].tolist(), mask[row, :length].tolist()
        seen = [not one for one in hidden]
        one, other = unpadded(inputs[row]), unpadded(targets[row])
        assert one == [*published_sentinels(text, hidden), EOS_ID]
        # T5's targets are the same function of the inverted mask, which begins with what is seen
        assert other == [*published_sentinels(text, seen), EOS_ID]
        assert rebuilt(one, other) == text
    order = data.draw(st.permutations(range(len(lengths))))
    again = corrupt(ids[order], order, 3, seed, spans)
    for first, second in zip(again, (inputs, targets), strict=True):
        assert [unpadded(row) for row in first] == [unpadded(row) for row in second[order]]


def unpadded(row: Any) -> list[int]:
    found: list[int] = row[: int((row != PAD_ID).sum())].tolist()
    assert found[-1] == EOS_ID
    return found


def rebuilt(inputs: list[int], targets: list[int]) -> list[int]:
    """The text: each sentinel of the inputs makes way for what the targets say of it."""
    said: dict[int, list[int]] = {}
    for token in targets[:-1]:
        if FIRST_SENTINEL_ID <= token <= LAST_SENTINEL_ID:
            said[token] = last = []
        else:
            last.append(token)
    return [word for token in inputs[:-1] for word in said.get(token, [token])]


def test_full_windows_fill_inputs_and_targets_to_the_last_place() -> None:
    tokens, wanted = span_lengths(512)
    ids = np.random.default_rng(0).integers(len(SPECIAL), 8192, (40, tokens))
    inputs, targets = corrupt(ids, range(40), 0, 0)
    assert inputs.shape == (40, 512)
    assert targets.shape == (40, wanted)
    assert (inputs != PAD_ID).all()
    assert (targets != PAD_ID).all()
    assert (inputs[:, -1] == EOS_ID).all()


def test_every_way_to_cut_is_as_likely_as_another() -> None:
    # of 8 tokens 4 are hidden, in 2 spans: 3 ways to cut each kind, so 9 masks
    mask = noise_mask(np.full(18_000, 8), Spans(0.5, 2), 0, range(18_000), 0)
    _, counts = np.unique(mask, axis=0, return_counts=True)
    assert len(counts) == 9
    assert counts / 18_000 == pytest.approx(np.full(9, 1 / 9), abs=0.01)


def test_shares_over_many_tokens_are_as_asked() -> None:
    ids = np.random.default_rng(0).integers(len(SPECIAL), 8192, (200, 568))
    inputs, targets = corrupt(ids, range(200), 0, 0)
    sentinels = (targets >= FIRST_SENTINEL_ID) & (targets <= LAST_SENTINEL_ID)
    hidden = (targets >= len(SPECIAL)).sum()
    assert hidden / ids.size == pytest.approx(0.15, abs=0.01)
    assert hidden / sentinels.sum() == pytest.approx(3, abs=0.05)
    assert ((inputs >= FIRST_SENTINEL_ID) & (inputs <= LAST_SENTINEL_ID)).sum() == sentinels.sum()


def test_another_epoch_or_seed_hides_other_spans() -> None:
    lengths = np.full(4, 100)
    masks = [noise_mask(lengths, Spans(), seed, range(4), epoch).tolist() for seed, epoch in ((0, 0), (0, 1), (1, 0), (0, 0))]
    assert masks[0] == masks[3]
    assert masks[0] != masks[1]
    assert masks[0] != masks[2]


def test_what_cannot_be_is_refused() -> None:
    for density, mean in ((0, 3), (1, 3), (0.15, 0.5)):
        with pytest.raises(ValueError, match="density"):
            Spans(density, mean)
    ids = np.full((1, 2100), 200)
    with pytest.raises(ValueError, match="105 spans"):
        corrupt(ids, [0], 0, 0)
    with pytest.raises(ValueError, match="do not fit"):
        corrupt(ids[:, :100], [0], 0, 0, shape=(20, 20))


def test_the_view_of_an_encoder_decoder_over_packed_windows() -> None:
    length, wanted = span_lengths(64)
    lengths = np.random.default_rng(0).integers(3, 90, 120)
    tokens = np.random.default_rng(1).integers(len(SPECIAL), 300, int(lengths.sum()))
    source = WindowSource(tokens, np.cumsum(lengths), length, PLAIN, 4, 4, 7)
    windows = source.batches(1, 2)[0]
    batch = span_batch(windows, 7, shape=(64, wanted))
    assert {name: tuple(batch[name].shape) for name in ("input_ids", "decoder_input_ids")} == {
        "input_ids": (4, 64), "decoder_input_ids": (4, wanted),
    }  # fmt: skip
    assert (batch["attention_mask"] == (batch["input_ids"] != PAD_ID)).all()
    assert (batch["decoder_input_ids"][:, 0] == PAD_ID).all()
    labels = torch.full((4 * wanted,), PAD_ID)
    labels[batch["places"]] = batch["targets"]
    labels = labels.reshape(4, wanted)
    assert (batch["decoder_input_ids"][:, 1:] == labels[:, :-1]).all()
    for row, ids in enumerate(windows.ids):
        said = unpadded(labels[row].numpy())
        assert rebuilt(unpadded(batch["input_ids"][row].numpy()), said) == ids[ids != PAD_ID].tolist()
    alone = span_batch(Windows(windows.ids[2:3], windows.numbers[2:3], 1), 7, shape=(64, wanted))
    assert (alone["input_ids"] == batch["input_ids"][2:3]).all()
