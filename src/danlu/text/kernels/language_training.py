"""Training of the model of languages: reading snippets, and gradient descent."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.language_words import FIRST, LAST, NUMBERS, SCRIPT, WIDTH, word_numbers
from danlu.text.kernels.languages import ENOUGH, MODELLED, Bytes, Integers, read


@kernel
def read_all(
    data: Bytes, offsets: Integers, scripts: Bytes, lower: NDArray[np.uint16], absent: Bytes, script: int
) -> tuple[NDArray[np.uint16], Integers]:
    """The buckets of each text's letters in the script, one after another, and where each text's begin (int64[texts + 1])."""
    count = len(offsets) - 1
    longest = 0
    for text in range(count):
        longest = max(longest, offsets[text + 1] - offsets[text])
    kinds = 256
    letters, counts, han = np.zeros(kinds, np.int64), np.zeros(kinds, np.int64), np.zeros(8, np.int64)
    small, held = np.zeros(1, np.int64), np.zeros(longest // ENOUGH + MODELLED + 1, np.int64)
    words, keys = np.empty((longest, 4), np.int32), np.empty((longest, 2), np.uint64)
    characters, numbers = np.empty(longest + 8, np.uint16), np.empty(NUMBERS, np.uint16)
    starts = np.zeros(count + 1, np.int64)
    found = np.zeros(7 * len(data) + 8, np.uint16)
    for text in range(count):
        held[:] = 0
        used = read(
            data, offsets[text], offsets[text + 1], longest, scripts, lower, absent, letters, counts, han, small, words, keys,
            characters, 0, held,
        )  # fmt: skip
        end = starts[text]
        for word in range(used):
            if words[word, SCRIPT] == script:
                made = word_numbers(characters[words[word, FIRST] : words[word, LAST]], numbers)
                found[end : end + made] = numbers[:made]
                end += made
        starts[text + 1] = end
    return found[: starts[count]].copy(), starts


@kernel
def descend(
    rows: NDArray[np.float32], weights: NDArray[np.float32], numbers: NDArray[np.uint16], starts: Integers, truth: Integers,
    order: Integers, rate: float, fall: float,
) -> float:  # fmt: skip
    """One pass over the texts in `order`, changing `rows` and `weights`; the mean log loss in nats before each step.

    The rate falls from `rate` by `fall` over the pass. A text of `n` buckets is the sum of their rows over `sqrt(n + 16)`.
    """
    classes = len(weights)
    loss = 0.0
    scores, vector, slope = np.zeros(classes), np.zeros(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
    for step in range(len(order)):
        text = order[step]
        part = numbers[starts[text] : starts[text + 1]]
        scale = 1.0 / math.sqrt(len(part) + 16.0)
        vector[:] = 0.0
        for number in part:
            for place in range(WIDTH):
                vector[place] += rows[number, place]
        highest = -np.inf
        for one in range(classes):
            score = np.float64(weights[one, WIDTH])
            for place in range(WIDTH):
                score += weights[one, place] * vector[place] * scale
            scores[one] = score
            highest = max(highest, score)
        total = 0.0
        for one in range(classes):
            scores[one] = math.exp(scores[one] - highest)
            total += scores[one]
        loss -= math.log(scores[truth[text]] / total + 1e-12)
        slope[:] = 0.0
        now = np.float32(rate - fall * step / len(order))
        for one in range(classes):
            error = now * (scores[one] / total - (1.0 if one == truth[text] else 0.0))
            for place in range(WIDTH):
                slope[place] += error * weights[one, place] * scale
                weights[one, place] -= error * vector[place] * scale
            weights[one, WIDTH] -= error
        for number in part:
            for place in range(WIDTH):
                rows[number, place] -= slope[place]
    return loss / max(len(order), 1)
