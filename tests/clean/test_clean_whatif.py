"""Thresholds tried out: at every place of every slider a code says what comparing the score with the threshold says."""

from __future__ import annotations

import numpy as np
import pytest

from danlu.clean.preset import FAMILIES, Rule
from danlu.clean.whatif import NOT_ASKED, ask, choose_cuts

RULES = {
    "share": Rule("most", 0.3, 0.25, None),
    "length": Rule("least", 2.2, None, None, words=8),
    "count": Rule("least", 2, 3, 2),
    "huge": Rule("most", 20_000_000, 20_000_000, 20_000_000),
    "never": Rule("most", 0, 0, 0, lines=3),
}


def random_scores(seed: int, documents: int = 2000) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    share = np.where(rng.random(documents) < 0.6, 0.0, rng.random(documents) ** 3)
    share[:50] = np.float32(0.3)  # on the threshold itself
    return {
        "words": rng.integers(0, 40, documents).astype(float),
        "lines": rng.integers(0, 6, documents).astype(float),
        "share": share.astype(np.float32).astype(float),
        "length": np.where(rng.random(documents) < 0.1, np.nan, rng.normal(4, 2, documents)),
        "count": rng.geometric(0.02, documents).astype(float) - 1,
        "huge": (10 ** (rng.random(documents) * 5)).astype(int).astype(float),
        "never": (rng.random(documents) < 0.01).astype(float),
    }


@pytest.mark.parametrize("seed", range(3))
def test_a_code_says_at_every_cut_what_the_score_says(seed: int) -> None:
    scores = random_scores(seed)
    families = np.random.default_rng(seed).integers(0, 3, 2000).astype(np.uint8)
    singles = {name: values.astype(np.float32) for name, values in scores.items()}
    found = [
        one
        for name, rule in RULES.items()
        for one in ask(name, rule, singles[name], families, singles["words"], singles["lines"])
    ]
    assert {(one.rule, one.family) for one in found} == {
        (name, family) for name, rule in RULES.items() for family in FAMILIES if rule.threshold(family) is not None
    }
    for one in found:
        rule, values = RULES[one.rule], singles[one.rule]
        asked = (families == FAMILIES.index(one.family)) & ~np.isnan(values) & (scores["lines"] >= rule.lines)
        asked &= scores["words"] >= rule.words
        assert ((one.codes != NOT_ASKED) == asked).all()
        assert one.cuts[one.place] == np.float32(one.threshold)
        assert len(one.cuts) < NOT_ASKED
        assert (np.diff(one.cuts) > 0).all()
        for place, cut in enumerate(one.cuts):
            fails = values < cut if one.direction == "least" else values > cut
            assert (one.fails(place) == (fails & asked)).all(), (one.rule, cut)
        off = len(one.cuts) if one.direction == "most" else -1
        assert not one.fails(off).any()


def test_cuts_are_round_and_reach_past_the_threshold() -> None:
    shares = np.linspace(0, 0.4, 1000, dtype=np.float32)
    cuts = choose_cuts(shares, 0.3)
    assert np.allclose(cuts, np.round(cuts, 3))
    assert cuts[0] == 0
    assert cuts[-1] >= np.float32(0.45)
    counts = np.arange(5000, dtype=np.float32)
    assert {1, 2, 3, 4, 5, 10, 100} <= set(choose_cuts(counts, 2).tolist())
    assert choose_cuts(np.zeros(10, np.float32), 0).tolist() == [0]
    assert np.float32(0.2) in choose_cuts(np.full(10, 7.5, np.float32), 0.2)
