"""A linear classifier of documents by hashed n-grams: its features, its training, its scores.

Features are words and pairs of them, and in scripts without spaces also runs of three; none reaches over the end of a line.
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
def feature(size: int, third: np.uint64, second: np.uint64, last: np.uint64, mask: np.uint64) -> np.int64:
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
    kinds: NDArray[np.uint16],
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
def is_alone(data: NDArray[np.uint8], start: int, end: int, kinds: NDArray[np.uint16]) -> bool:
    """Whether a token is a letter of a script without spaces."""
    return data[start] >= 0xE0 and end - start <= 4 and kinds[decode(data, start, end)[0]] & ALONE != 0


@kernel
def list_features(
    data: NDArray[np.uint8],
    kinds: NDArray[np.uint16],
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
def list_rows(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    kinds: NDArray[np.uint16],
    fold: NDArray[np.uint32],
    mask: np.uint64,
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    borders: NDArray[np.int64],
) -> None:
    """The vectors of texts as sparse rows: the features of each as they come, their values; rows end at `borders`."""
    longest = 0
    for text in range(len(offsets) - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    features = np.empty(SIZES * longest, np.int64)
    starts, ends = np.empty(SIZES * longest, np.int64), np.empty(SIZES * longest, np.int64)
    # Which row had a feature last, and at which of its entries.
    row_of, entry_of = np.full(np.int64(mask) + 1, -1, np.int64), np.empty(np.int64(mask) + 1, np.int64)
    found = 0
    borders[0] = 0
    for text in range(len(offsets) - 1):
        first = found
        count = list_features(data[offsets[text] : offsets[text + 1]], kinds, fold, mask, features, starts, ends)
        for at in range(count):
            one = features[at]
            if row_of[one] != text:
                row_of[one], entry_of[one] = text, found
                columns[found], values[found] = one, 0
                found += 1
            values[entry_of[one]] += np.float32(1)
        for place in range(first, found):
            values[place] /= np.float32(np.sqrt(count))
        borders[text + 1] = found


@kernel
def find_spans(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    kinds: NDArray[np.uint16],
    fold: NDArray[np.uint32],
    chosen: NDArray[np.int16],
    left: NDArray[np.int64],
    spans: NDArray[np.int64],
) -> int:
    """Where the chosen features stand in the texts: writes (its number, start, end) to `spans` [most, 3]; returns how many.

    `chosen` [features] has the number of a chosen feature, -1 elsewhere; `left` how many more of each are wanted.
    """
    longest = 0
    for text in range(len(offsets) - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    features = np.empty(SIZES * longest, np.int64)
    starts, ends = np.empty(SIZES * longest, np.int64), np.empty(SIZES * longest, np.int64)
    mask = np.uint64(len(chosen) - 1)
    found = 0
    for text in range(len(offsets) - 1):
        begin = offsets[text]
        for at in range(list_features(data[begin : offsets[text + 1]], kinds, fold, mask, features, starts, ends)):
            number = chosen[features[at]]
            if number >= 0 and left[number] > 0 and found < len(spans):
                left[number] -= 1
                spans[found, 0], spans[found, 1], spans[found, 2] = number, begin + starts[at], begin + ends[at]
                found += 1
    return found


@kernel
def descend(
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    borders: NDArray[np.int64],
    signs: NDArray[np.float64],
    costs: NDArray[np.float64],
    squares: NDArray[np.float64],
    order: NDArray[np.int64],
    alpha: NDArray[np.float64],
    weights: NDArray[np.float64],
    inner: float,
) -> tuple[float, int]:
    """One pass of dual coordinate descent for logistic regression (Yu, Huang and Lin 2011, algorithm 5; liblinear's solver 7)
    over the rows of `order`: the largest gradient, and the Newton steps made, each until the gradient is below `inner`.

    It goes to the least |w|^2 / 2 + sum of costs * log(1 + exp(-sign * w x)). The last of `weights` is that of a constant 1.
    `squares` are the squared lengths of rows, the constant included; `alpha` the dual variables, between 0 and the cost.
    """
    bias = len(weights) - 1
    worst, steps = 0.0, 0
    for row in order:
        cost, square = costs[row], squares[row]
        margin = weights[bias]
        for place in range(borders[row], borders[row + 1]):
            margin += weights[columns[place]] * values[place]
        margin *= signs[row]
        # Either alpha or what it lacks of the cost is solved for, whichever is the smaller in the end: that is exact near 0.
        forward = 0.5 * square * (cost - 2 * alpha[row]) + margin >= 0
        direction = 1.0 if forward else -1.0
        old = alpha[row] if forward else cost - alpha[row]
        new = 0.1 * old if cost - old < 0.5 * cost else old
        slope = square * (new - old) + direction * margin + np.log(new / (cost - new))
        worst = max(worst, abs(slope))
        before = steps
        while abs(slope) >= inner and steps < before + 100:
            step = new - slope / (square + cost / (cost - new) / new)
            new = new * 0.1 if step <= 0 else step
            slope = square * (new - old) + direction * margin + np.log(new / (cost - new))
            steps += 1
        if steps > before:
            alpha[row] = new if forward else cost - new
            change = direction * (new - old) * signs[row]
            for place in range(borders[row], borders[row + 1]):
                weights[columns[place]] += change * values[place]
            weights[bias] += change
    return worst, steps


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
