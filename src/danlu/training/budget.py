"""Budgets: from seconds, tokens, epochs or steps to a number of steps, before work starts.

A budget in seconds is turned into steps by a probe of a few seconds, and corrected twice while the rate is still constant,
since a machine is not always equally fast. Each decision is kept on disk: an interrupted run ends in the same model.
"""

from __future__ import annotations

import math
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import PreTrainedModel

from danlu.recipe.budget import BudgetConfig
from danlu.training.checkpoint import save_checkpoint
from danlu.training.compiling import compile_layers
from danlu.training.objective import Batch, Objective, Source
from danlu.training.optimizer import build_optimizer
from danlu.training.plan import TrainPlan
from danlu.training.step import evaluate, take_step, threads_of

PROBE_SHARE, PROBE_LEAST, PROBE_MOST = 0.04, 0.5, 8.0
"""Of a budget in seconds this share, within these seconds, goes to the probe."""
SETTLING = 2
"""First steps of the probe that do not count."""
TARGET_SHARE = 0.975
"""A budget in seconds aims at this share of it: the rest is the error of a probe of a few seconds."""
CHECKPOINT_SECONDS = 20.0
"""Training time between checkpoints: the most that a kill can cost."""
VALIDATIONS = 10
VALIDATION_SHARE = 0.03
"""Validations in a run, and the share of its time that they may take together."""

Samples = TypeVar("Samples")


@dataclass(frozen=True)
class Measured:
    """What a probe found on this machine. Seconds of a step, of one validation batch, of writing a checkpoint;
    `peak_bytes` is the most memory that the process has held so far (0 where the system does not tell)."""

    step_seconds: float
    validation_seconds: float
    checkpoint_seconds: float
    peak_bytes: int


def probe_seconds(budget: BudgetConfig) -> float:
    """How long to probe."""
    if budget.unit != "seconds":
        return PROBE_LEAST
    return min(PROBE_MOST, max(PROBE_LEAST, PROBE_SHARE * budget.amount))


def probe(
    model: PreTrainedModel,
    source: Source[Samples],
    objective: Objective[Samples],
    plan: TrainPlan,
    validation: Sequence[Batch],
    scoring: Objective[Any],
    seconds: float,
) -> Measured:
    """Train `model`, to be thrown away, for about `seconds` with the steps of the real loop, compiled if `plan` says so.

    Whatever the compiler raises comes out.
    """
    model.to(plan.device).train()
    if plan.compile:
        compile_layers(model)
    optimizer = build_optimizer(plan.optimizer, model, plan.learning_rate, plan.weight_decay, plan.beta2)
    with threads_of(plan.threads):
        times: list[float] = []
        while len(times) < SETTLING + 2 or sum(times[SETTLING:]) < seconds:
            before = time.perf_counter()
            step = len(times)
            take_step(model, optimizer, objective, source.batches(*divmod(step, source.steps_per_epoch)), plan, step)
            _finish(plan.device)
            times.append(time.perf_counter() - before)
        before = time.perf_counter()
        if validation:
            evaluate(model, scoring, validation[:1], plan)
        validated = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="danlu-probe-") as folder:
            save_checkpoint(Path(folder), 0, model, optimizer, {})
        saved = time.perf_counter()
    return Measured(_typical(times[SETTLING:]), validated - before, saved - validated, _peak_bytes())


def _peak_bytes() -> int:
    if not sys.platform.startswith("linux"):
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _typical(times: Sequence[float]) -> float:
    """The mean without the slowest tenth: hiccups of a few seconds' probe are not those of the run."""
    kept = sorted(times)[: max(1, math.ceil(0.9 * len(times)))]
    return statistics.fmean(kept)


def _finish(device: str) -> None:
    if device != "cpu":
        torch.accelerator.synchronize()


def count_steps(
    budget: BudgetConfig, measured: Measured, *, positions: int, steps_per_epoch: int, spent: float, overhead: float = 0.0
) -> int:
    """Steps of `positions` tokens that the budget pays for; at least one.

    Of seconds, `spent` are gone already; `overhead` will be spent besides steps, checkpoints and validations (compiling,
    loading). An epoch is `steps_per_epoch` steps.
    """
    if budget.unit == "steps":
        return max(1, round(budget.amount))
    if budget.unit == "tokens":
        return max(1, math.ceil(budget.amount / positions))
    if budget.unit == "epochs":
        return max(1, round(budget.amount * steps_per_epoch))
    left = TARGET_SHARE * budget.amount - spent - overhead - 2 * measured.checkpoint_seconds  # the last one, and the model
    return max(1, _steps_in(left, measured.step_seconds, measured.checkpoint_seconds))


def count_again(budget: BudgetConfig, measured: Measured, *, done: int, spent: float, step_seconds: float) -> int:
    """Steps in all that a budget in seconds pays for, when `done` of them took `spent` seconds (all that came before them
    included), at `step_seconds` each: a few seconds' probe may have met the machine in another mood."""
    left = TARGET_SHARE * budget.amount - spent - 2 * measured.checkpoint_seconds
    return done + max(1, _steps_in(left, step_seconds, measured.checkpoint_seconds))


def _steps_in(seconds: float, step_seconds: float, checkpoint_seconds: float) -> int:
    """Steps that fit, with their checkpoints and validations."""
    checkpoints = checkpoint_seconds / CHECKPOINT_SECONDS  # seconds of them in a second of training
    return int(seconds * (1 - VALIDATION_SHARE - checkpoints) / step_seconds)


def checkpoint_interval(measured: Measured) -> int:
    """Steps between checkpoints."""
    return max(1, round(CHECKPOINT_SECONDS / measured.step_seconds))


def validation_interval(steps: int) -> int:
    """Steps between validations."""
    return max(1, -(-steps // VALIDATIONS))


def validation_batches(measured: Measured, steps: int, most: int) -> int:
    """How many validation batches fit the share of the time that validation may take; at least one, at most `most`."""
    seconds = VALIDATION_SHARE * steps * measured.step_seconds / (VALIDATIONS + 1)
    return max(1, min(most, int(seconds / max(measured.validation_seconds, 1e-6))))
