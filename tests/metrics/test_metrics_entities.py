"""Entities and spans: beside seqeval on random tags of every scheme, and by hand."""

from __future__ import annotations

import random
import warnings

import numpy as np
import pytest

from danlu.metrics.entities import SCHEMES, entities, lenient_entities, strict_entities
from danlu.metrics.measure import items_of
from danlu.metrics.spans import spans
from danlu.workspace.errors import DanluError

TYPES = ("PER", "LOC", "地名", "A-B")


def _tags(rng: random.Random, prefixes: str, sentences: int = 12) -> list[list[str]]:
    """Any tags at all: well formed or not."""
    return [
        [prefix if prefix == "O" else f"{prefix}-{rng.choice(TYPES)}" for prefix in rng.choices(prefixes, k=rng.randint(0, 9))]
        for _ in range(sentences)
    ]


def _noisy(rng: random.Random, tags: list[list[str]], prefixes: str) -> list[list[str]]:
    other = _tags(rng, prefixes, len(tags))
    return [
        [tag if rng.random() < 0.7 or place >= len(strange) else strange[place] for place, tag in enumerate(sentence)]
        for sentence, strange in zip(tags, other, strict=True)
    ]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("average", ["micro", "macro"])
def test_strict_equals_seqeval(scheme: str, average: str) -> None:
    reference = pytest.importorskip("seqeval.metrics", reason="seqeval is not installed")
    schemes = pytest.importorskip("seqeval.scheme")
    rng = random.Random(scheme)
    for _ in range(60):
        truth = _tags(rng, SCHEMES[scheme].prefixes)
        predicted = _noisy(rng, truth, SCHEMES[scheme].prefixes)
        for score in ("precision", "recall", "f1"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = getattr(reference, f"{score}_score")(
                    truth, predicted, average=average, mode="strict", scheme=getattr(schemes, scheme), zero_division=0
                )
            found = entities(truth, predicted, score=score, average=average, scheme=scheme, strict=True)  # type: ignore[arg-type]
            assert found.value() == pytest.approx(expected)


@pytest.mark.parametrize("prefixes", ["IOB", "IOE", "IOBES", "O"])
@pytest.mark.parametrize("average", ["micro", "macro"])
def test_lenient_equals_seqeval(prefixes: str, average: str) -> None:
    reference = pytest.importorskip("seqeval.metrics", reason="seqeval is not installed")
    rng = random.Random(prefixes)
    for _ in range(60):
        truth = _tags(rng, prefixes)
        predicted = _noisy(rng, truth, prefixes)
        for score in ("precision", "recall", "f1"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = getattr(reference, f"{score}_score")(truth, predicted, average=average, zero_division=0)
            if prefixes == "O" and average == "macro":
                assert np.isnan(expected)  # its mean of no type at all
                expected = 0
            found = entities(truth, predicted, score=score, average=average)  # type: ignore[arg-type]
            assert found.value() == pytest.approx(expected)


def test_each_entity_equals_seqeval() -> None:
    labeling = pytest.importorskip("seqeval.metrics.sequence_labeling", reason="seqeval is not installed")
    rng = random.Random(1)
    for tags in _tags(rng, "IOBES", 500):
        expected = [(start, end + 1, kind) for kind, start, end in labeling.get_entities(tags)]
        assert lenient_entities(tags) == expected


def test_strict_and_lenient_by_hand() -> None:
    assert lenient_entities(["O", "I-PER", "I-PER", "B-PER"]) == [(1, 3, "PER"), (3, 4, "PER")]
    assert strict_entities(["O", "I-PER", "I-PER", "B-PER"], "IOB2") == [(3, 4, "PER")]
    assert strict_entities(["O", "I-PER", "I-PER", "B-PER"], "IOB1") == [(1, 3, "PER"), (3, 4, "PER")]
    assert strict_entities(["B-LOC", "L-LOC", "U-PER", "U-PER"], "BILOU") == [(0, 2, "LOC"), (2, 3, "PER"), (3, 4, "PER")]
    assert lenient_entities(["B-LOC", "L-LOC", "U-PER", "U-PER"]) == [(0, 2, "LOC"), (2, 3, "PER"), (3, 4, "PER")]
    assert lenient_entities(["B", "I", "O"]) == strict_entities(["B", "I", "O"], "IOB2") == [(0, 2, "_")]
    assert lenient_entities([]) == strict_entities([], "IOBES") == []
    with pytest.raises(DanluError) as found:
        strict_entities(["B-LOC", "S-LOC"], "IOB2")
    assert found.value.key == "metrics.tag"
    assert "S-LOC" in found.value.explain("zh")["what"]


def test_of_some_types_and_of_short_predictions() -> None:
    truth = [["B-PER", "O", "B-LOC"], ["B-LOC", "I-LOC"]]
    predicted = [["B-PER", "B-PER"], ["B-LOC"]]  # cut short: the rest is O
    assert entities(truth, predicted).value() == pytest.approx(2 * 1 / (3 + 3))
    assert entities(truth, predicted, types=["PER"]).value() == pytest.approx(2 * 1 / (1 + 2))
    assert entities(truth, predicted, types=["LOC"]).value() == 0
    assert entities(truth, predicted, types=["LOC"]).made["types"] == "LOC"
    assert entities([], []).value() == 0
    assert entities(truth, truth, average="macro").value() == 1


def test_spans_are_sets() -> None:
    truth = [[(0, 2, "a"), (5, 9, "b")], []]
    predicted = [[(0, 2, "a"), (0, 2, "a"), (5, 9, "a")], [(1, 2, "b")]]
    micro = spans(truth, predicted)
    assert micro.value() == pytest.approx(2 * 1 / (2 + 3))
    assert micro.each().tolist() == pytest.approx([2 / 4, 0])
    assert spans(truth, predicted, average="macro").value() == pytest.approx((2 / 3 + 0) / 2)
    assert items_of("span_f1", truth, predicted).value() == micro.value()
