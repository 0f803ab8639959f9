"""Two shares of the same items: the interval of their difference, which keeps a width where the models agree on every item.

A bootstrap has none there: five items that both models have right would "rule out" any disadvantage.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

from danlu.metrics.number import Estimate

STEPS = 60  # halvings of [-1, 1]: to the last bit


def score_difference(ahead: int, behind: int, items: int, confidence: float = 0.95) -> Estimate:
    """The first share less the second, with Tango's score interval (1998): all differences that the score test does not reject.

    `ahead` of the `items` only the first has right, `behind` only the second. With neither it reaches from -z²/(items + z²) to
    z²/(items + z²), about the rule of three.
    """
    if not items:
        return Estimate(math.nan, math.nan, math.nan)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    value = (ahead - behind) / items
    low = _edge(lambda difference: score(ahead, behind, items, difference) > z, -1.0, value)
    high = _edge(lambda difference: score(ahead, behind, items, difference) >= -z, value, 1.0)
    return Estimate(value, low, high)


def score(ahead: int, behind: int, items: int, difference: float) -> float:
    """Tango's statistic, normal if the true difference is `difference`; at 0 it is McNemar's without a correction."""
    wide = 2 * items
    middle = (2 * items - ahead + behind) * difference - ahead - behind
    last = -behind * difference * (1 - difference)
    behind_share = (math.sqrt(max(0.0, middle * middle - 4 * wide * last)) - middle) / (2 * wide)  # the likeliest, given it
    variance = items * (2 * behind_share + difference * (1 - difference))
    gap = ahead - behind - items * difference
    return gap / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, gap) if gap else 0.0


def score_p(ahead: int, behind: int) -> float:
    """Two-sided p of the score test of no difference: what the interval goes by."""
    return 2 * NormalDist().cdf(-abs(ahead - behind) / math.sqrt(ahead + behind)) if ahead + behind else 1.0


def _edge(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Where `holds` ends, which is true below."""
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return (low + high) / 2
