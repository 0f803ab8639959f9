"""Span corruption: spans of a text give way to sentinels, and an encoder-decoder says what stood there (T5, arXiv 1910.10683).

The arithmetic is that of T5's own `random_spans_helper`, `random_spans_noise_mask` and `noise_span_to_unique_sentinel`
(t5/data/preprocessors.py). Which spans are hidden is a pure function of seed, epoch and sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from danlu.tokens.special import EOS_ID, FIRST_SENTINEL_ID, PAD_ID, SENTINELS
from danlu.training.draws import SPANS, sample_draws
from danlu.training.language import Windows
from danlu.training.objective import Batch

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Spans:
    """`density`: share of the tokens that are hidden, above 0 and below 1; `mean`: tokens of a span on average, at least 1."""

    density: float = 0.15
    mean: float = 3.0

    def __post_init__(self) -> None:
        if not (0 < self.density < 1 and self.mean >= 1):
            raise ValueError(f"spans need 0 < density < 1 and mean >= 1, not {self.density} and {self.mean}")

    def noise(self, tokens: Ints) -> tuple[Ints, Ints]:
        """(hidden tokens, spans of them) of texts of so many tokens; of fewer than 2 none.

        At least one token is hidden and one stays. There are no more spans than tokens that stay, which T5's own code leaves
        to chance where the density is high.
        """
        hidden = np.clip(np.round(tokens * self.density).astype(np.int64), 1, np.maximum(tokens - 1, 1))
        spans = np.clip(np.round(hidden / self.mean).astype(np.int64), 1, np.maximum(tokens - hidden, 1))
        enough = tokens > 1
        return hidden * enough, spans * enough

    def lengths(self, tokens: int) -> tuple[int, int]:
        """(inputs, targets) that a text of `tokens` tokens becomes, each with a sentinel for every span and an end mark.

        Rounded as in T5's helper, which knows no least number.
        """
        hidden = round(tokens * self.density)
        spans = round(hidden / self.mean)
        return tokens - hidden + spans + 1, hidden + spans + 1


BASE = Spans()
"""As T5 was trained."""


def span_lengths(inputs: int, spans: Spans = BASE) -> tuple[int, int]:
    """(tokens of raw text, targets) for inputs of `inputs` tokens: the longest text that still fits, and what it asks for.

    T5's `random_spans_helper`: inputs of 512 take 568 tokens and give targets of 114.
    """
    tokens = inputs - 1
    while spans.lengths(tokens + 1)[0] <= inputs:
        tokens += 1
    targets = spans.lengths(tokens)[1]
    if spans.density == 0.5 and targets > inputs:  # T5's: of two lengths that differ by one, the one that was asked for
        return tokens - 1, targets - 1
    return tokens, targets


def noise_mask(
    lengths: Ints, spans: Spans, seed: int, sample_ids: Sequence[int] | npt.NDArray[np.integer], epoch: int
) -> Bools:
    """Which tokens are hidden: [samples, longest], of samples of `lengths` [samples] tokens; nothing beyond a length.

    Hidden and seen tokens are cut into as many spans each, all ways to cut alike, and laid in turn, a seen span first.
    """
    hidden, count = spans.noise(lengths)
    width = int(lengths.max(initial=0))
    if not count.any():
        return np.zeros((len(lengths), width), bool)
    seen = lengths - hidden
    draws, firsts = sample_draws(seed, epoch, sample_ids, lengths, SPANS)
    sizes = np.zeros((len(lengths), 2 * int(count.max())), np.int64)
    sizes[:, 0::2] = _cut(seen, count, draws, firsts)
    sizes[:, 1::2] = _cut(hidden, count, draws, firsts + seen)
    stops = np.cumsum(sizes, axis=1)
    borders = np.zeros((len(lengths), width + 1), bool)  # where a span ends: from one to the next all is seen, or all hidden
    rows, places = np.nonzero(sizes)
    borders[rows, stops[rows, places]] = True
    return np.logical_xor.accumulate(borders, axis=1)[:, :width] & (np.arange(width) < lengths[:, None])


def corrupt(
    ids: Ints,
    sample_ids: Sequence[int] | npt.NDArray[np.integer],
    epoch: int,
    seed: int,
    spans: Spans = BASE,
    *,
    shape: tuple[int, int] | None = None,
) -> tuple[Ints, Ints]:
    """(inputs, targets) of texts `ids` [samples, length]; what is padding at the end of a text is no part of it.

    inputs: what is seen, a sentinel for each hidden span, the end mark. targets: each sentinel and what it stands for, the end
    mark. Both are padded to `shape` (default: as long as the longest). The first span's sentinel is `<|sentinel_0|>`.
    ValueError where a text needs more spans than there are sentinels.
    """
    lengths = (ids != PAD_ID).sum(1)
    if (most := int(spans.noise(lengths)[1].max(initial=0))) > len(SENTINELS):
        raise ValueError(f"{most} spans, but only {len(SENTINELS)} sentinels: shorten the text or lengthen the spans")
    hidden = np.zeros(ids.shape, bool)
    mask = noise_mask(lengths, spans, seed, sample_ids, epoch)
    hidden[:, : mask.shape[1]] = mask
    real = np.arange(ids.shape[1]) < lengths[:, None]
    seen = real & ~hidden
    inputs, targets = shape or (None, None)
    return _with_sentinels(ids, seen, hidden, inputs), _with_sentinels(ids, hidden, seen, targets)


def span_batch(samples: Windows, seed: int, spans: Spans = BASE, *, shape: tuple[int, int] | None = None) -> Batch:
    """Windows without marks (`PLAIN`), as an encoder-decoder reads them. Pure.

    `input_ids`, `attention_mask` [n, inputs]; `decoder_input_ids` [n, targets], the targets moved by one behind a padding
    token, as T5's begin; `places`, `targets` [all real targets]: what is to be said, and where in the flat decoder states.
    """
    inputs, targets = corrupt(samples.ids, samples.numbers, samples.epoch, seed, spans, shape=shape)
    read = np.full_like(targets, PAD_ID)
    read[:, 1:] = targets[:, :-1]
    places = np.flatnonzero(targets != PAD_ID)
    return {
        "input_ids": torch.from_numpy(inputs),
        "attention_mask": torch.from_numpy(inputs != PAD_ID),
        "decoder_input_ids": torch.from_numpy(read),
        "places": torch.from_numpy(places),
        "targets": torch.from_numpy(targets.reshape(-1)[places]),
    }


def _cut(items: Ints, parts: Ints, draws: npt.NDArray[np.uint64], firsts: Ints) -> Ints:
    """Sizes of the `parts` [samples] spans that `items` [samples] tokens are cut into, none empty: [samples, most parts].

    Of the `items` - 1 places between two tokens those with the `parts` - 1 smallest draws are borders; a sample's draws begin
    at `firsts`.
    """
    width, most = int(items.max()), int(parts.max())
    between = np.arange(1, width + 1)
    keys = draws.take(firsts[:, None] + between - 1, mode="clip")
    keys = np.where(between < items[:, None], keys, np.uint64(2**64 - 1))
    order = np.argsort(keys, axis=1)[:, :most]
    is_border = np.zeros((len(items), width + 1), bool)
    np.put_along_axis(is_border, order + 1, np.arange(order.shape[1]) < parts[:, None] - 1, axis=1)
    part = np.cumsum(is_border[:, :width], axis=1)
    rows, places = np.nonzero(np.arange(width) < items[:, None])
    found = np.bincount(rows * most + part[rows, places], minlength=len(items) * most)
    return found.reshape(len(items), most)


def _with_sentinels(ids: Ints, kept: Bools, gone: Bools, width: int | None) -> Ints:
    """The tokens that are `kept`, a sentinel where a run of `gone` tokens begins, the end mark: [samples, width or longest]."""
    first = gone.copy()
    first[:, 1:] &= ~gone[:, :-1]
    number = np.cumsum(first, axis=1) - 1
    found = np.where(first, FIRST_SENTINEL_ID + number, ids)
    stays = kept | first
    sizes = stays.sum(1)
    longest = int(sizes.max(initial=0)) + 1
    if width is not None and longest > width:
        raise ValueError(f"{longest} tokens do not fit {width}")
    packed = np.full((len(ids), width or longest), PAD_ID, np.int64)
    rows, columns = np.nonzero(stays)
    packed[rows, (np.cumsum(stays, axis=1) - 1)[rows, columns]] = found[rows, columns]
    packed[np.arange(len(ids)), sizes] = EOS_ID
    return packed
