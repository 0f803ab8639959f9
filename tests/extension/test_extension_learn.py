"""Objectives, tasks and metrics of the user's: what they must be, and what is said if they are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from danlu.evaluate.own import own_metric, own_numbers
from danlu.metrics.classification import confusion, recall
from danlu.recipe.evaluate import EvaluateConfig
from danlu.recipe.finetune import FinetuneConfig
from danlu.recipe.pretrain import PretrainConfig
from danlu.report.sections.glossary import build as glossary
from danlu.report.sections.scores import build as scores
from danlu.tasks.task import Task, task_named
from danlu.tokens.special import MASK_ID, SPECIAL
from danlu.training.language import Windows
from danlu.training.own import OwnObjective, Setting, own_objective
from danlu.workspace.errors import DanluError, RecipeError
from danlu.workspace.extension import load

MODULE = """
import numpy as np
import torch
from dataclasses import replace

class Plain:
    def __init__(self, setting):
        self.setting = setting
    def collate(self, samples):
        return {"input_ids": torch.from_numpy(samples.ids)}
    def loss(self, model, batch):
        return batch["input_ids"].float().sum(), batch["input_ids"].numel()

def made(setting):
    return Plain(setting)

ready = Plain(None)

class Odd(Plain):
    def collate(self, samples):
        return {"ids": 1}
    def loss(self, model, batch):
        return 3.0

class Failing(Plain):
    def loss(self, model, batch):
        raise ValueError("no loss")

class Hungry(Plain):
    def loss(self, model, batch):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

number = 3

from danlu.tasks.classification import TASK
MINE = replace(TASK, name="mine")

def balanced(truth, predicted, probabilities):
    return np.mean([(predicted[truth == label] == label).mean() for label in np.unique(truth)])
balanced.title = {"en": "Balanced", "zh": "均衡"}
balanced.definition = {"en": "Each class alike.", "zh": "各类同等。"}

def unexplained(truth, predicted, probabilities):
    return 1.0

def sideways(truth, predicted, probabilities):
    "One."
    return 1.0
sideways.better = "sideways"

def nothing(truth, predicted, probabilities):
    "None."
