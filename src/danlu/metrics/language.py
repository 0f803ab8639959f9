"""Metrics of language models, from nats (natural-log losses) that were summed by document."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from danlu.metrics.items import Floats, Sums, ratio

Score = Literal["bits_per_byte", "bits_per_character", "nats_per_token", "perplexity"]


def bits_per_byte(nats: npt.ArrayLike, byte_counts: npt.ArrayLike) -> float:
    """Bits to encode a byte of raw UTF-8 text: comparable between any tokenizers, compressors and languages' scripts.

    `nats` and `byte_counts` are sums, or arrays of them by document. Bytes are of the text itself; special tokens have none.
    """
    return float(np.sum(nats) / np.sum(byte_counts) / math.log(2))


def nats_per_token(nats: npt.ArrayLike, tokens: npt.ArrayLike) -> float:
    """Mean loss of a (masked) token: comparable only where the tokenizer and the masked positions are the same."""
    return float(np.sum(nats) / np.sum(tokens))


def perplexity(nats: npt.ArrayLike, tokens: npt.ArrayLike) -> float:
    """exp of the mean loss a token. Not comparable between tokenizers: longer tokens raise it for the same model quality."""
    return math.exp(nats_per_token(nats, tokens))


def losses(weights: npt.ArrayLike, nats: npt.ArrayLike, *, score: Score) -> Sums:
    """By document, its bytes (or characters, or tokens) and its nats."""
    columns = np.stack((np.asarray(nats, np.float64), np.asarray(weights, np.float64)), 1)

    def statistic(sums: Floats) -> Floats:
        each = ratio(sums[..., 0], sums[..., 1], np.nan)
        if score.startswith("bits"):
            return each / math.log(2)
        return np.exp(each) if score == "perplexity" else each

    return Sums(columns, statistic)
