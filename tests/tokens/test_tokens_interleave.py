"""Interleaving: every window is of one stream, none twice, and every stretch has the mixture that was asked for."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.tokens.interleave import LONGEST_PERIOD, interleave, whole_shares

WEIGHTS = st.lists(st.sampled_from([0.001, 0.05, 0.1, 0.25, 0.3, 1, 2, 3, 7]), min_size=1, max_size=9)


@settings(deadline=None, max_examples=60)
@given(WEIGHTS, st.integers(1, 64))
def test_every_stretch_has_the_mixture(weights: list[float], step: int) -> None:
    pattern = interleave(weights)
    count = 3 * len(pattern.streams) // 2 + step
    streams, _ = pattern.locate(np.arange(count))
    shares = [Fraction(str(weight)) / sum(Fraction(str(each)) for each in weights) for weight in weights]
    for stream, share in enumerate(shares):
        taken = np.concatenate(([0], np.cumsum(streams == stream)))
        wanted = np.arange(count + 1) * float(share)
        assert np.all(np.abs(taken - wanted) < 1)  # any prefix
        whole = taken[step:] - taken[:-step]  # any stretch: the windows of a step
        assert np.all(np.abs(whole - step * float(share)) < 2)
        at = len(pattern.streams)
        assert taken[at] == at * share  # exact after each period


@settings(deadline=None, max_examples=60)
@given(WEIGHTS, st.integers(0, 10**12))
def test_turns_count_up_without_a_gap_anywhere(weights: list[float], start: int) -> None:
    pattern = interleave(weights)
    numbers = start + np.arange(2 * len(pattern.streams))
    streams, turns = pattern.locate(numbers)
    for stream in range(len(weights)):
        mine = turns[streams == stream]
        assert np.array_equal(mine, mine[0] + np.arange(len(mine)))
    if not start:
        assert all(turns[streams == stream][0] == 0 for stream in range(len(weights)))
    again = [pattern.locate(numbers[place : place + 1]) for place in (0, 1, len(numbers) - 1)]
    assert [(int(s[0]), int(t[0])) for s, t in again] == [(int(streams[p]), int(turns[p])) for p in (0, 1, -1)]


def test_weights_mean_what_is_written() -> None:
    assert whole_shares([0.7, 0.2, 0.1]) == [7, 2, 1]
    assert whole_shares([3, 1]) == [3, 1]
    assert whole_shares([0.33, 0.33, 0.33]) == [1, 1, 1]
    assert whole_shares([5.5]) == [1]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=20))
def test_awkward_weights_are_kept_to_one_part_in_65536(weights: list[float]) -> None:
    counts = whole_shares(weights)
    assert min(counts) >= 1
    assert sum(counts) <= LONGEST_PERIOD
    for count, weight in zip(counts, weights, strict=True):
        assert math.isclose(count / sum(counts), weight / sum(weights), abs_tol=len(weights) / LONGEST_PERIOD)


@pytest.mark.parametrize("weights", [[], [0.0], [1, -1], [0, 0]])
def test_weights_that_are_none(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        interleave(weights)
