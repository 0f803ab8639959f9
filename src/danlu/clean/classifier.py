"""`clean.classifier`: a linear classifier of documents from good and bad examples, how well it does, and what it looks at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from danlu.clean.preset import FAMILIES
from danlu.clean.sample import Sample, read_sample
from danlu.metrics.bootstrap import estimate, generator, wilson
from danlu.metrics.number import Estimate
from danlu.metrics.ranks import roc_auc
from danlu.recipe.learned import ClassifierConfig
from danlu.text import linear
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.files import write_json
from danlu.workspace.run import Run

FEWEST = 20  # examples of each
SHOWN = 25  # features of each side


def learn(good: Artifact, bad: Artifact, *, config: ClassifierConfig, run: Run) -> None:
    """Write `weights.npy` and `facts.json`. A text that is on both sides teaches nothing, and is left out."""
    samples = [read_sample(documents, config.bytes) for documents in (bad, good)]
    both = set(samples[0].digests) & set(samples[1].digests)
    data, offsets, digests, is_good = _joined(samples, both)
    counts = {"good": int(is_good.sum()), "bad": int((~is_good).sum()), "in_both": len(both)}
    if min(counts["good"], counts["bad"]) < FEWEST:
        raise DanluError("clean.few-examples", where="clean.classifier", fewest=FEWEST, **counts)
    # Equal texts are there once, and which fold a text is in depends on it alone.
    folds = np.array([int(digest[:8], 16) % linear.FOLDS for digest in digests])
    with run.progress.task("clean.progress.classifier", linear.FOLDS + 1, "") as bar:
        rows = linear.rows_of(data, offsets)
        logits = np.zeros(rows.size)
        for fold in range(linear.FOLDS):
            run.check()
            out = folds == fold
            logits[out] = linear.logits_without(rows, is_good, out, run.seed)
            bar.advance()
        slope, offset = linear.calibrate(logits, is_good)
        weights = linear.fit(rows, is_good, np.arange(rows.size), run.seed)
        bar.advance()
    linear.write_weights(run.output / "weights.npy", linear.calibrated(weights, slope, offset))
    features = linear.telling(rows, is_good, weights, (data, offsets), SHOWN)
    facts = {
        "examples": counts,
        "languages": [name for name in FAMILIES if all(sample.families.count(name) >= FEWEST for sample in samples)],
        "bytes": len(data),
        "held_out": _quality(linear.sigmoid(slope * logits + offset), is_good, run.seed),
        "calibration": {"slope": round(slope, 4), "offset": round(offset, 4)},
        "features": {side: [feature._asdict() for feature in found] for side, found in features.items()},
    }
    write_json(run.output / "facts.json", facts)
    run.counts.update({"documents": rows.size})


def _joined(
    samples: list[Sample], without: set[str]
) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[str], NDArray[np.bool_]]:
    """Both samples in one buffer, in the order of digests: so that results do not depend on the order of files."""
    found = [
        (digest, kind, sample.data[begin:end])
        for kind, sample in enumerate(samples)
        for digest, begin, end in zip(sample.digests, sample.offsets[:-1], sample.offsets[1:], strict=True)
        if digest not in without
    ]
    found.sort(key=lambda one: one[:2])
    offsets = np.cumsum([0, *(len(text) for _, _, text in found)])
    data = np.concatenate([text for _, _, text in found]) if found else np.zeros(0, np.uint8)
    return data, offsets, [digest for digest, _, _ in found], np.array([kind == 1 for _, kind, _ in found], bool)


def _quality(probabilities: NDArray[np.float64], is_good: NDArray[np.bool_], seed: int) -> dict[str, Any]:
    """Of each example by a model that did not see it: area under the curve and accuracy, with 95 % intervals."""
    table = np.stack((1 - probabilities, probabilities), 1)
    auc = estimate(roc_auc(is_good.astype(np.int64), table), generator(seed, "clean.classifier"), resamples=200)
    right = (probabilities > 0.5) == is_good
    return {"auc": _rounded(auc), "accuracy": _rounded(wilson(float(right.sum()), len(right)))}


def _rounded(found: Estimate) -> dict[str, float | None]:
    """NaN (no interval, where all is right) as null."""
    return {key: None if np.isnan(value) else round(value, 4) for key, value in found._asdict().items()}
