"""Comparisons and their sentences, label curves, numbers and the message tables."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest

from danlu.metrics.compare import Comparison, compare_items
from danlu.metrics.curve import crossing, crossings
from danlu.metrics.items import Sums
from danlu.metrics.number import Estimate, Number, metric_definition, metric_name, signature
from danlu.metrics.registry import METRICS
from danlu.metrics.words import language_name, where
from danlu.workspace.messages import LANGUAGES, table
from danlu.workspace.sentences import message, say


def _share(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]


def test_every_metric_has_name_definition_and_unit_in_both_languages() -> None:
    for metric, entry in METRICS.items():
        for language in LANGUAGES:
            assert metric_name(metric, language)
            assert metric_definition(metric, language)
            assert f"metrics.unit.{entry.unit}" in table()
            assert f"metrics.undefined.{entry.undefined}" in table()
        assert re.search(r"[\u4e00-\u9fff]", metric_definition(metric, "zh"))
        assert not re.search(r"[\u4e00-\u9fff]", metric_definition(metric, "en"))


def test_a_number_as_json() -> None:
    number = Number.of(
        "accuracy",
        "tfidf",
        Estimate(1 / 3, 0.25, 0.5),
        12,
        "test",
        {"language": "zh-Hans"},
        signature(interval="wilson", confidence=0.95),
    )
    assert json.loads(json.dumps(number.to_json())) == {
        "metric": "accuracy", "model": "tfidf", "value": 0.3333333333, "interval": [0.25, 0.5], "count": 12, "split": "test",
        "slice": {"language": "zh-Hans"}, "better": "higher", "unit": "share", "signature": "interval:wilson|confidence:0.95",
    }  # fmt: skip
    assert Number("bits_per_byte", "gzip", 3.1, 4, "holdout").to_json()["interval"] is None


def test_a_difference_that_is_there() -> None:
    random = np.random.default_rng(0)
    a = (random.random(2000) < 0.80).astype(float)
    b = np.maximum(a, random.random(2000) < 0.15)
    ones = np.ones(2000)
    better, worse = (Sums(np.stack((right, ones), 1), _share) for right in (b, a))
    found = compare_items("accuracy", ("B", "A"), better, worse, slice={"language": "zh-Hans"})
    assert found.verdict == "better"
    assert found.count == 2000
    assert found.p < 0.01
    low, high = (f"{100 * bound:.1f}" for bound in found.difference[1:])
    assert say(found.sentence(), "en") == f"B is better than A on Chinese by {low} to {high} points (accuracy)."
    assert say(found.sentence(), "zh") == f"在中文上，B 优于 A，领先 {low} 到 {high} 个百分点（准确率）。"
    turned = compare_items("accuracy", ("A", "B"), worse, better, slice={"language": "zh-Hans"})
    assert turned.verdict == "worse"
    assert say(turned.sentence(), "en").startswith("B is better than A on Chinese by")
    assert json.loads(json.dumps(found.to_json()))["sentence"]["key"] == "metrics.compare.better"


def test_no_difference_is_shown() -> None:
    found = Comparison("accuracy", "B", "A", Estimate(0.002, -0.011, 0.0152), 0.7, 500, {"language": "en"})
    assert found.verdict == "none"
    assert say(found.sentence(), "en") == (
        "No difference between B and A is shown on English (accuracy; advantage of B: -1.1 to 1.5 points)."
    )
    assert say(found.sentence(), "zh") == "在英文上，看不出 B 与 A 有差别（准确率；B 领先 -1.1 到 1.5 个百分点）。"


def test_lower_is_better_for_bits() -> None:
    found = Comparison("bits_per_byte", "gpt", "gzip", Estimate(-0.5, -0.6, -0.4), 0.001, 40, {})
    assert found.verdict == "better"
    assert say(found.sentence(), "en") == "gpt is better than gzip over all by 0.400 to 0.600 bits per byte (bits per byte)."
    ahead = Comparison("bits_per_byte", "gzip", "gpt", Estimate(0.5, 0.4, 0.6), 0.001, 40, {})
    assert ahead.verdict == "worse"
    assert say(ahead.sentence(), "en") == say(found.sentence(), "en")


def test_where_and_languages() -> None:
    assert say(where({"language": "en", "dataset": "reviews"}), "en") == "on English of reviews"
    assert say(where({"dataset": "reviews"}), "zh") == "在 reviews 上"
    assert say(language_name("tlh"), "en") == "tlh"
    assert say(message("metrics.where.language", named=language_name("zh-Hant")), "en") == "on Traditional Chinese"


def test_crossing_by_hand() -> None:
    # gaps -0.1 at 100 and +0.1 at 10,000: half way on the logarithm is 1,000
    assert crossing([100, 10_000], [0.5, 0.8], [0.6, 0.7]) == pytest.approx(1000)
    assert crossing([100, 1000], [0.7, 0.8], [0.6, 0.7]) is None  # ahead from the start
    assert crossing([100, 1000], [0.5, 0.6], [0.6, 0.7]) is None  # never
    assert crossing([100, 1000], [0.6, 0.8], [0.6, 0.7]) == pytest.approx(100)  # level, then ahead
    assert crossing([], [], []) is None
    # ahead, behind, ahead again: the last overtaking is the one that lasts
    assert crossing([10, 100, 1000], [3, 1, 3], [2, 2, 2]) == pytest.approx(math.sqrt(100 * 1000))


def test_crossings_by_language() -> None:
    def points(model: str, values: tuple[float, ...], language: str = "en") -> list[dict[str, object]]:
        sizes = (100, 500, 2000)
        return [
            {"model": model, "labels": size, "language": language, "metric": "accuracy", "value": value, "interval": None}
            for size, value in zip(sizes, values, strict=True)
        ]

    curve = points("bert", (0.5, 0.7, 0.9)) + points("tfidf", (0.6, 0.7, 0.8)) + points("bert", (0.9, 0.9, 0.9), "zh-Hans")
    assert crossings(curve) == [{"a": "bert", "b": "tfidf", "language": "en", "labels": 500}]
