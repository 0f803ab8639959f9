"""The loop: golden losses, a classification objective, groups with their own rates, falling back from compilation."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from transformers import ModernBertForSequenceClassification

import danlu.training.compiling as compiling
from danlu.models.build import build_config, build_model
from danlu.recipe.pretrain import ModelConfig
from danlu.tokens.packing import CAUSAL, MASKED
from danlu.tokens.special import SPECIAL
from danlu.training.language import CausalObjective, MaskedObjective
from danlu.training.loop import train, trunk_of
from danlu.training.plan import TrainPlan
from danlu.training.windows import WindowSource
from danlu.workspace.errors import Interrupted
from danlu.workspace.events import read_json_lines
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run
from documented import conforms, tables

VOCABULARY = 160


def make_run(path: Path) -> Run:
    path.mkdir(exist_ok=True)
    return Run(stage="train", output=path, ledger=Ledger(path / "ledger.sqlite", "train"))


def make_source(marks: Any) -> WindowSource:
    """Documents that count upwards: after each id comes the next one."""
    starts = np.random.Generator(np.random.Philox(0)).integers(0, 50, 80)
    tokens = np.concatenate([len(SPECIAL) + (start + np.arange(40)) % 50 for start in starts])
    return WindowSource(tokens, np.arange(1, 81) * 40, 24, marks, 4, 4, 0)


GOLDEN = {
    "bert": [4.9694, 3.9463, 3.7318],
    "gpt": [5.3654, 0.6032, 0.5853],
}
"""Mean loss of steps 1, 20 and 40 (nats): a change of it means that the loop trains otherwise than before."""


@pytest.mark.parametrize("family", ["bert", "gpt"])
def test_golden_losses(family: Any, tmp_path: Path) -> None:
    model = build_model(build_config(ModelConfig(family=family, preset="modern", size="nano"), VOCABULARY, 24, 0.0), 0)
    objective = MaskedObjective(VOCABULARY, 0.3, 0) if family == "bert" else CausalObjective()
    run = make_run(tmp_path)
    plan = TrainPlan(steps=40, warmup=2, learning_rate=5e-3, weight_decay=0.1, threads=1)
    result = train(model, make_source(MASKED if family == "bert" else CAUSAL), objective, plan, run)
    common, _, metrics = tables()
    assert all(conforms(line, common, metrics) for line in read_json_lines(tmp_path / "metrics.jsonl"))
    lines = {line["step"]: line for line in read_json_lines(tmp_path / "metrics.jsonl")}
    assert [lines[step]["loss"] for step in (1, 20, 40)] == pytest.approx(GOLDEN[family], abs=2e-3)
    assert result.train_loss == pytest.approx(np.mean([lines[step]["loss"] for step in range(37, 41)]), abs=0.02)
    assert lines[1]["learning_rate"] == pytest.approx(2.5e-3)
    assert lines[40]["tokens"] == result.tokens == 40 * 4 * 24


class Labelled:
    """Examples of two classes; the last batch of an epoch is smaller."""

    steps_per_epoch = 4

    def batches(self, epoch: int, step: int) -> list[np.ndarray]:
        generator = np.random.Generator(np.random.Philox(key=[epoch, step]))
        ids = generator.integers(110, VOCABULARY, (3 if step == 3 else 6, 12))
        ids[: len(ids) // 2, 4] = 109
        return [ids]


class Classify:
    def collate(self, samples: np.ndarray) -> dict[str, torch.Tensor]:
        ids = torch.from_numpy(samples)
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": (ids == 109).any(1).long()}

    def loss(self, model: Any, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
        logits = model(batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        return F.cross_entropy(logits, batch["labels"], reduction="sum"), len(logits)


def make_classifier() -> Any:
    torch.manual_seed(0)
    config: Any = build_config(ModelConfig(family="bert", preset="modern", size="nano"), VOCABULARY, 24, 0.1)
    return ModernBertForSequenceClassification(config)


def test_another_objective_with_groups_of_its_own_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    plan, trained = TrainPlan(steps=30, warmup=2, learning_rate=3e-3, weight_decay=0.0, threads=1, checkpoint_every=7), []
    for name in ("whole", "stopped"):
        run, tries = make_run(tmp_path / name), 0
        if name == "stopped":
            run.cancelled.set()
        while True:
            model, tries = make_classifier(), tries + 1
            model.model.embeddings.requires_grad_(False)
            groups = [
                {"params": list(model.model.layers.parameters()), "lr": 1e-3},
                {"params": list(model.classifier.parameters()), "lr": 3e-3},
            ]
            try:
                result = train(model, Labelled(), Classify(), plan, run, optimizer=torch.optim.AdamW(groups))
                break
            except Interrupted:
                if tries == 3:
                    run.cancelled.clear()
        trained.append((model, result, tries))
    assert [tries for _, _, tries in trained] == [1, 4]
    assert trained[0][1].train_loss == trained[1][1].train_loss
    assert trained[0][1].tokens == trained[1][1].tokens == 12 * (7 * (6 + 6 + 6 + 3) + 12)
    for one, other in zip(trained[0][0].parameters(), trained[1][0].parameters(), strict=True):
        assert torch.equal(one, other)
    fresh = make_classifier()
    assert torch.equal(fresh.model.embeddings.tok_embeddings.weight, trained[0][0].model.embeddings.tok_embeddings.weight)
    assert not torch.equal(fresh.classifier.weight, trained[0][0].classifier.weight)


def test_where_compilation_fails_training_goes_on_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(model: Any) -> None:
        def fail(*arguments: object, **options: object) -> None:
            raise RuntimeError("InvalidCxxCompiler: no working C++ compiler\nand more")

        model.base_model._compiled_call_impl = fail

    monkeypatch.setattr(compiling, "compile_layers", broken)
    losses = []
    for asked in (True, False):
        model = build_model(build_config(ModelConfig(family="gpt", preset="modern", size="nano"), VOCABULARY, 24, 0.0), 0)
        run = make_run(tmp_path / str(asked))
        plan = TrainPlan(steps=3, learning_rate=1e-3, weight_decay=0.1, threads=1, compile=asked)
        result = train(model, make_source(CAUSAL), CausalObjective(), plan, run)
        assert not result.compiled
        losses.append(result.train_loss)
    assert losses[0] == losses[1]
    assert "no working C++ compiler" in (tmp_path / "True/resolved.json").read_text()


@pytest.mark.parametrize("wanted", [20, 90])
def test_a_length_that_is_decided_anew_is_as_if_it_had_been_known(wanted: int, tmp_path: Path) -> None:
    """Shorter or longer than first thought, stopped at every few steps or not: the same bits as with the final plan."""
    plan = TrainPlan(steps=40, warmup=2, learning_rate=3e-3, weight_decay=0.1, threads=1, checkpoint_every=3)
    asked: list[int] = []

    def revise(done: int, seconds: float, step_seconds: float) -> int:
        assert seconds > 0
        assert step_seconds > 0
        asked.append(done)
        return wanted

    final = TrainPlan(**{**asdict(plan), "steps": wanted})
    trained = []
    for name in ("known", "revised", "stopped"):
        run, tries = make_run(tmp_path / name), 0
        while True:
            model, tries = make_classifier(), tries + 1
            if name == "stopped":
                run.cancelled.set() if tries < wanted else run.cancelled.clear()
            chosen, again = (final, None) if name == "known" else (plan, revise)
            try:
                result = train(model, Labelled(), Classify(), chosen, run, revise=again)
                break
            except Interrupted:
                continue
        trained.append((model, result))
    assert asked == 2 * [5, int(trunk_of(final) * 3 / 4)]
    assert {result.steps for _, result in trained} == {wanted}
    for other, _ in trained[1:]:
        for one, two in zip(trained[0][0].parameters(), other.parameters(), strict=True):
            assert torch.equal(one, two)


def test_a_length_decided_anew_never_cuts_into_what_is_done(tmp_path: Path) -> None:
    plan = TrainPlan(steps=80, warmup=4, learning_rate=3e-3, weight_decay=0.1, threads=1)
    result = train(make_classifier(), Labelled(), Classify(), plan, make_run(tmp_path), revise=lambda *_: 1)
    assert result.steps == 20, "10 of them were done at the full rate, and as many belong to its fall"


def test_a_training_in_parts_is_the_training_in_one_go(tmp_path: Path) -> None:
    """From nothing to the fall, on from there to a longer plan's fall, and its rest: each time with another process's model."""
    plan = TrainPlan(steps=60, warmup=3, learning_rate=3e-3, weight_decay=0.1, decay=0.25, threads=1, checkpoint_every=4)
    whole, (first, second) = make_classifier(), (tmp_path / "first-branch", tmp_path / "second-branch")
    expected = train(whole, Labelled(), Classify(), plan, make_run(tmp_path / "whole"))
    shorter = replace(plan, steps=30, decay=0.5)
    begun = train(make_classifier(), Labelled(), Classify(), shorter, make_run(tmp_path / "a"), branch=first)
    assert (begun.steps, begun.began, begun.plan) == (trunk_of(shorter), 0, shorter)
    more = train(make_classifier(), Labelled(), Classify(), plan, make_run(tmp_path / "b"), start=first, branch=second)
    assert (more.steps, more.began) == (trunk_of(plan), begun.steps)
    model = make_classifier()
    result = train(model, Labelled(), Classify(), plan, make_run(tmp_path / "c"), start=second)
    assert (result.steps, result.began, result.tokens) == (60, more.steps, expected.tokens)
    assert result.train_loss == expected.train_loss
    assert all(torch.equal(one, other) for one, other in zip(whole.parameters(), model.parameters(), strict=True))


def test_what_a_short_rest_could_not_decide_is_kept_for_a_replay_from_nothing(tmp_path: Path) -> None:
    plan = TrainPlan(steps=40, warmup=2, learning_rate=3e-3, weight_decay=0.1, threads=1)
    first = tmp_path / "branch"
    train(make_classifier(), Labelled(), Classify(), replace(plan, steps=36), make_run(tmp_path / "a"), branch=first)
    went_on, replayed = make_run(tmp_path / "b"), make_run(tmp_path / "c")
    again: dict[str, Any] = {"branch": tmp_path / "second", "revise": lambda *_: 500}
    assert train(make_classifier(), Labelled(), Classify(), plan, went_on, start=first, **again).plan.steps == 40
    (replayed.output / "resolved.json").write_text((went_on.output / "resolved.json").read_text(encoding="utf-8"))
    assert train(make_classifier(), Labelled(), Classify(), plan, replayed, **again).plan.steps == 40
