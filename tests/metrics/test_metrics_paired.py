"""Tango's interval of the difference of two shares: by definition, a published example, its error rates exactly."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from danlu.metrics.compare import compare_items
from danlu.metrics.items import mean_of
from danlu.metrics.paired import score, score_difference, score_p


def test_a_published_example() -> None:
    """Airway hyper-responsiveness before and after: 1 only before, 7 only after, of 21 (Fagerland et al. 2014)."""
    assert score_difference(1, 7, 21) == pytest.approx((-0.286, -0.517, -0.026), abs=6e-4)


def test_the_statistic_is_the_score_test_at_the_likeliest_shares_given_the_difference() -> None:
    random = np.random.default_rng(0)
    for _ in range(40):
        items = int(random.integers(3, 60))
        ahead, behind, _ = (int(count) for count in random.multinomial(items, [0.3, 0.2, 0.5]))
        gap = float(random.uniform(-0.8, 0.8))

        def unlikely(share: float) -> float:  # `share` of the items only the second has right
            first = share + gap  # noqa: B023
            return -stats.multinomial.logpmf([ahead, behind, items - ahead - behind], items, [first, share, 1 - first - share])  # type: ignore[no-any-return] # noqa: B023

        found = optimize.minimize_scalar(
            unlikely, bounds=(max(0, -gap) + 1e-9, (1 - gap) / 2 - 1e-9), method="bounded", options={"xatol": 1e-10}
        )
        variance = items * (2 * found.x + gap - gap * gap)
        assert score(ahead, behind, items, gap) == pytest.approx((ahead - behind - items * gap) / np.sqrt(variance), rel=1e-3)


def test_the_interval_is_what_the_test_does_not_reject() -> None:
    random = np.random.default_rng(1)
    for _ in range(100):
        items = int(random.integers(1, 200))
        ahead, behind, _ = (int(count) for count in random.multinomial(items, random.dirichlet([1, 1, 2])))
        value, low, high = score_difference(ahead, behind, items, 0.9)
        assert -1 <= low <= value <= high <= 1
        assert low < high
        for edge, side in ((low, 1), (high, -1)):
            if abs(edge) < 1:
                assert score(ahead, behind, items, edge) == pytest.approx(side * stats.norm.ppf(0.95), abs=1e-6)
        turned = score_difference(behind, ahead, items, 0.9)
        assert turned == pytest.approx((-value, -high, -low), abs=1e-9)


def test_without_a_difference_it_has_the_width_of_the_rule_of_three() -> None:
    z = stats.norm.ppf(0.975)
    for items in (1, 5, 200):
        assert score_difference(0, 0, items) == pytest.approx((0, -z * z / (items + z * z), z * z / (items + z * z)))
    assert np.isnan(score_difference(0, 0, 0)).all()


def test_at_no_difference_it_is_mcnemars_statistic() -> None:
    assert score(9, 3, 40, 0) == pytest.approx(6 / np.sqrt(12))
    assert score_p(9, 3) == pytest.approx(stats.chi2.sf(36 / 12, 1))
    assert score_p(0, 0) == 1


@pytest.mark.parametrize("items", [5, 10, 20, 50, 200])
@pytest.mark.parametrize("margin", [0.02, 0.05, 0.1, 0.2])
def test_the_error_rate_of_non_inferiority_of_shares(items: int, margin: float) -> None:
    """All ways to draw the items, each with its chance: a model that is worse by just the margin is called not worse in about
    one of forty trials at most (by intervals of zero width it was in three of four, with 5 items)."""
    z = stats.norm.ppf(0.975)
    called = [(a, b) for a in range(items + 1) for b in range(items + 1 - a) if score(a, b, items, -margin) > z]
    if not called:
        return
    counts = np.array(called)
    for ahead in (0.0, 0.01, 0.05, 0.1, 0.2, 0.3):
        shares = [ahead, ahead + margin, 1 - 2 * ahead - margin]
        error = stats.multinomial.pmf(np.column_stack((counts, items - counts.sum(1))), items, shares).sum()
        assert error <= (0.04 if items == 5 else 0.031)


def test_models_that_agree_on_few_items_are_not_called_not_worse() -> None:
    random = np.random.default_rng(2)
    called = 0
    for trial in range(200):
        right = random.random(50) > 0.05  # 5 points worse
        a, b = mean_of(right, {}, share=True), mean_of(np.ones(50), {}, share=True)
        called += compare_items("accuracy", ("a", "b"), a, b, slice={}, seed=trial).not_worse(0.02)
    assert called == 0
    same = mean_of(np.ones(1000), {}, share=True)
    found = compare_items("accuracy", ("a", "b"), same, same, slice={})
    assert found.not_worse(0.02)  # of a thousand that all agree, it is a statement
    assert not found.not_worse(0.002)
    assert "interval:tango" in found.signature
    assert "resamples" not in found.signature


@pytest.mark.parametrize("items", [20, 60, 120])
def test_coverage(items: int) -> None:
    """How often the true difference is not rejected, so is inside, over all draws with their chances."""
    counts = np.array([(a, b) for a in range(items + 1) for b in range(items + 1 - a)])
    for shares in ([0.1, 0.1, 0.8], [0.2, 0.05, 0.75], [0.02, 0.0, 0.98]):
        chances = stats.multinomial.pmf(np.column_stack((counts, items - counts.sum(1))), items, shares)
        held = [abs(score(a, b, items, shares[0] - shares[1])) <= stats.norm.ppf(0.975) for a, b in counts.tolist()]
        assert chances[held].sum() >= 0.93
