"""Metrics of order and of numbers: beside scikit-learn and SciPy, and weights as repeated items."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from danlu.metrics.ranks import area, ranks, roc_auc, spearman
from danlu.metrics.regression import mae, mse, pearson

SEEDS = range(6)


@pytest.mark.parametrize("seed", SEEDS)
def test_area_equals_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth, scores = random.integers(0, 2, 70), random.integers(0, 12, 70) / 11  # with ties
    table = np.stack((1 - scores, scores), 1)
    assert roc_auc(truth, table).value() == pytest.approx(reference.roc_auc_score(truth, scores))
    assert roc_auc(truth, table, positive=0).value() == pytest.approx(reference.roc_auc_score(truth == 0, 1 - scores))


@pytest.mark.parametrize("seed", SEEDS)
def test_one_versus_rest_equals_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth, table = random.integers(0, 4, 90), random.dirichlet(np.ones(4), 90)
    expected = reference.roc_auc_score(truth, table, multi_class="ovr", average="macro")
    assert roc_auc(truth, table).value() == pytest.approx(expected)
    some = truth < 3  # class 3 does not occur: the mean is over the others
    parts = [reference.roc_auc_score(truth[some] == number, table[some, number]) for number in range(3)]
    assert roc_auc(truth[some], table[some]).value() == pytest.approx(np.mean(parts))


@pytest.mark.parametrize("seed", SEEDS)
def test_correlations_and_errors_equal_the_references(seed: int) -> None:
    random = np.random.default_rng(seed)
    x = random.integers(0, 9, 60) + 1e6
    y = x + random.normal(scale=3, size=60).round()
    assert pearson(x, y).value() == pytest.approx(stats.pearsonr(x, y).statistic)
    assert spearman(x, y).value() == pytest.approx(stats.spearmanr(x, y).statistic)
    assert mse(x, y).value() == pytest.approx(reference.mean_squared_error(x, y))
    assert mae(x, y).value() == pytest.approx(reference.mean_absolute_error(x, y))


@pytest.mark.parametrize("metric", [roc_auc, spearman])
def test_weights_are_repeated_items(metric: object) -> None:
    random = np.random.default_rng(0)
    truth, scores = random.integers(0, 2, 40), random.integers(0, 9, 40) / 8
    predicted = np.stack((1 - scores, scores), 1) if metric is roc_auc else scores
    items = metric(truth, predicted)  # type: ignore[operator]
    weights = random.multinomial(40, np.ones(40) / 40, size=20).astype(float)
    expected = [metric(*(np.repeat(a, row.astype(int), 0) for a in (truth, predicted))).value() for row in weights]  # type: ignore[operator]
    assert items.statistic(items.columns)(weights) == pytest.approx(expected)


def test_ranks_equal_scipy() -> None:
    values = np.random.default_rng(0).integers(0, 6, 50).astype(float)
    assert ranks(values)(np.ones((1, 50)))[0] == pytest.approx(stats.rankdata(values))


def test_what_is_not_defined_is_nan() -> None:
    table = np.array([[0.4, 0.6], [0.2, 0.8]])
    assert np.isnan(roc_auc([1, 1], table).value())
    assert np.isnan(roc_auc([2, 2], np.full((2, 3), 1 / 3)).value())
    assert np.isnan(area(np.array([True, False]), np.array([0.1, 0.2]))(np.array([[1.0, 0.0]]))).all()
    for metric in (pearson, spearman):
        assert np.isnan(metric([1, 1, 1], [1, 2, 3]).value())
        assert np.isnan(metric([1, 2, 3], [0.1, 0.1, 0.1]).value())
        assert metric([1, 2, 3], [30, 20, 10]).value() == pytest.approx(-1)
        assert not metric([1, 2, 3], [1, np.nan, 3]).finite()
    part = pearson([1, 2, 3, 4, 4, 4], [5.0, 6, 7, 1e9, 2e9, 3e9]).take(np.array([3, 4, 5]))
    assert np.isnan(part.value())
    assert np.isnan(mse([], []).value())
