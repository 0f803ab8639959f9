"""A linear classifier of documents, fastText's idea without its training by chance: logistic regression on hashed n-grams, with
an L2 penalty, solved to its one optimum.

Both classes weigh the same, however many examples each has: 0.5 says that a text is as likely good as bad.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from danlu.text.characters import kinds_table
from danlu.text.kernels.linear import SIZES, apply, descend, find_spans, list_rows, score_texts
from danlu.text.ngrams import fold_table, frozen

FEATURES = 1 << 20
COST = 10.0  # of a mistake against the penalty of weights, as liblinear's C
PRECISION = 0.03  # largest gradient at which training ends
PASSES = 200
FOLDS = 5
BATCH_BYTES = 8 << 20  # of text turned into rows at once
SHOWN_EACH = 200  # places of a feature that are looked at to name it

Texts = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""Bytes of texts one after another, and their borders, int64[texts + 1]."""


class Rows(NamedTuple):
    """Sparse vectors of documents: features and values, those of row i from `borders[i]` to `borders[i + 1]`."""

    columns: NDArray[np.int32]
    values: NDArray[np.float32]
    borders: NDArray[np.int64]

    @property
    def size(self) -> int:
        return len(self.borders) - 1

    def numbers(self) -> NDArray[np.int64]:
        """The row of each entry."""
        return np.repeat(np.arange(self.size), np.diff(self.borders))


class Telling(NamedTuple):
    """A feature that decides much: one of its n-grams, its weight, in how many good and bad examples it is."""

    ngram: str
    weight: float
    good: int
    bad: int


