"""A linear classifier of documents by hashed n-grams: its features, its training, its scores.

Features are words and pairs of them, and in scripts without spaces also runs of three; no n-gram reaches over the end of a line.
A document's vector holds how often it has each feature, over the square root of all its features: so a long document may be
surer than a short one, and no document needs to be looked at twice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.characters import ALONE
from danlu.text.kernels.tokens import BOUNDARY, decode, mix, read_tokens

CHUNK = 512
SIZES = 3  # n-grams of up to so many tokens

_PAIR, _TRIPLE = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


@kernel
def feature(size: int, third: np.uint64, second: np.uint64, last: np.uint64, mask: np.uint64) -> int:
    """The number of the feature that the last `size` of three tokens are."""
    if size == 1:
        return np.int64(last & mask)
    if size == 2:
        return np.int64(mix(second * _PAIR + last) & mask)
    return np.int64(mix((third * _TRIPLE + second) * _PAIR + last) & mask)


@kernel
def score_texts(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    fold: NDArray[np.uint32],
    weights: NDArray[np.float32],
    sums: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> None:
    """For each text the sum of the weights of its features, and how many it has. `weights` are a power of two."""
    hashes = np.empty(CHUNK, np.uint64)
    starts, ends = np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64)
    words = np.empty(CHUNK, np.bool_)
    mask = np.uint64(len(weights) - 1)
    for text in range(len(offsets) - 1):
        place, stop, pending = offsets[text], offsets[text + 1], False
        second = third = BOUNDARY
        alone = found = 0
        total = 0.0
        while place <= stop:
            count, place, pending = read_tokens(data, place, stop, pending, kinds, fold, hashes, starts, ends, words)
            for at in range(count):
                last = hashes[at]
                if last == BOUNDARY:
                    second = third = BOUNDARY
                    alone = 0
                    continue
                alone = alone + 1 if is_alone(data, starts[at], ends[at], kinds) else 0
                total += weights[feature(1, third, second, last, mask)]
                found += 1
                if second != BOUNDARY:
                    total += weights[feature(2, third, second, last, mask)]
                    found += 1
                if alone >= SIZES:
                    total += weights[feature(3, third, second, last, mask)]
                    found += 1
                third, second = second, last
        sums[text], counts[text] = total, found


@kernel
def is_alone(data: NDArray[np.uint8], start: int, end: int, kinds: NDArray[np.uint8]) -> bool:
    """Whether a token is a letter of a script without spaces."""
    return data[start] >= 0xE0 and end - start <= 4 and kinds[decode(data, start, end)[0]] & ALONE != 0


@kernel
def list_features(
    data: NDArray[np.uint8],
    kinds: NDArray[np.uint8],
    fold: NDArray[np.uint32],
    mask: np.uint64,
    features: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> int:
    """All features of one text in order, and the bytes of each. Returns how many; there are at most three a token."""
    hashes = np.empty(CHUNK, np.uint64)
    begins, stops = np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64)
    words = np.empty(CHUNK, np.bool_)
    place, pending = 0, False
    second = third = BOUNDARY
    second_start = third_start = 0
    alone = found = 0
    while place <= len(data):
        count, place, pending = read_tokens(data, place, len(data), pending, kinds, fold, hashes, begins, stops, words)
        for at in range(count):
            last, start, end = hashes[at], begins[at], stops[at]
            if last == BOUNDARY:
                second = third = BOUNDARY
                alone = 0
                continue
            alone = alone + 1 if is_alone(data, start, end, kinds) else 0
            features[found], starts[found], ends[found] = feature(1, third, second, last, mask), start, end
            found += 1
            if second != BOUNDARY:
                features[found], starts[found], ends[found] = feature(2, third, second, last, mask), second_start, end
                found += 1
            if alone >= SIZES:
                features[found], starts[found], ends[found] = feature(3, third, second, last, mask), third_start, end
                found += 1
            third, second = second, last
            third_start, second_start = second_start, start
    return found


@kernel
def count_rows(
    features: NDArray[np.int64], ends: NDArray[np.int64], columns: NDArray[np.int32], values: NDArray[np.float32],
    borders: NDArray[np.int64],
) -> int:
    """Sparse rows, one a document, from its features (sorted here) up to `ends`: `columns` and how often over the square root
    of all. Writes where rows end to `borders` [documents + 1]; returns how many entries."""
    found = begin = 0
    borders[0] = 0
    for row in range(len(ends)):
        end = ends[row]
        if end > begin:
            ordered = np.sort(features[begin:end])
            norm = 1 / np.sqrt(end - begin)
            first = found
            for one in ordered:
                if found > first and columns[found - 1] == one:
                    values[found - 1] += norm
                else:
                    columns[found], values[found] = one, norm
                    found += 1
        borders[row + 1] = found
        begin = end
    return found


@kernel
def fit(
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    borders: NDArray[np.int64],
    signs: NDArray[np.float64],
    costs: NDArray[np.float64],
    rows: NDArray[np.int64],
    order: NDArray[np.int64],
    weights: NDArray[np.float64],
    precision: float,
) -> int:
    """Logistic regression with an L2 penalty by dual coordinate descent (Yu, Huang and Lin 2011, algorithm 5; liblinear's
    solver 7): the least |w|^2 / 2 + sum of costs * log(1 + exp(-sign * w x)).

    `rows` are those to learn from, `order` [passes, len(rows)] in which order they are visited; the last of `weights` is that of
    a constant 1. Ends when no gradient of a pass is above `precision`; returns the passes made.
    """
    size = len(rows)
    alpha, beta, squares = np.empty(size), np.empty(size), np.empty(size)
    bias = len(weights) - 1
    for at in range(size):
        row = rows[at]
        alpha[at] = min(0.001 * costs[row], 1e-8)
        beta[at] = costs[row] - alpha[at]
        squares[at] = 1.0
        for place in range(borders[row], borders[row + 1]):
            squares[at] += values[place] * values[place]
            weights[columns[place]] += signs[row] * alpha[at] * values[place]
        weights[bias] += signs[row] * alpha[at]
    inner = 1e-2
    for turn in range(len(order)):
        worst, steps = 0.0, 0
        for at in order[turn]:
            row = rows[at]
            cost, square = costs[row], squares[at]
            margin = weights[bias]
            for place in range(borders[row], borders[row + 1]):
                margin += weights[columns[place]] * values[place]
            margin *= signs[row]
            forward = 0.5 * square * (beta[at] - alpha[at]) + margin >= 0
            direction = 1.0 if forward else -1.0
            old = alpha[at] if forward else beta[at]
            new = 0.1 * old if cost - old < 0.5 * cost else old
            slope = square * (new - old) + direction * margin + np.log(new / (cost - new))
            worst = max(worst, abs(slope))
            moved = False
            for _ in range(100):
                if abs(slope) < inner:
                    break
                moved = True
                step = new - slope / (square + cost / (cost - new) / new)
                new = new * 0.1 if step <= 0 else step
                slope = square * (new - old) + direction * margin + np.log(new / (cost - new))
                steps += 1
            if moved:
                if forward:
                    alpha[at], beta[at] = new, cost - new
                else:
                    beta[at], alpha[at] = new, cost - new
                change = direction * (new - old) * signs[row]
                for place in range(borders[row], borders[row + 1]):
                    weights[columns[place]] += change * values[place]
                weights[bias] += change
        if worst < precision:
            return turn + 1
        if steps <= size / 10:
            inner = max(1e-8, 0.1 * inner)
    return len(order)


@kernel
def apply(
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    borders: NDArray[np.int64],
    weights: NDArray[np.float64],
    rows: NDArray[np.int64],
    logits: NDArray[np.float64],
) -> None:
    """The logit of each of the `rows`, written at its place."""
    for row in rows:
        total = weights[len(weights) - 1]
        for place in range(borders[row], borders[row + 1]):
            total += weights[columns[place]] * values[place]
        logits[row] = total
