"""The loop: one for every objective. It knows no windows, labels or heads; see `danlu.training.objective`.

It is deterministic on a CPU: at the same plan and thread count, a run that was killed at any step and called again ends in
the same bits as one that was not. The order of the data is a function of the step; dropout is seeded by the step; all
else is in the checkpoint.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import PreTrainedModel

from danlu.training.checkpoint import load_checkpoint, read_checkpoint, save_checkpoint, write_checkpoint
from danlu.training.compiling import compile_layers, try_compiling
from danlu.training.objective import Batch, Objective, Source
from danlu.training.optimizer import build_optimizer
from danlu.training.plan import TrainPlan, TrainResult
from danlu.training.schedule import trunk_steps, wsd
from danlu.training.step import StepResult, accumulate, evaluate, take_step, threads_of
from danlu.workspace.errors import DanluError, Interrupted
from danlu.workspace.run import Run

CHECKPOINTS = "checkpoints"
"""Folder of a run's scratch, where nothing else is said."""
LOGS = 100
"""Lines of the training log, about."""
SETTLING = 3
"""First steps of a process that the speed leaves out: they allocate, compile and fill caches."""
CLOSING = 0.1
"""Share of the steps, at the end, whose mean loss is the run's training loss."""

REVISIONS = (1 / 4, 3 / 4)
"""Shares of the steps before the rate falls after which the length of a run is decided anew: early, and late."""
LEAST_MEASURED = SETTLING + 2
"""So many steps must have shown the speed of this machine before the length is decided anew by it."""

Samples = TypeVar("Samples")
Revise = Callable[[int, float, float], int]
"""(steps done, seconds in the loop, seconds a step) -> steps in all."""
Look = Callable[[], Sequence[Mapping[str, Any]]]
"""What the model that is trained says now: samples as lines of the metrics, each with its kind, for a person to look at."""


@dataclass
class _State:
    """What a checkpoint keeps beside tensors. Floats survive JSON exactly. `began` steps were another training's."""

    step: int = 0
    began: int = 0
    tokens: int = 0
    seconds: float = 0.0
    logged: list[float] = field(default_factory=lambda: [0.0, 0.0])
    closing: list[float] = field(default_factory=lambda: [0.0, 0.0])


