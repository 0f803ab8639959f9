"""Word segmentation beside a count of borders written another way, and by hand."""

from __future__ import annotations

import random

import numpy as np
import pytest

from danlu.metrics.segmentation import segmentation


def _cut(rng: random.Random, text: str) -> list[str]:
    words, start = [], 0
    for place in range(1, len(text) + 1):
        if place == len(text) or rng.random() < 0.5:
            words.append(text[start:place])
            start = place
    return words


def _borders(words: list[str]) -> list[int]:
    """1 at the first character of each word."""
    return [int(place == 0) for word in words for place in range(len(word))]


def test_equals_a_count_from_borders() -> None:
    """A word is right where a border opens in both, the next border is the same in both."""
    rng = random.Random(0)
    for _ in range(100):
        text = "".join(rng.choices("北京大学在𠀀海淀", k=rng.randint(1, 15)))
        true, given = _cut(rng, text), _cut(rng, text)
        a, b = [*_borders(true), 1], [*_borders(given), 1]
        right = sum(
            a[i] and b[i] and next(j for j in range(i + 1, len(a)) if a[j]) == next(j for j in range(i + 1, len(b)) if b[j])
            for i in range(len(text))
        )
        assert segmentation([true], [given], score="precision").value() == pytest.approx(right / len(given))
        assert segmentation([true], [given], score="recall").value() == pytest.approx(right / len(true))
        assert segmentation([true], [given]).value() == pytest.approx(2 * right / (len(true) + len(given)))


def test_by_hand() -> None:
    truth = [["我", "爱", "北京", "天安门"], ["好"]]
    given = [["我", "爱", "北", "京", "天安门"], ["好"]]
    assert segmentation(truth, given, score="precision").value() == pytest.approx(4 / 6)
    assert segmentation(truth, given, score="recall").value() == pytest.approx(4 / 5)
    assert segmentation(truth, given, score="unknown_recall", known={"我", "爱", "好"}).value() == pytest.approx(1 / 2)
    everything = segmentation(truth, given, score="unknown_recall", known={"我", "爱", "好", "北京", "天安门"})
    assert np.isnan(everything.value())


def test_other_characters_and_white_space() -> None:
    assert segmentation([["北京", "大学"]], [["北京", "大 学", " "]]).value() == 1  # white space is no character
    assert segmentation([["北京", "大学"]], [["北京", "大雪"]]).value() == 0
    assert segmentation([["北京"]], [[]]).value() == 0
    assert segmentation([], []).value() == 0
