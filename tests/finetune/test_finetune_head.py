"""The head of a frozen encoder against scikit-learn, and features that survive a kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from danlu.finetune.features import frozen_features
from danlu.finetune.head import STRENGTHS, fit_head
from danlu.inference.classify import softmax
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run


@pytest.mark.parametrize("classes", [2, 3])
def test_the_head_equals_a_pipeline_of_scikit_learn(classes: int) -> None:
    generator = np.random.default_rng(classes)
    targets = generator.integers(0, classes, 300)
    features = (generator.normal(size=(300, 20)) * generator.uniform(0.1, 5, 20) + 3).astype(np.float32)
    features[:, 0] += targets
    features[:, 5] = 7  # says nothing
    weight, bias, strength = fit_head(features, targets, classes, bias=True)
    assert strength in STRENGTHS
    peer = make_pipeline(StandardScaler(), LogisticRegression(C=strength, tol=1e-8, max_iter=2000))
    peer.fit(features.astype(np.float64), targets)
    found = softmax((features @ weight.T + bias).astype(np.float32))
    np.testing.assert_allclose(found, peer.predict_proba(features), atol=2e-3)


def test_a_head_without_bias_and_a_class_that_is_not_there() -> None:
    generator = np.random.default_rng(0)
    targets = generator.integers(0, 2, 80)
    features = (generator.normal(size=(80, 6)) + targets[:, None]).astype(np.float32)
    _, bias, _ = fit_head(features, targets, 2, bias=False)
    assert not bias.any()
    weight, bias, _ = fit_head(features, targets * 2, 3, bias=True)
    assert softmax((features @ weight.T + bias).astype(np.float32))[:, 1].max() < 1e-6


def test_one_row_a_class_is_enough() -> None:
    weight, _, strength = fit_head(np.eye(2, 4, dtype=np.float32), np.array([0, 1]), 2, bias=True)
    assert np.isfinite(weight).all()
    assert strength in STRENGTHS


def test_features_are_computed_once(tmp_path: Path, starts: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from danlu.finetune import features as module
    from danlu.tasks.classification import build_classifier

    monkeypatch.setattr(module, "PART", 8)
    model, _ = build_classifier(str(starts["modern-bert"] / "model"), ["a", "b"], "weights", 0)
    rows = [[3, *range(110, 110 + number % 7), 4] for number in range(20)]
    run = Run(stage="finetune", output=tmp_path, ledger=Ledger(tmp_path / "ledger.sqlite", "finetune"))
    first = frozen_features(model, rows, 0, run)
    assert first.shape == (20, 64)
    monkeypatch.setattr(module, "forward_rows", None)  # asked again, it would fail
    np.testing.assert_array_equal(frozen_features(model, rows, 0, run), first)
