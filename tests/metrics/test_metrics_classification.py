"""Classification metrics beside scikit-learn, on random input and at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from danlu.metrics import classification as ours
from danlu.metrics.measure import items_of

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


@pytest.mark.parametrize(("seed", "classes", "items"), CASES)
def test_sums_of_items_give_the_same_values(seed: int, classes: int, items: int) -> None:
    random = np.random.default_rng(seed)
    truth, predicted = random.integers(0, classes, items), random.integers(0, classes, items)
    counts = ours.confusion(truth, predicted, classes)
    options = {"classes": classes}
    assert items_of("accuracy", truth, predicted, **options).value() == pytest.approx(ours.accuracy(counts))
    assert items_of("mcc", truth, predicted, **options).value() == pytest.approx(ours.mcc(counts))
    for name in ("f1", "precision", "recall"):
        expected = getattr(reference, f"{name}_score")
        for average in ("macro", "micro", "weighted", "binary") if name == "f1" else ("macro", "binary"):
            several = average == "binary" and classes > 2  # scikit-learn's binary knows two classes only
            positive = {"labels": [1], "average": "macro"} if several else {"average": average}
            found = items_of(f"{name}_{average}", truth, predicted, **options)
            assert found.value() == pytest.approx(expected(truth, predicted, zero_division=0, **positive))
            assert len(found.take(truth == 0)) == (truth == 0).sum()


def test_an_answer_that_names_no_class_is_wrong() -> None:
    truth, predicted = [0, 0, 1, 1, 2], [0, -1, 1, -1, 2]
    as_class = [0, 3, 1, 3, 2]  # to scikit-learn it is one more class, over which it must not average
    options = {"labels": [0, 1, 2], "average": "macro", "zero_division": 0}
    assert items_of("accuracy", truth, predicted, classes=3).value() == pytest.approx(3 / 5)
    assert items_of("f1_macro", truth, predicted, classes=3).value() == pytest.approx(
        reference.f1_score(truth, as_class, **options)
    )
    assert items_of("mcc", truth, predicted, classes=3).value() == pytest.approx(reference.matthews_corrcoef(truth, as_class))


def test_many_classes_need_little_room() -> None:
    random = np.random.default_rng(0)
    truth, predicted = random.integers(0, 300, 2000), random.integers(0, 300, 2000)
    found = items_of("f1_macro", truth, predicted, classes=300)
    assert found.value() == pytest.approx(reference.f1_score(truth, predicted, average="macro", zero_division=0))
    assert found.table.shape[1] == 900
