"""Masking for masked-language modelling: which tokens are hidden is a pure function of seed, epoch, sample and rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from danlu.tokens.special import MASK_ID
from danlu.training.draws import EVALUATION_MASKS, MASKS, sample_draws, shares

IGNORED = -100
"""Target of a position that is not predicted (the convention of transformers and of F.cross_entropy)."""
EVALUATION_RATE = 0.15

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ramp:
    """A rate that goes linearly from `first` to `last` in `steps` steps, and stays there."""

    first: float
    last: float
    steps: int

    def at(self, step: int) -> float:
        """The rate of step `step` (0 ..): `first` at step 0, `last` from step `steps` - 1 on."""
        part = min(1.0, step / (self.steps - 1)) if self.steps > 1 else 1.0
        return self.first + (self.last - self.first) * part


@dataclass(frozen=True)
class Manner:
    """How tokens are hidden, at any rate.

    `replace` "80-10-10": of what is chosen 80% becomes the mask token, 10% random ordinary tokens, 10% stays (BERT, arXiv
    1810.04805); "all": all becomes the mask token. `ngram`: what is chosen are runs of 1 to `ngram` units, a run of n with a
    probability proportional to 1 / n (ALBERT, arXiv 1909.11942, whose longest is 3).
    """

    replace: Literal["80-10-10", "all"] = "80-10-10"
    ngram: int = 1


BERT = Manner()


def mask_tokens(
    ids: Ints,
    special: Sequence[int] | npt.NDArray[np.integer],
    rate: float,
    seed: int,
    sample_ids: Sequence[int] | npt.NDArray[np.integer],
    epoch: int,
    vocabulary: int,
    *,
    evaluate: bool = False,
    manner: Manner = BERT,
    starts: Bools | None = None,
) -> tuple[Ints, Ints]:
    """Hide tokens: (inputs, targets), both shaped like `ids` [samples, length]; unpredicted targets are -100.

    In each sample `rate` of its ordinary tokens, rounded, at least one (none where `rate` is 0), is chosen and replaced as
    `manner` says. Ids in `special` are neither chosen nor put in. `sample_ids` [samples] number the samples, so the same
    sample of the same epoch is masked alike in any batch. `evaluate` draws from a stream of its own with seed and epoch 0:
    the fixed mask of every evaluation.

    `starts` [samples, length] says where words begin (None: each token is a unit of its own). All tokens of a word have one
    fate, as in SpanBERT (arXiv 1907.10529, section 3.1): a word is masked as a whole, replaced as a whole, or stays. A unit
    that is longer than what is left of the sample's number is chosen with the probability that makes the number right on
    average; so a sample may have a few more or fewer tokens hidden, and a sample that is one long word all or none.
    """
    if evaluate:
        seed, epoch = 0, 0
    ordinary = np.ones(vocabulary, bool)
    ordinary[np.asarray(special, np.int64)] = False
    candidates = ordinary[ids]
    inputs, targets = ids.copy(), np.full_like(ids, IGNORED)
    if not candidates.any():
        return inputs, targets
    totals = candidates.sum(1)
    single = starts is None and manner.ngram == 1
    purpose = EVALUATION_MASKS if evaluate else MASKS
    draws = _Draws(totals, *sample_draws(seed, epoch, sample_ids, 3 * totals if single else 4 * totals + 1, purpose))
    ranks = np.cumsum(candidates, axis=1) - 1
    units = ranks if single else _units(candidates, starts, manner.ngram, draws)
    count = np.clip(np.round(rate * totals), np.minimum(rate > 0, totals), totals)
    rows, columns = np.nonzero(candidates)
    chosen = _choose(rows, units[rows, columns], count, draws)
    rows, columns = rows[chosen], columns[chosen]
    targets[rows, columns] = ids[rows, columns]
    if manner.replace == "all":
        inputs[rows, columns] = MASK_ID
        return inputs, targets
    fate = draws.of(_FATES, rows, units[rows, columns]) % np.uint64(10)
    hidden, swapped = fate < 8, fate == 8
    inputs[rows[hidden], columns[hidden]] = MASK_ID
    rows, columns = rows[swapped], columns[swapped]
    replacements = np.flatnonzero(ordinary)
    other = draws.of(_OTHERS, rows, ranks[rows, columns]) % np.uint64(len(replacements))
    inputs[rows, columns] = replacements[other]
    return inputs, targets


_KEYS, _FATES, _OTHERS, _RUNS, _LAST = range(5)
"""Kinds of draws: the order of the units, what becomes of a unit, another token, the length of a run; one a sample: whether the
unit that fits only in part is taken."""


@dataclass(frozen=True)
class _Draws:
    """Draws by kind, sample and place, as many of a kind as the sample has ordinary tokens: `totals` [samples]."""

    totals: Ints
    flat: npt.NDArray[np.uint64]
    firsts: Ints

    def of(self, kind: int, rows: Ints, places: Ints) -> npt.NDArray[np.uint64]:
        found: npt.NDArray[np.uint64] = self.flat[self.firsts[rows] + kind * self.totals[rows] + places]
        return found

    def table(self, kind: int, width: int) -> npt.NDArray[np.uint64]:
        """The first `width` places of each sample, [samples, width]; anything where a sample has fewer."""
        places = (self.firsts + kind * self.totals)[:, None] + np.arange(width)
        found: npt.NDArray[np.uint64] = self.flat[np.minimum(places, len(self.flat) - 1)]
        return found


def _units(candidates: Bools, starts: Bools | None, ngram: int, draws: _Draws) -> Ints:
    """The number of each candidate's unit in its sample, [samples, length]; what stands beyond a special token is another."""
    begins = candidates.copy()
    begins[:, 1:] &= ~candidates[:, :-1]
    new = candidates if starts is None else candidates & starts | begins
    units = np.cumsum(new, axis=1) - 1
    if ngram == 1:
        return units
    most = int(units.max()) + 1
    odds = np.cumsum(1 / np.arange(1, ngram + 1))
    lengths = np.searchsorted(odds[:-1] / odds[-1], shares(draws.table(_RUNS, most)), side="right") + 1
    rows, runs = np.nonzero((firsts := np.cumsum(lengths, axis=1) - lengths) < most)
    is_first = np.zeros((len(candidates), most), bool)
    is_first[rows, firsts[rows, runs]] = True
    return np.cumsum(new & (np.take_along_axis(is_first, np.maximum(units, 0), axis=1) | begins), axis=1) - 1


def _choose(rows: Ints, units: Ints, count: npt.NDArray[np.float64], draws: _Draws) -> Bools:
    """Which candidates [n], of sample `rows` [n] and unit `units` [n], are chosen: units by their keys, `count` tokens."""
    width = int(units.max()) + 1
    flat = rows * width + units
    sizes = np.bincount(flat, minlength=len(count) * width).reshape(-1, width)
    keys = np.where(sizes > 0, draws.table(_KEYS, width), np.uint64(2**64 - 1))
    order = np.argsort(keys, axis=1)
    ordered = np.take_along_axis(sizes, order, axis=1)
    room = count[:, None] - np.cumsum(ordered, axis=1)  # what is left of the count after each unit
    taken = room >= 0
    if (cut := ~taken & (room + ordered > 0)).any():
        fits = shares(draws.of(_LAST, np.arange(len(count)), np.zeros(len(count), np.int64)))[:, None] * ordered
        taken |= cut & (fits < room + ordered)
    by_unit = np.empty(taken.shape, bool)
    np.put_along_axis(by_unit, order, taken, axis=1)
    chosen: Bools = by_unit.reshape(-1)[flat]
    return chosen