"""
WINDOWS = Windows(np.arange(6).reshape(2, 3), np.arange(2), 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ext_learn.py").write_text(MODULE, encoding="utf-8")
    return tmp_path


def objective(name: str, folder: Path) -> Any:
    return own_objective(f"ext_learn:{name}", folder, Setting("bert", 100, 0.3, 7, folder))


@pytest.mark.parametrize("name", ["Plain", "made", "ready"])
def test_an_objective_is_a_class_a_function_or_an_object(folder: Path, name: str) -> None:
    made = objective(name, folder)
    assert isinstance(made, OwnObjective)
    assert made.given.setting == (None if name == "ready" else Setting("bert", 100, 0.3, 7, folder))
    batch = made.collate(WINDOWS)
    total, count = made.loss(None, batch)  # type: ignore[arg-type]
    assert (float(total), count) == (15.0, 6)


def test_objectives_that_are_none(folder: Path) -> None:
    for name in ("number", "balanced"):
        with pytest.raises(DanluError) as error:
            objective(name, folder)
        assert error.value.key == "extension.shape-objective", name
    odd = objective("Odd", folder)
    for wrong in (lambda: odd.collate(WINDOWS), lambda: odd.loss(None, {"input_ids": torch.zeros(1)})):
        with pytest.raises(RecipeError) as error:
            wrong()
        assert error.value.key == "extension.shape-objective"


def test_errors_of_an_objective_and_memory_that_runs_out(folder: Path) -> None:
    with pytest.raises(DanluError) as error:
        objective("Failing", folder).loss(None, {})
    assert error.value.key == "extension.failed"
    assert "ext_learn.py" in error.value.where
    with pytest.raises(MemoryError):  # the loop has words for it, and the probe tries smaller batches
        objective("Hungry", folder).loss(None, {})


def test_any_objective_of_ones_own_fits_any_family() -> None:
    for family, kind in (("bert", "mlm"), ("gpt", "clm")):
        config = PretrainConfig.model_validate({"model": {"family": family}, "objective": "m:x"})
        assert (config.kind, config.own_code()) == (kind, ("m:x",))
    assert PretrainConfig.model_validate({"model": {"family": "gpt"}, "objective": "clm"}).own_code() == ()


@pytest.mark.parametrize("wrong", ["mlmm", "classificatoin", "a b:c"])
def test_a_wrong_name_is_told_the_nearest(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"mlm|classification"):
        PretrainConfig.model_validate({"model": {"family": "bert"}, "objective": wrong})
    with pytest.raises(ValueError, match=r"classification"):
        FinetuneConfig.model_validate({"from": "m", "dataset": "d", "task": wrong})
    with pytest.raises(ValueError, match="module:name"):
        EvaluateConfig(models=(), metrics=(wrong,))


def test_tasks(folder: Path) -> None:
    assert task_named("classification").name == "classification"
    mine = task_named("ext_learn:MINE", folder)
    assert isinstance(mine, Task)
    assert mine.name == "mine"
    with pytest.raises(RecipeError) as error:
        task_named("ext_learn:number", folder)
    assert error.value.key == "extension.shape-task"


def test_a_metric_has_a_value_an_interval_and_words(folder: Path) -> None:
    generator = np.random.default_rng(3)
    truth = generator.integers(0, 3, 120)
    probabilities = generator.dirichlet(np.ones(3), 120) + 0.8 * np.eye(3)[truth]
    probabilities /= probabilities.sum(1, keepdims=True)
    languages = np.array(["en", "zh-Hans"] * 60)
    config = EvaluateConfig(models=(), metrics=("ext_learn:balanced",), resamples=200)
    found = own_numbers("m", probabilities, truth, languages, dataset=None, config=config, seed=0, folder=folder)
    assert [entry["slice"] for entry in found] == [{}, {"language": "en"}, {"language": "zh-Hans"}]
    expected = float(recall(confusion(truth, probabilities.argmax(1), 3), "macro"))
    assert found[0]["value"] == pytest.approx(expected)
    low, high = found[0]["interval"]
    assert low < expected < high
    assert found == own_numbers("m", probabilities, truth, languages, dataset=None, config=config, seed=0, folder=folder)
    for language, name, sentence in (("en", "Balanced", "Each class alike."), ("zh", "均衡", "各类同等。")):
        facts = {"evaluation": {"numbers": found, "comparisons": [], "curve": []}}
        assert any(entry["name"] == name and entry["definition"] == sentence for entry in glossary(facts, language)["metrics"])  # type: ignore[arg-type, index]
        section = scores(facts, language)  # type: ignore[arg-type]
        assert section is not None
        assert section["groups"][0]["name"] == name
        assert section["table"][0]["metric"] == name


@pytest.mark.parametrize("name", ["unexplained", "sideways"])
def test_a_metric_must_say_what_it_measures(folder: Path, name: str) -> None:
    with pytest.raises(RecipeError) as error:
        own_metric(f"ext_learn:{name}", folder)
    assert error.value.key == "extension.shape-metric"


def test_a_metric_that_gives_no_number(folder: Path) -> None:
    metric = own_metric("ext_learn:nothing", folder)
    with pytest.raises(DanluError) as error:
        metric(np.zeros(3, np.int64), np.zeros(3, np.int64), np.zeros((3, 2)))
    assert error.value.key == "extension.number"


def test_no_metric_of_ones_own_leaves_the_key_as_it_was() -> None:
    assert "metrics" not in EvaluateConfig(models=()).identity()
    assert EvaluateConfig(models=(), metrics=("m:x",)).identity()["metrics"] == ["m:x"]


def test_the_example_masks_whole_words_alike_in_any_batch() -> None:
    """Ids from 200 on go on with a word: all tokens of a word are hidden, or none, whatever stands beside the window."""
    examples = Path(__file__).parents[2] / "examples" / "extending"
    continues = np.arange(300) >= 200
    objective = load("masking:WholeWords", examples)(300, 0.4, 7, continues=continues)
    ids = np.random.default_rng(1).integers(len(SPECIAL), 300, (6, 40))
    ids[:, -5:] = 0  # padding
    whole = objective.collate(Windows(ids, np.arange(6), 2))
    alone = objective.collate(Windows(ids[3:4], np.array([3]), 2))
    assert torch.equal(whole["input_ids"][3:4], alone["input_ids"])
    hidden = (whole["input_ids"] == MASK_ID).numpy()
    assert not hidden[:, -5:].any()
    for row in range(6):
        for place in range(1, 35):
            if continues[ids[row, place]]:
                assert hidden[row, place] == hidden[row, place - 1]
    assert 0.25 < hidden[:, :-5].mean() < 0.55
    assert whole["targets"].tolist() == ids[hidden].tolist()
    other = objective.collate(Windows(ids, np.arange(6), 3))
    assert not torch.equal(whole["input_ids"], other["input_ids"])


@pytest.mark.parametrize(
    ("piece", "goes_on"),
    [
        (b"ing", True),
        (b" the", False),
        (b"\xb8\xad", True),
        ("中".encode(), False),
        (b"\n", False),
        (b",", False),
        (b"", False),
    ],
)
def test_the_example_tells_which_tokens_go_on_with_a_word(piece: bytes, goes_on: bool) -> None:
    examples = Path(__file__).parents[2] / "examples" / "extending"
    assert load("pieces:continues_word", examples)(piece) is goes_on
