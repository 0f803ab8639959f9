"""Training all layers, or the upper ones, on labelled examples by the common loop."""

from __future__ import annotations

import copy
import shutil
from typing import Any

from danlu.finetune.settings import DECAY, WARMUP, Settings
from danlu.tasks.source import Examples, ExampleSource
from danlu.training.budget import probe
from danlu.training.loop import train
from danlu.training.objective import Objective
from danlu.training.plan import TrainPlan, TrainResult
from danlu.training.schedule import warmup_steps
from danlu.workspace.run import Run

PROBE_SECONDS = 2.0


def tune(
    model: Any, examples: Examples, objective: Objective[Examples], settings: Settings, machine: dict[str, Any], run: Run
) -> TrainResult:
    """Train `model` in place; checkpoints are kept in a folder of this size, so that each size resumes by itself."""
    source = ExampleSource(examples, settings.batch, run.seed)
    plan = make_plan(settings, machine, run.seed)
    folder = run.scratch / f"checkpoints-{len(examples)}"
    return train(model, source, objective, plan, run, checkpoints=folder, label="finetune.training")


def forget(size: int, run: Run) -> None:
    """Remove the checkpoints of a finished size."""
    shutil.rmtree(run.scratch / f"checkpoints-{size}", ignore_errors=True)


def make_plan(settings: Settings, machine: dict[str, Any], seed: int) -> TrainPlan:
    """A tenth of the steps to warm up, then a linear fall to 0: the usual schedule of fine-tuning since BERT."""
    return TrainPlan(
        steps=settings.steps,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup=warmup_steps(settings.steps, WARMUP),
        decay=DECAY,
        precision=machine["precision"],
        threads=machine["threads"],
        device=machine["device"],
        seed=seed,
    )


def seconds_per_step(
    model: Any, examples: Examples, objective: Objective[Examples], settings: Settings, machine: dict[str, Any], run: Run
) -> float:
    """The time of an optimizer step, by the common probe on a copy of the model."""
    source, plan = ExampleSource(examples, settings.batch, run.seed), make_plan(settings, machine, run.seed)
    return probe(copy.deepcopy(model), source, objective, plan, (), objective, PROBE_SECONDS).step_seconds
