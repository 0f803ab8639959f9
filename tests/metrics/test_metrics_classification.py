"""Classification metrics beside scikit-learn, on random input and at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from danlu.metrics import classification as ours

CASES = [
    pytest.param(seed, classes, items, id=f"{classes}-classes-{items}-items-{seed}")
    for seed in range(4)
    for classes, items in ((2, 1), (2, 50), (3, 7), (5, 200))
]


@pytest.mark.parametrize(("seed", "classes", "items"), CASES)
def test_equals_scikit_learn(seed: int, classes: int, items: int) -> None:
    random = np.random.default_rng(seed)
    truth, predicted = random.integers(0, classes, items), random.integers(0, classes, items)
    counts = ours.confusion(truth, predicted, classes)
    assert (counts == reference.confusion_matrix(truth, predicted, labels=range(classes))).all()
    assert ours.accuracy(counts) == pytest.approx(reference.accuracy_score(truth, predicted))
    assert ours.mcc(counts) == pytest.approx(_mcc(truth, predicted))
    for name in ("f1", "precision", "recall"):
        score = getattr(reference, f"{name}_score")
        mine = getattr(ours, name)
        assert mine(counts, "macro") == pytest.approx(score(truth, predicted, average="macro", zero_division=0))
        assert mine(counts, "micro") == pytest.approx(score(truth, predicted, average="micro", zero_division=0))
        if classes == 2:
            assert mine(counts, "binary") == pytest.approx(score(truth, predicted, pos_label=1, zero_division=0))


def _mcc(truth: np.ndarray, predicted: np.ndarray) -> float:
    if len(set(truth) | set(predicted)) < 2:  # scikit-learn divides 0 by 0 or calls one class perfect; undefined is 0 here
        return 0.0
    return float(reference.matthews_corrcoef(truth, predicted))


def test_absent_classes() -> None:
    truth, predicted = np.array([0, 0, 1, 1]), np.array([0, 3, 1, 1])  # class 2 nowhere, class 3 only predicted
    counts = ours.confusion(truth, predicted, 4)
    assert ours.f1(counts, "macro") == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert ours.f1(counts, "macro") == pytest.approx(reference.f1_score(truth, predicted, average="macro", zero_division=0))
    empty = np.zeros((3, 3))
    assert ours.accuracy(empty) == ours.f1(empty, "macro") == ours.mcc(empty) == 0


def test_leading_axes() -> None:
    random = np.random.default_rng(0)
    counts = random.integers(0, 9, (6, 3, 3))
    for function in (ours.accuracy, ours.mcc, lambda table: ours.f1(table, "macro"), lambda table: ours.recall(table, "micro")):
        assert np.allclose(function(counts), [function(table) for table in counts])


@pytest.mark.parametrize("classes", [2, 4])
def test_brier_equals_scikit_learn(classes: int) -> None:
    random = np.random.default_rng(classes)
    table, truth = random.dirichlet(np.ones(classes), 80), random.integers(0, classes, 80)
    expected = reference.brier_score_loss(truth, table, labels=range(classes), scale_by_half=False)
    assert ours.brier(table, truth) == pytest.approx(expected)


def test_calibration_error_by_hand() -> None:
    # two bins of ten: (0.6, 0.7] with two items, one right: gap |0.5 - 0.65|; (0.9, 1] with two, both right: |1 - 0.95|
    table = [[0.62, 0.38], [0.32, 0.68], [0.92, 0.08], [0.02, 0.98]]
    assert ours.calibration_error(table, [0, 0, 0, 1], bins=10) == pytest.approx(0.5 * 0.15 + 0.5 * 0.05)
    assert ours.calibration_error([[0.0, 1.0]], [1]) == 0.0
    assert ours.calibration_error([[1.0, 0.0]], [1]) == 1.0
