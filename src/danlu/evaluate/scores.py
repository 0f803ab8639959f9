"""Numbers, label curves and mistakes of a classifier, from its probabilities; the same for baselines and models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.evaluate.slices import language_of, slices
from danlu.inference.prepare import prepare_text
from danlu.metrics.bootstrap import estimate, generator, wilson
from danlu.metrics.compare import Comparison, compare_items
from danlu.metrics.measure import items_of
from danlu.metrics.number import Estimate, Number, rounded, signature
from danlu.metrics.slices import Slice
from danlu.recipe.evaluate import EvaluateConfig

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.str_]
LONGEST = 400  # characters of a text that is shown


def classifier_numbers(
    model: str, probabilities: Floats, truth: Ints, languages: Words, *, dataset: str | None, config: EvaluateConfig, seed: int
) -> list[Number]:
    """Accuracy and macro F1 on the test rows, over all and by language. `probabilities` (rows, classes), `truth` (rows,)."""
    predicted = probabilities.argmax(1)
    numbers = []
    for slice, mask in slices(languages, dataset):
        count = int(mask.sum())
        if not count:
            continue
        right = share(predicted[mask] == truth[mask], config.confidence)
        macro = _macro_f1(model, truth[mask], predicted[mask], probabilities.shape[1], slice, config, seed)
        exact = signature(interval="wilson", confidence=config.confidence)
        drawn = signature(interval="bca", resamples=config.resamples, confidence=config.confidence, seed=seed)
        numbers.append(Number.of("accuracy", model, right, count, "test", slice, exact))
        numbers.append(Number.of("f1_macro", model, macro, count, "test", slice, drawn))
    return numbers


def share(right: npt.NDArray[np.bool_], confidence: float) -> Estimate:
    """Accuracy with Wilson's interval."""
    return wilson(int(right.sum()), len(right), confidence)


def _macro_f1(
    model: str, truth: Ints, predicted: Ints, classes: int, slice: Slice, config: EvaluateConfig, seed: int
) -> Estimate:
    return estimate(
        items_of("f1_macro", truth, predicted, classes=classes),
        generator(seed, "f1_macro", model, *map(str, sorted(slice.items()))),
        resamples=config.resamples,
        confidence=config.confidence,
    )


def classifier_curve(
    model: str, by_labels: Mapping[int, Floats], truth: Ints, languages: Words, *, dataset: str | None, config: EvaluateConfig
) -> list[dict[str, Any]]:
    """Accuracy on the test rows by number of labelled examples learned from, over all ("all") and by language."""
    points = []
    for labels, probabilities in sorted(by_labels.items()):
        right = probabilities.argmax(1) == truth
        for slice, mask in slices(languages, dataset):
            if mask.any():
                value, low, high = share(right[mask], config.confidence)
                points.append(
                    {"model": model, "labels": labels, "language": language_of(slice), "metric": "accuracy",
                     "value": rounded(value), "interval": [rounded(low), rounded(high)]}
                    | ({"dataset": dataset} if dataset else {})
                )  # fmt: skip
    return points


def compare_classifiers(
    names: tuple[str, str], a: Floats, b: Floats, truth: Ints, languages: Words, *,
    dataset: str | None, config: EvaluateConfig, seed: int,
) -> list[Comparison]:  # fmt: skip
    """Accuracy of `a` against `b` on the same test rows, over all and by language."""
    left, right = (items_of("accuracy", truth, table.argmax(1), classes=table.shape[1]) for table in (a, b))
    return [
        compare_items(
            "accuracy", names, left.take(mask), right.take(mask), slice=slice, seed=seed,
            resamples=config.resamples, confidence=config.confidence,
        )
        for slice, mask in slices(languages, dataset)
        if mask.any()
    ]  # fmt: skip


def mistakes(
    model: str, probabilities: Floats, truth: Ints, languages: Words, texts: Sequence[str], labels: Sequence[str], most: int
) -> list[dict[str, Any]]:
    """The errors of which the model was surest, about `most`, shared out among the languages; ties by the order of rows.

    The texts are shown as the model reads them.
    """
    predicted = probabilities.argmax(1)
    sure = probabilities[np.arange(len(truth)), predicted]
    tags = [slice["language"] for slice, _ in slices(languages) if "language" in slice]
    found: list[dict[str, Any]] = []
    for tag in tags:
        wrong = np.flatnonzero((predicted != truth) & (languages == tag))
        found.extend(
            {
                "model": model, "text": clip(prepare_text(texts[index])), "label": labels[truth[index]],
                "predicted": labels[predicted[index]], "probability": rounded(float(sure[index])), "language": tag,
            }
            for index in wrong[np.argsort(-sure[wrong], kind="stable")][: -(-most // len(tags))]
        )  # fmt: skip
    return found


def clip(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
