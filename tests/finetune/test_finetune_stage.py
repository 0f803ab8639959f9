"""The stage as a whole, on a nano model and a dataset that can be learned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from finetune_made import Stage, make_rows, write_dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from danlu.inference.load import load_for
from danlu.inference.predict import answer
from danlu.inference.prepare import prepare_text
from danlu.recipe.finetune import FinetuneConfig
from danlu.workspace.artifact import Artifact, hash_payload
from danlu.workspace.errors import DanluError


def accuracy(output: Path, dataset: Artifact, labels: int) -> float:
    truth = {row["id"]: row["label"] for row in pq.read_table(dataset / "rows.parquet").to_pylist()}
    names = json.loads((output / "facts.json").read_text())["labels"]
    rows = [row for row in pq.read_table(output / "predictions.parquet").to_pylist() if row["labels"] == labels]
    return float(np.mean([names[int(np.argmax(row["probabilities"]))] == truth[row["id"]] for row in rows]))


def check_agreement(output: Path, dataset: Artifact, labels: int) -> None:
    """The saved model, loaded by danlu or by transformers, says what the predictions say."""
    rows = {row["id"]: row["text"] for row in pq.read_table(dataset / "rows.parquet").to_pylist()}
    table = [row for row in pq.read_table(output / "predictions.parquet").to_pylist() if row["labels"] == labels][:40]
    texts = [rows[row["id"]] for row in table]
    loaded = load_for(output / "model")
    assert loaded.kind == "classification"
    expected = np.array([row["probabilities"] for row in table])
    found = np.array([list(row["probabilities"].values()) for row in answer(loaded, texts)])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    peer = AutoModelForSequenceClassification.from_pretrained(output / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(output / "model")
    for row, text in zip(expected, texts, strict=True):
        given = tokenizer(prepare_text(text), truncation=True, max_length=loaded.length, return_tensors="pt")
        with torch.no_grad():
            shares = peer(**given).logits[0].softmax(-1)
        np.testing.assert_allclose([shares[peer.config.label2id[name]] for name in loaded.labels], row, atol=1e-5)


@pytest.mark.parametrize(
    ("start", "until", "least"), [("modern-bert", 0.0, 0.85), ("classic-bert", 0.5, 0.6), ("modern-gpt", 1.0, 0.75)]
)
def test_what_is_learned_is_what_is_saved(
    start: str, until: float, least: float, dataset: Artifact, starts: dict[str, Artifact], stage: Stage, tmp_path: Path
) -> None:
    stage(dataset, starts[start], labels=(60,), freeze={"until": until}, budget="70 steps", batch=12)
    facts = json.loads((tmp_path / "out/facts.json").read_text())
    assert facts["trained_on"] == [60, 360]
    assert facts["labels"] == ["bad", "good"]
    assert facts["start"]["kind"] == "recipe"
    assert (facts["trainable"] < facts["parameters"]) == (until > 0 or "classic" in start)
    table = pq.read_table(tmp_path / "out/predictions.parquet")
    assert table.schema.field("labels").type == "int32"
    assert sorted(set(table.column("labels").to_pylist())) == [60, 360]
    assert set(table.column("split").to_pylist()) == {"validation", "test"}
    assert len(table) == 2 * 240
    assert accuracy(tmp_path / "out", dataset, 360) > least
    check_agreement(tmp_path / "out", dataset, 360)


def test_heldout_labels_are_never_read(starts: dict[str, Artifact], stage: Stage, tmp_path: Path) -> None:
    rows = make_rows(200)
    blind = [row | {"label": "?"} if row["split"] != "train" else row for row in rows]
    payloads = []
    for name, given in (("seen", rows), ("blind", blind)):
        stage(write_dataset(tmp_path / name / "d", given), starts["modern-bert"], name, budget="6 steps", labels=(40,))
        payloads.append(
            {file: digest for file, digest in hash_payload(tmp_path / name).items() if file[:2] not in ("d/", "le")}
        )
    assert payloads[0] == payloads[1]
    assert {"predictions.parquet", "facts.json", "model/model.safetensors", "model/config.json"} <= set(payloads[0])


def test_random_starts_learn_less_from_frozen_layers_and_are_told_apart(
    dataset: Artifact, starts: dict[str, Artifact], stage: Stage, tmp_path: Path
) -> None:
    stage(dataset, starts["modern-bert"], "a", initial="random", freeze={"until": 1}, labels=(9999, 30))
    facts = json.loads((tmp_path / "a/facts.json").read_text())
    assert facts["initial"] == "random"
    assert facts["trained_on"] == [30, 360], "a size beyond the rows is left out"
    assert set(facts["settings"]["30"]) == {"strength"}
    check_agreement(tmp_path / "a", dataset, 360)


def test_a_start_by_directory_and_a_budget_of_time(
    dataset: Artifact, starts: dict[str, Artifact], stage: Stage, tmp_path: Path
) -> None:
    run = stage(dataset, None, **{"from": str(starts["modern-bert"] / "model")}, budget="1s")
    facts = json.loads((tmp_path / "out/facts.json").read_text())
    assert facts["start"]["kind"] == "directory"
    assert len(facts["start"]["version"]) == 16
    resolved: dict[str, Any] = json.loads((tmp_path / "out/resolved.json").read_text())
    assert facts["settings"]["360"]["steps"] == resolved["steps"] >= 1
    assert run.facts["seconds_360"] > 0


def test_too_little_to_learn_from_says_so(starts: dict[str, Artifact], stage: Stage, tmp_path: Path) -> None:
    one = [row for row in make_rows(40) if row["label"] == "good"]
    with pytest.raises(DanluError) as caught:
        stage(write_dataset(tmp_path / "one", one), starts["modern-bert"])
    assert caught.value.key == "tasks.too-few"
    with pytest.raises(DanluError) as caught:
        stage(write_dataset(tmp_path / "two", make_rows(40)), None, **{"from": "nowhere"})
    assert caught.value.key == "models.not-found"


def test_settings_follow_their_formulas() -> None:
    from danlu.finetune.settings import batch_size, budget_steps, choose, learning_rate

    config = FinetuneConfig.model_validate({"from": "a", "dataset": "b", "budget": "3 epochs"})
    assert learning_rate(config, 2_000_000) == pytest.approx(5e-4)
    assert 7e-5 < learning_rate(config, 22_000_000) < 1e-4
    assert 2e-5 < learning_rate(config, 110_000_000) < 3e-5
    assert batch_size(config, 100) == 16
    assert batch_size(config, 8000) == 32
    steps = budget_steps(config, 8000, 32, 10**6, None)
    assert steps == 750
    tokens = FinetuneConfig.model_validate({"from": "a", "dataset": "b", "budget": "500k tokens"})
    assert budget_steps(tokens, 8000, 32, 10**6, None) == 125
    few, some, every = (choose(config, size, 8000, steps, 2_000_000) for size in (100, 2000, 8000))
    assert (few.steps, some.steps, every.steps) == (100, 188, 750)
    assert choose(config, 100, 8000, 40, 2_000_000).steps == 40, "never more than all rows get"
