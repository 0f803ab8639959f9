"""Bits per byte and its relatives, by hand and from tokens that cut Chinese characters."""

from __future__ import annotations

import math

import numpy as np
import pytest

from danlu.metrics.language import bits_per_byte, nats_per_token, perplexity


def test_a_uniform_model_of_bytes_needs_eight_bits() -> None:
    text = "炼丹 is training"
    count = len(text.encode())
    assert bits_per_byte(count * math.log(256), count) == pytest.approx(8)


def test_it_is_a_ratio_of_sums_not_a_mean_of_ratios() -> None:
    assert bits_per_byte([math.log(2), 3 * math.log(2)], [1, 9]) == pytest.approx(0.4)


def test_it_does_not_depend_on_the_tokenizer() -> None:
    """The same total nats over the same bytes, cut into 2 tokens or 20: bits per byte stays, perplexity does not."""
    nats = 12.0
    assert bits_per_byte(np.full(2, nats / 2), 6) == pytest.approx(bits_per_byte(np.full(20, nats / 20), 6))
    assert perplexity(nats, 2) == pytest.approx(math.exp(6))
    assert perplexity(nats, 20) == pytest.approx(math.exp(0.6))
    assert nats_per_token([6, 6], [1, 2]) == 4