def rows_of(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Rows:
    """The vectors of texts."""
    data, columns, values, borders = frozen(data), [], [], [np.zeros(1, np.int64)]
    tables = frozen(kinds_table()), frozen(fold_table())
    first = 0
    while first < len(offsets) - 1:
        last = max(first + 1, int(np.searchsorted(offsets, offsets[first] + BATCH_BYTES, "right")) - 1)
        most = SIZES * int(offsets[last] - offsets[first])
        found = Rows(np.empty(most, np.int32), np.empty(most, np.float32), np.empty(last - first + 1, np.int64))
        list_rows(
            data, frozen(offsets[first : last + 1]), *tables, np.uint64(FEATURES - 1),
            found.columns, found.values, found.borders,
        )  # fmt: skip
        end = found.borders[-1]
        columns.append(found.columns[:end].copy())
        values.append(found.values[:end].copy())
        borders.append(found.borders[1:] + borders[-1][-1])
        first = last
    nothing = Rows(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(1, np.int64))
    return Rows(np.concatenate(columns), np.concatenate(values), np.concatenate(borders)) if columns else nothing


def fit(rows: Rows, good: NDArray[np.bool_], chosen: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Weights of the features, and last of a constant, learned from the `chosen` rows; float64[FEATURES + 1]."""
    signs = np.where(good, 1.0, -1.0)
    share = np.array([(~good[chosen]).sum(), good[chosen].sum()]) / len(chosen)
    costs = (COST / (2 * np.maximum(share, 1 / len(chosen))))[good.astype(np.int64)]
    squares = 1 + np.bincount(rows.numbers(), rows.values.astype(np.float64) ** 2, rows.size).astype(np.float64)
    alpha, weights = np.minimum(0.001 * costs, 1e-8), np.zeros(FEATURES + 1)
    random, inner = np.random.default_rng(seed), 1e-2
    for _ in range(PASSES):
        order = random.permutation(chosen)
        worst, steps = descend(rows.columns, rows.values, rows.borders, signs, costs, squares, order, alpha, weights, inner)
        if worst < PRECISION:
            break
        if steps <= len(chosen) / 10:
            inner = max(1e-8, 0.1 * inner)
    return weights


def logits_without(rows: Rows, good: NDArray[np.bool_], out: NDArray[np.bool_], seed: int) -> NDArray[np.float64]:
    """The logits of the rows that are `out`, by a model learned from the others."""
    weights = fit(rows, good, np.flatnonzero(~out), seed)
    logits = np.zeros(rows.size)
    apply(*rows, weights, np.flatnonzero(out), logits)
    return logits[out]


def calibrate(logits: NDArray[np.float64], good: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset that turn logits into probabilities (Platt 1999, his targets), each class weighing the same."""
    counts = np.array([(~good).sum(), good.sum()], np.float64)
    targets = np.where(good, (counts[1] + 1) / (counts[1] + 2), 1 / (counts[0] + 2))
    share = len(good) / (2 * counts[good.astype(np.int64)])
    features = np.stack((logits, np.ones(len(logits))), 1)
    found = np.array([1.0, 0.0])
    for _ in range(100):
        probability = sigmoid(features @ found)
        gradient = features.T @ (share * (probability - targets))
        curve = (features * (share * probability * (1 - probability))[:, None]).T @ features + 1e-9 * np.eye(2)
        step = np.linalg.solve(curve, gradient)
        found = found - step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-8:
            break
    return float(found[0]), float(found[1])


def sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of logits."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -700, 700))))


def calibrated(weights: NDArray[np.float64], slope: float, offset: float) -> NDArray[np.float32]:
    """Weights whose logits are those of calibrated probabilities, float32[FEATURES + 1]: what is kept of a model."""
    result = slope * weights
    result[-1] += offset
    return result.astype(np.float32)


def telling(
    rows: Rows, good: NDArray[np.bool_], weights: NDArray[np.float64], texts: Texts, number: int
) -> dict[str, list[Telling]]:
    """The features that speak most for `good` and for `bad`: by weight times the square root of how much the examples have.

    Weight alone would show what is rare, and the sum of what it decides the words that all texts have."""
    decides = weights[:-1] * np.sqrt(np.bincount(rows.columns, rows.values, FEATURES))
    order = np.argsort(decides, kind="stable")
    picked = {
        "good": [int(one) for one in order[::-1][:number] if decides[one] > 0],
        "bad": [int(one) for one in order[:number] if decides[one] < 0],
    }
    names = _names(texts, [*picked["good"], *picked["bad"]])
    among = [np.bincount(rows.columns[mask], minlength=FEATURES) for mask in (~good[rows.numbers()], good[rows.numbers()])]
    return {
        kind: [Telling(names[one], round(float(weights[one]), 3), int(among[1][one]), int(among[0][one])) for one in ones]
        for kind, ones in picked.items()
    }


def _names(texts: Texts, features: list[int]) -> dict[int, str]:
    """The n-gram that most often stands where each feature is found."""
    chosen = np.full(FEATURES, -1, np.int16)
    chosen[features] = np.arange(len(features))
    left, spans = np.full(len(features), SHOWN_EACH), np.empty((SHOWN_EACH * len(features), 3), np.int64)
    data, offsets = texts
    found = find_spans(frozen(data), frozen(offsets), frozen(kinds_table()), frozen(fold_table()), chosen, left, spans)
    seen: dict[int, Counter[str]] = {one: Counter() for one in features}
    for one, start, end in spans[:found].tolist():
        seen[features[one]][" ".join(data[start:end].tobytes().decode("utf-8", "replace").lower().split())] += 1
    return {one: max(sorted(names), key=lambda name: names[name], default="") for one, names in seen.items()}


def score_buffers(weights: NDArray[np.float32], data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    """The probability that each text is good, float64[texts]; NaN where it has no word and no sign."""
    texts = len(offsets) - 1
    sums, counts = np.zeros(texts), np.zeros(texts, np.int64)
    tables = frozen(kinds_table()), frozen(fold_table())
    score_texts(frozen(data), frozen(offsets), *tables, frozen(weights[:-1]), sums, counts)
    logits = sums / np.sqrt(np.maximum(counts, 1)) + float(weights[-1])
    return np.where(counts > 0, sigmoid(logits), np.nan)


def write_weights(path: Path, weights: NDArray[np.float32]) -> None:
    """Write a model as one file."""
    np.save(path, weights)


def read_weights(path: Path) -> NDArray[Any]:
    """A model that stays in its file until it is looked at."""
    return np.asarray(np.load(path, mmap_mode="r"))
