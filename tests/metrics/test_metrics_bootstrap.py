"""Intervals: beside SciPy, by simulation of coverage, at the edges, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from danlu.metrics import bootstrap as module
from danlu.metrics.bootstrap import (
    bootstrap,
    difference,
    estimate,
    generator,
    interval,
    paired_bootstrap,
    resampled_sums,
    wilson,
)
from danlu.metrics.classification import f1
from danlu.metrics.items import mean_of
from danlu.metrics.measure import items_of


def _mean(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]


def _columns(values: np.ndarray) -> np.ndarray:
    return np.stack((values, np.ones(len(values))), 1)


def test_close_to_scipy() -> None:
    values = np.random.default_rng(1).lognormal(size=120)
    expected = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(0))
    ours = bootstrap(_columns(values), _mean, generator(0), resamples=20_000)
    assert ours.value == pytest.approx(values.mean())
    assert ours.low == pytest.approx(expected.confidence_interval.low, abs=0.03)
    assert ours.high == pytest.approx(expected.confidence_interval.high, abs=0.05)
    plain = bootstrap(_columns(values), _mean, generator(0), resamples=20_000, method="percentile")
    assert plain.low < ours.low
    assert plain.high < ours.high


def test_the_same_seed_gives_the_same_interval_and_names_part_streams() -> None:
    values = _columns(np.random.default_rng(0).normal(size=700))
    first, again = (bootstrap(values, _mean, generator(5, "gpt"), resamples=200) for _ in range(2))
    assert first == again
    assert first != bootstrap(values, _mean, generator(5, "bert"), resamples=200)
    assert first != bootstrap(values, _mean, generator(6, "gpt"), resamples=200)


def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    values = _columns(np.random.default_rng(0).normal(size=400))
    whole = resampled_sums(values, 50, generator(1))
    monkeypatch.setattr(module, "BLOCK", 1000)
    assert (resampled_sums(values, 50, generator(1)) == whole).all()


def test_counts_of_kinds_and_draws_of_items_are_the_same_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    values = _columns((np.arange(150) % 3).astype(float))
    by_kind = resampled_sums(values, 4000, generator(0))[:, 0]
    monkeypatch.setattr(module, "FEW", 0)
    by_item = resampled_sums(values, 4000, generator(0))[:, 0]
    assert stats.ks_2samp(by_kind, by_item).pvalue > 0.01
    assert by_item.std() == pytest.approx(np.sqrt(150 * 2 / 3), rel=0.05)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_coverage_of_a_ratio_by_document(method: str) -> None:
    """Bits per byte of documents whose lengths vary: about 95 of 100 intervals hold the truth."""
    random = np.random.default_rng(7)
    held = 0
    for trial in range(300):
        sizes = random.lognormal(5, 0.7, 80).round() + 1
        nats = sizes * random.normal(1.5, 0.3, 80)
        low_high = bootstrap(np.stack((nats, sizes), 1), _mean, generator(trial), resamples=300, method=method)[1:]
        held += low_high[0] <= 1.5 <= low_high[1]
    assert 0.90 <= held / 300 <= 0.98


def test_coverage_of_wilson_and_of_a_paired_difference() -> None:
    random = np.random.default_rng(3)
    held = paired = shown = 0
    for trial in range(300):
        a = random.random(150) < 0.8
        b = np.where(random.random(150) < 0.8, a, random.random(150) < 0.8)  # as good as a, and like it
        share = wilson(int(a.sum()), 150)
        held += share.low <= 0.8 <= share.high
        difference, p = paired_bootstrap(_columns(a), _columns(b), _mean, generator(trial), resamples=300)
        paired += difference.low <= 0 <= difference.high
        shown += p < 0.05
    assert 0.91 <= held / 300 <= 0.985
    assert 0.90 <= paired / 300 <= 0.99
    assert shown / 300 <= 0.09


def test_pairing_narrows_the_interval() -> None:
    random = np.random.default_rng(0)
    hard = random.normal(size=300)
    a, b = _columns(hard), _columns(hard + 0.05 + random.normal(scale=0.05, size=300))
    difference, p = paired_bootstrap(b, a, _mean, generator(0))
    alone = bootstrap(b, _mean, generator(0))
    assert difference.low > 0
    assert p < 0.01
    assert difference.high - difference.low < (alone.high - alone.low) / 5


def test_wilson_at_the_edges_and_against_statsmodels_values() -> None:
    assert wilson(10, 10) == pytest.approx((1.0, 0.7224672, 1.0), abs=1e-6)
    assert wilson(0, 10) == pytest.approx((0.0, 0.0, 0.2775328), abs=1e-6)
    expected = stats.binomtest(37, 60).proportion_ci(0.9, "wilson")
    assert wilson(37, 60, 0.9) == pytest.approx((37 / 60, expected.low, expected.high))
    assert wilson(0, 0) == (0.0, 0.0, 1.0)


def test_no_interval_without_spread_or_of_few_items() -> None:
    """A width of 0 would claim what no sample can show."""
    same = _columns(np.ones(20))
    value, low, high = bootstrap(same, _mean, generator(0), resamples=100)
    assert value == 1.0
    assert np.isnan([low, high]).all()
    tenths = bootstrap(_columns(np.full(7, 0.1)), _mean, generator(0), resamples=100)  # alike but for rounding
    assert np.isnan(tenths.low)
    for few in (1, 2, 4):
        values = np.random.default_rng(few).normal(size=few)
        assert np.isnan(bootstrap(_columns(values), _mean, generator(0))[1:]).all()
    assert not np.isnan(bootstrap(_columns(np.arange(5.0)), _mean, generator(0)).low)
    gap, p = paired_bootstrap(same, same, _mean, generator(0), resamples=100)
    assert gap.value == 0.0
    assert np.isnan(gap.low)
    assert p == 1.0


@pytest.mark.parametrize("units", [5, 7, 10, 20])
def test_coverage_over_few_clusters(units: int) -> None:
    """Over 5 clusters intervals of the plain bootstrap hold the truth in 81 of 100 trials, widened ones in about 90."""
    random = np.random.default_rng(units)
    clusters = np.repeat(np.arange(units), 8)
    held = 0
    for trial in range(400):
        items = mean_of(random.normal(size=units)[clusters] + random.normal(size=8 * units), {})
        _, low, high = estimate(items, generator(trial), clusters=clusters, resamples=300)
        held += low <= 0 <= high
    assert held / 400 >= {5: 0.87, 7: 0.89}.get(units, 0.92)
    assert held / 400 <= 0.99


def test_widened_quantiles_are_students() -> None:
    """Of normal values whose spread is that of n items, the interval is that of the t-test."""
    values = np.random.default_rng(1).normal(size=12)
    found = bootstrap(_columns(values), _mean, generator(0), resamples=200_000, method="percentile")
    expected = stats.t.interval(0.95, 11, values.mean(), stats.sem(values))
    assert found[1:] == pytest.approx(expected, abs=0.06)
    draws = stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000) * np.sqrt(11 / 12)
    assert interval(draws, 0.95, units=12)[1] == pytest.approx(stats.t.ppf(0.975, 11), rel=0.01)
    assert interval(draws, 0.95)[1] == pytest.approx(1.96 * np.sqrt(11 / 12), rel=0.01)


def test_p_of_a_bootstrap_goes_below_one_in_so_many_resamples() -> None:
    """Beyond what the resamples can count, it is Student's: about the t-test's p. Signs of few items show little."""
    random = np.random.default_rng(4)
    gaps = random.normal(0.6, 1, 100)
    _, p = paired_bootstrap(_columns(gaps), _columns(np.zeros(100)), _mean, generator(0))
    expected = stats.ttest_1samp(gaps, 0).pvalue
    assert expected < 1e-5
    assert np.log10(p) == pytest.approx(np.log10(expected), abs=0.7)
    _, few = paired_bootstrap(_columns(np.full(6, 2.0)), _columns(np.zeros(6)), _mean, generator(0))
    assert few == 2 / 2**6
    _, one = paired_bootstrap(_columns(np.ones(1)), _columns(np.zeros(1)), _mean, generator(0))
    assert one == 1


@pytest.mark.parametrize("items", [10, 40])
def test_p_of_a_bootstrap_holds_its_error_rate(items: int) -> None:
    """Also far out, where few resamples or none are on the other side, of skewed values and of a correlation of ranks."""
    random = np.random.default_rng(items)
    found: dict[str, list[float]] = {"mean": [], "spearman": []}
    for trial in range(300):
        a, b, truth = random.lognormal(size=(3, items))
        found["mean"].append(difference(mean_of(a, {}), mean_of(b, {}), generator(trial), resamples=300)[1])
        left, right = (items_of("spearman", truth, truth + 2 * noise) for noise in (a, b))
        found["spearman"].append(difference(left, right, generator(trial), resamples=300)[1])
    for p in found.values():
        for level in (0.05, 0.01, 0.002):
            assert (np.array(p) <= level).sum() <= stats.binom.ppf(0.999, 300, level)


def test_a_statistic_of_a_table() -> None:
    random = np.random.default_rng(2)
    truth = random.integers(0, 2, 400)
    predicted = np.where(random.random(400) < 0.75, truth, 1 - truth)
    cells = np.eye(4)[truth * 2 + predicted]
    estimate = bootstrap(cells, lambda sums: f1(sums.reshape(*sums.shape[:-1], 2, 2), "macro"), generator(0))
    assert estimate.low < estimate.value < estimate.high
    cells, counts = np.unique(truth * 2 + predicted, return_counts=True)
    grouped = bootstrap(
        np.eye(4)[cells], lambda sums: f1(sums.reshape(*sums.shape[:-1], 2, 2), "macro"), generator(0), counts=counts
    )
    assert grouped == pytest.approx(estimate, abs=0.01)
    assert grouped.value == estimate.value
    assert estimate.high - estimate.low == pytest.approx(4 * np.sqrt(0.75 * 0.25 / 400), rel=0.15)
