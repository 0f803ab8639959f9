"""The head of a frozen encoder: logistic regression, which has one best answer and needs no learning rate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # inverse regularisation C, for standardised features
FOLDS = 5
ITERATIONS = 500

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def fit_head(features: npt.NDArray[np.float32], targets: Ints, classes: int, *, bias: bool) -> tuple[Floats, Floats, float]:
    """Weight [classes, width], bias [classes] and the strength C of a head that takes the features as they are.

    Features are standardised by the training rows, and the standardisation is folded into the weights. C is the one with the
    least cross-validated nats within the training rows. A head without bias cannot centre: features are then only scaled.
    One thread: sums then come out alike on any machine, and products this small gain nothing from more.
    """
    with threadpool_limits(1):
        return _fit_scaled(features, targets, classes, bias=bias)


def _fit_scaled(features: npt.NDArray[np.float32], targets: Ints, classes: int, *, bias: bool) -> tuple[Floats, Floats, float]:
    values = features.astype(np.float64)
    centre = values.mean(axis=0) if bias else np.zeros(values.shape[1])
    scale = np.sqrt(np.mean((values - centre) ** 2, axis=0))
    scale[scale < 1e-9] = 1.0
    values = (values - centre) / scale
    strength = choose_strength(values, targets, bias=bias)
    fitted = _fit(values, targets, strength, bias=bias)
    weight, offset = np.zeros((classes, values.shape[1])), np.full(classes, -1e4 if bias else 0.0)
    seen = fitted.classes_
    if len(seen) == 2:  # one row of weights for both: half of it for each gives the same probabilities
        weight[seen] = np.concatenate([-fitted.coef_, fitted.coef_]) / 2
        offset[seen] = np.array([-1, 1]) * fitted.intercept_ / 2
    else:
        weight[seen], offset[seen] = fitted.coef_, fitted.intercept_
    weight /= scale
    return weight, offset - weight @ centre, strength


def choose_strength(values: Floats, targets: Ints, *, bias: bool) -> float:
    """The C with the least mean nats over held-out folds of the rows; the middle one where a class is too rare for folds."""
    folds = min(FOLDS, int(np.bincount(targets)[np.unique(targets)].min()))
    if folds < 2:
        return STRENGTHS[len(STRENGTHS) // 2]
    nats = np.zeros(len(STRENGTHS))
    for train, held in StratifiedKFold(folds).split(values, targets):
        for index, strength in enumerate(STRENGTHS):
            fitted = _fit(values[train], targets[train], strength, bias=bias)
            nats[index] += log_loss(targets[held], fitted.predict_proba(values[held]), labels=fitted.classes_)
    return STRENGTHS[int(nats.argmin())]


def _fit(values: Floats, targets: Ints, strength: float, *, bias: bool) -> LogisticRegression:
    return LogisticRegression(C=strength, fit_intercept=bias, max_iter=ITERATIONS, tol=1e-6).fit(values, targets)