def train(
    model: PreTrainedModel,
    source: Source[Samples],
    objective: Objective[Samples],
    plan: TrainPlan,
    run: Run,
    *,
    optimizer: torch.optim.Optimizer | None = None,
    validation: Sequence[Batch] = (),
    scoring: Objective[Any] | None = None,
    checkpoints: Path | None = None,
    label: str = "training.progress",
    revise: Revise | None = None,
    look: Look | None = None,
    start: Path | None = None,
    branch: Path | None = None,
) -> TrainResult:
    """Train `model` in place for `plan.steps` steps, going on from the newest checkpoint if there is one.

    `model` and `optimizer` (default: by `plan`) are as on the first call: freshly built, or loaded; rates in the optimizer's
    groups are peaks that the schedule scales. `validation` holds collated batches, scored by `scoring` (default:
    `objective`) every `plan.validate_every` steps (0: never) and after the last step. `checkpoints` is where to keep
    checkpoints (default: `run.scratch / "checkpoints"`); several trainings of one run need a directory each. `revise` is
    asked twice, before the rate falls, how many steps there shall be in all; its answers are kept by `run.resolve`. `look` is
    asked at validations 1, 2, 4, 8..., since a model changes most at first, and at the last; no weight depends on it.

    A training can be made in parts, to the same bits: with `branch` it ends where the rate begins to fall and leaves that
    step's checkpoint there, nothing of the clock in it; with `start` it goes on from one that another training left, whose
    plan was the same in all that decides the steps up to there.

    Writes {"kind": "train" | "validation", "training": ..., ...} lines and the samples to `run.metrics` (see docs/events.md).
    Raises `Interrupted` (after a checkpoint) when the user stops, `training.not-finite` and `training.out-of-memory` with the
    remedy, `training.broken-start` where `start` is damaged.
    """
    folder = checkpoints or run.scratch / CHECKPOINTS
    training = folder.name.removeprefix(CHECKPOINTS).removeprefix("-")
    model.to(plan.device)
    optimizer = optimizer or build_optimizer(plan.optimizer, model, plan.learning_rate, plan.weight_decay, plan.beta2)
    peaks = [float(group["lr"]) for group in optimizer.param_groups]
    state = _resume(folder, model, optimizer, run, start, plan)
    clock = _Clock(state.seconds)
    score = scoring or objective
    validation_loss: float | None = None

    def keep() -> None:
        state.seconds = clock.total()
        save_checkpoint(folder, state.step, model, optimizer, asdict(state))

    def validate() -> float:
        loss = _validate(model, score, validation, plan, run, training, state, clock)
        if look and (state.step == plan.steps or _is_power_of_two(state.step // plan.validate_every)):
            _look(model, look, run, training, state)
        return loss

    def end() -> int:
        return trunk_of(plan) if branch else plan.steps

    with threads_of(plan.threads), run.progress.task(label, end(), "steps", done=state.step) as task:
        model.train()
        nothing_left = branch is not None and state.step >= end()
        compiled = plan.compile and (nothing_left or _compile(model, source, objective, plan, run, folder.name))
        shares = list(REVISIONS) if revise else []
        while True:
            while revise and shares and state.step >= revision_step(plan, shares[0], state.began):
                plan = _revised(plan, shares.pop(0), revise, state, clock, run, folder.name)
                task.resize(end())
            if state.step >= end():
                break
            factor = wsd(state.step, plan.steps, plan.warmup, plan.decay)
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
            started = time.perf_counter()
            parts = source.batches(*divmod(state.step, source.steps_per_epoch))
            done = take_step(model, optimizer, objective, parts, plan, state.step)
            clock.step(done.tokens, time.perf_counter() - started)
            state.step += 1
            _account(state, done, plan)
            task.advance(1)
            if state.step % max(1, plan.steps // LOGS) == 0 or state.step == end():
                _log(run, training, state, clock, max(peaks) * factor, done.norm)
                task.note("training.note", loss=f"{done.nats / max(1, done.count):.3f}")
            if validation and state.step != plan.steps and plan.validate_every and state.step % plan.validate_every == 0:
                validate()
            if state.step % plan.checkpoint_every == 0 or state.step == end():
                keep()
            run.ledger.failpoint(f"step-{state.step}")
            try:
                run.check()
            except Interrupted:
                keep()
                raise
        for share in shares:  # too few steps were left to measure: kept too, since a replay may begin from nothing
            run.resolve(_decision(folder.name, share), lambda: plan.steps)
        if branch:
            lasting = {"tokens": state.tokens, "closing": state.closing}
            write_checkpoint(branch, state.step, model, optimizer, lasting)
        elif validation:
            validation_loss = validate()
    model.eval()
    loss = state.closing[0] / max(1.0, state.closing[1])
    return TrainResult(
        plan, state.step, state.began, state.tokens, loss, validation_loss, clock.total(), clock.rate(), compiled
    )


def trunk_of(plan: TrainPlan) -> int:
    """Steps of `plan` before its rate begins to fall."""
    return trunk_steps(plan.steps, plan.warmup, plan.decay)


def closing_step(steps: int) -> int:
    """How many of `steps` are done when those begin whose mean loss is the run's."""
    return steps - max(1, round(CLOSING * steps))


def revision_step(plan: TrainPlan, share: float, began: int = 0) -> int:
    """After how many steps the share `share` of those before the fall is done, without the `began` of another training."""
    return began + max(LEAST_MEASURED, int(share * (trunk_of(plan) - began)))


def _revised(plan: TrainPlan, share: float, revise: Revise, state: _State, clock: _Clock, run: Run, name: str) -> TrainPlan:
    """The plan with another number of steps, decided once; the rate has not yet begun to fall. Steps of another training count
    as if they had been done here and now."""

    def decide() -> int:
        least = math.ceil(state.step / (1 - plan.decay)) if plan.decay < 1 else plan.steps
        open_end = math.ceil(state.step / (1 - CLOSING)) + 1  # so that all the losses of the end are still to come
        pace = clock.step_seconds()
        return max(least, open_end, revise(state.step, clock.total() + state.began * pace, pace))

    plan = replace(plan, steps=int(run.resolve(_decision(name, share), decide)))
    if state.step <= closing_step(plan.steps):
        state.closing = [0.0, 0.0]
    return plan


def _decision(name: str, share: float) -> str:
    """The name under which the answer of a `Revise` is kept."""
    return f"steps of {name} after {share:g}"


def _compile(
    model: PreTrainedModel, source: Source[Samples], objective: Objective[Samples], plan: TrainPlan, run: Run, name: str
) -> bool:
    """Compile the layers if that works on this machine; what was found is kept, so that a resumed run does the same."""

    def decide() -> str | None:
        reason = try_compiling(model, lambda: accumulate(model, objective, source.batches(0, 0), plan, 0))
        model.zero_grad(set_to_none=True)
        return reason

    reason = run.resolve(f"compile failure of {name}", decide)
    if reason is None:
        compile_layers(model)
    else:
        run.progress.warn("training.compile-failed", reason=reason)
    return reason is None


def _resume(
    folder: Path, model: PreTrainedModel, optimizer: torch.optim.Optimizer, run: Run, start: Path | None, plan: TrainPlan
) -> _State:
    found = load_checkpoint(folder, model, optimizer)
    if found is None:
        return _State() if start is None else _started(start, model, optimizer, plan)
    step, values, broken = found
    for name in broken:
        run.progress.warn("training.broken-checkpoint", name=name, step=step)
    run.progress.say("training.resumed", step=step)
    return _State(**values)


def _started(start: Path, model: PreTrainedModel, optimizer: torch.optim.Optimizer, plan: TrainPlan) -> _State:
    """The state that another training left. Of the losses at the end it may have had another end in mind."""
    found = read_checkpoint(start, model, optimizer)
    if found is None:
        raise DanluError("training.broken-start", where=str(start))
    step, lasting = found
    state = _State(step=step, began=step, **lasting)
    if step <= closing_step(plan.steps):
        state.closing = [0.0, 0.0]
    return state


def _account(state: _State, done: StepResult, plan: TrainPlan) -> None:
    state.tokens += done.tokens
    sums = [state.logged]
    if state.step > closing_step(plan.steps):
        sums.append(state.closing)
    for pair in sums:
        pair[0] += done.nats
        pair[1] += done.count


def _log(run: Run, training: str, state: _State, clock: _Clock, rate: float, norm: float) -> None:
    """One line with the mean loss since the last line."""
    nats, count = state.logged
    state.logged = [0.0, 0.0]
    run.metrics.write(
        kind="train", training=training, step=state.step, tokens=state.tokens, loss=round(nats / max(1.0, count), 5),
        learning_rate=rate, gradient_norm=round(norm, 4), tokens_per_second=round(clock.rate(), 1),
        seconds=round(clock.total(), 2),
    )  # fmt: skip


def _validate(
    model: PreTrainedModel,
    objective: Objective[Any],
    batches: Sequence[Batch],
    plan: TrainPlan,
    run: Run,
    training: str,
    state: _State,
    clock: _Clock,
) -> float:
    loss = evaluate(model, objective, batches, plan)
    run.metrics.write(
        kind="validation", training=training, step=state.step, tokens=state.tokens, loss=round(loss, 5),
        seconds=round(clock.total(), 2),
    )  # fmt: skip
    return loss


def _look(model: PreTrainedModel, look: Look, run: Run, training: str, state: _State) -> None:
    model.eval()
    with torch.compiler.set_stance("force_eager"):  # samples have other shapes than batches: each would be compiled
        samples = look()
    model.train()
    for sample in samples:
        run.metrics.write(training=training, step=state.step, tokens=state.tokens, **sample)


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0


class _Clock:
    """Seconds in the loop, and tokens a second of the steps alone."""

    def __init__(self, before: float) -> None:
        self._before, self._started = before, time.perf_counter()
        self._steps, self._tokens, self._seconds = 0, 0, 0.0

    def step(self, tokens: int, seconds: float) -> None:
        self._steps += 1
        if self._steps > SETTLING:
            self._tokens, self._seconds = self._tokens + tokens, self._seconds + seconds

    def step_seconds(self) -> float:
        """Mean seconds a step so far, without the first ones where there are more."""
        counted = self._steps - SETTLING
        return self._seconds / counted if counted > 0 else (time.perf_counter() - self._started) / max(1, self._steps)

    def total(self) -> float:
        return self._before + time.perf_counter() - self._started

    def rate(self) -> float:
        return self._tokens / self._seconds if self._seconds else 0.0
