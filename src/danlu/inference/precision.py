"""bf16 where a score's interval does not notice: both precisions score a sample, and the difference is held against the width
that the interval will have."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch

from danlu.metrics.bootstrap import difference, estimate, generator
from danlu.metrics.items import Items

Precision = Literal["fp32", "bf16"]
SHARE = 0.1  # of the interval's half: an error that is this part of it widens the whole by 0.5% (they add as squares)
RESAMPLES = 400


class Noticed(NamedTuple):
    """`error`: how far off the score in bf16 may be, by the interval of the difference on the sample; `half`: half the width
    that the score's own interval will have on all items.

    The difference of two shares has a width where no answer changed too (about 4 in the size of the sample), so that a share
    needs a sample of some thousand. NaN where there is no interval: too small a sample, or one in which nothing differs.
    """

    error: float
    half: float

    @property
    def precision(self) -> Precision:
        return "bf16" if self.error <= SHARE * self.half else "fp32"  # NaN: fp32


def notices(exact: Items, short: Items, count: int, seed: int = 0) -> Noticed:
    """One sample scored in fp32 and in bf16, of `count` items in all: an interval narrows with the root of their number."""
    random = generator(seed, "precision")
    between, _ = difference(short, exact, random, resamples=RESAMPLES)
    own = estimate(exact, random, resamples=RESAMPLES)
    half = (own.high - own.low) / 2 * math.sqrt(len(exact) / max(1, count))
    return Noticed(max(abs(between.low), abs(between.high)), half)


def choose_precision(
    model: Any, measure: Callable[[Any], Items], count: int, *, native: bool
) -> tuple[Precision, Noticed | None]:
    """fp32, or bf16 where the machine computes it itself (`Machine.bf16`, or a GPU) and the score does not notice; and what was
    noticed, if anybody looked.

    `measure(model)` scores a sample, some hundred of the `count` items; it is called with the model and with a copy in bf16.
    """
    if not native:
        return "fp32", None
    noticed = notices(measure(model), measure(shortened(model)), count)
    return noticed.precision, noticed


def shortened(model: Any) -> Any:
    """A copy of the model with bf16 weights."""
    return copy.deepcopy(model).to(torch.bfloat16)
