"""Metrics of probabilities beside scikit-learn and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as reference

from danlu.metrics.compare import compare_items
from danlu.metrics.measure import numbers
from danlu.metrics.probability import brier, calibration_error, log_loss
from danlu.workspace.sentences import say


def _random(classes: int, items: int = 80) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(classes)
    return random.integers(0, classes, items), random.dirichlet(np.ones(classes), items)


@pytest.mark.parametrize("classes", [2, 4])
def test_equal_scikit_learn(classes: int) -> None:
    truth, table = _random(classes)
    expected = reference.brier_score_loss(truth, table, labels=range(classes), scale_by_half=False)
    assert brier(truth, table).value() == pytest.approx(expected)
    table[0] = np.eye(classes)[(truth[0] + 1) % classes]  # quite sure, and wrong
    assert log_loss(truth, table).value() == pytest.approx(reference.log_loss(truth, table, labels=range(classes)))


def test_calibration_error_by_hand() -> None:
    # two bins of ten: (0.6, 0.7] with two items, one right: gap |0.5 - 0.65|; (0.9, 1] with two, both right: |1 - 0.95|
    table = [[0.62, 0.38], [0.32, 0.68], [0.92, 0.08], [0.02, 0.98]]
    assert calibration_error([0, 0, 0, 1], table, bins=10).value() == pytest.approx(0.5 * 0.15 + 0.5 * 0.05)
    assert calibration_error([1], [[0.0, 1.0]]).value() == 0.0
    assert calibration_error([1], [[1.0, 0.0]]).value() == 1.0


def test_calibration_error_equals_its_definition() -> None:
    truth, table = _random(3, 500)
    confidence, right = table.max(1), table.argmax(1) == truth
    expected = 0.0
    for low in range(15):
        inside = (confidence > low / 15) & (confidence <= (low + 1) / 15)
        expected += abs(right[inside].sum() - confidence[inside].sum()) / 500
    assert calibration_error(truth, table).value() == pytest.approx(expected)


@pytest.mark.parametrize(("items", "classes"), [(400, 2), (4000, 2), (400, 5)])
def test_what_chance_gives_a_calibrated_model(items: int, classes: int) -> None:
    """The mean over many draws of the truth from the probabilities themselves."""
    random = np.random.default_rng(items)
    table = random.dirichlet(np.ones(classes), items)
    expected = calibration_error(np.zeros(items, int), table).chance()
    truths = [(random.random((items, 1)) > table.cumsum(1)).sum(1) for _ in range(300)]
    drawn = [calibration_error(truth, table).value() for truth in truths]
    assert np.mean(drawn) == pytest.approx(expected, rel=0.05)
    assert brier(truths[0], table).chance() is None


def test_calibration_error_has_no_interval_and_says_what_chance_alone_gives() -> None:
    """Of a calibrated model a bootstrap's interval would leave out 0, and often the value itself."""
    truth, table = _random(2, 400)
    items = calibration_error(truth, table)
    (found,) = numbers("calibration_error", "m", items, [({}, np.ones(400, bool))], split="test")
    assert found.value == items.value()
    assert found.interval is None
    assert found.reason is not None
    assert say(found.reason, "en").endswith(f"about {100 * items.chance():.1f} points on these items.")
    assert "interval:none" in found.signature
    assert not math.isnan(items.value())
    better = calibration_error(truth, np.stack((1 - 0.5 * truth - 0.25, 0.5 * truth + 0.25), 1))
    compared = compare_items("calibration_error", ("a", "b"), items, better, slice={}, test="permutation")
    assert compared.to_json()["interval"] is None
    assert compared.p <= 1


@pytest.mark.parametrize("metric", [brier, calibration_error, log_loss])
def test_nothing_and_nan(metric: object) -> None:
    truth, table = _random(2)
    table[3, 0] = np.nan
    assert not metric(truth, table).finite() or np.isnan(metric(truth, table).value())  # type: ignore[operator]
    assert np.isnan(metric([], np.zeros((0, 2))).value())  # type: ignore[operator]
