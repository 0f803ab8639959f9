"""What this machine and this text decide about a pretraining: asked once, kept in `resolved.json`, with the reasons."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from transformers import PreTrainedModel

from danlu.compute.machine import Machine
from danlu.models.build import build_config, build_model
from danlu.models.flops import training_flops
from danlu.models.shapes import SHAPES
from danlu.pretrain import settings
from danlu.pretrain.data import Texts, TextSource
from danlu.recipe.pretrain import PretrainConfig
from danlu.training.budget import (
    Measured,
    checkpoint_interval,
    count_steps,
    probe,
    probe_seconds,
    validation_batches,
    validation_interval,
)
from danlu.training.compiling import compile_seconds, compiling_repays
from danlu.training.mixture import MixtureSource
from danlu.training.optimizer import second_beta
from danlu.training.plan import TrainPlan
from danlu.training.schedule import warmup_steps
from danlu.training.step import OUT_OF_MEMORY_KEY
from danlu.workspace.errors import DanluError
from danlu.workspace.run import Run

PARTING_SECONDS, PARTING_CHECKPOINTS = 1.0, 3
"""What lies between trunk and fall: publishing the one and starting the other; the trunk's checkpoint is written once more,
hashed and read."""

Reason = tuple[str, dict[str, Any]]
"""A message key and its parameters."""


@dataclass(frozen=True)
class Decided:
    """The plan of the loop and what is around it. `flops` are those of one token; `validation` counts batches; `between` are
    the seconds that it will take to come from the trunk to the fall. In `mask_steps` steps (0: never) the rate of masking goes
    to its end: as many as there were to be when this was decided, so that a rate is a function of its step alone."""

    plan: TrainPlan
    batch_tokens: int
    micro: int
    dropout: float
    validation: int
    passes: float
    flops: float
    measured: Measured
    between: float
    reasons: Sequence[Reason]
    mask_steps: int = 0

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Decided:
        """Back from `asdict`."""
        return cls(**{**values, "plan": TrainPlan(**values["plan"]), "measured": Measured(**values["measured"])})


@dataclass(frozen=True)
class _Trial:
    """What is needed to measure and to count."""

    config: PretrainConfig
    texts: Texts
    source: TextSource
    draft: TrainPlan
    seed: int
    started: float
    opened: float
    """Seconds that it took to open the texts: the fall will do it again."""

    def build(self) -> PreTrainedModel:
        config = self.config
        return build_model(build_config(config.model, self.texts.vocabulary, config.length, config.dropout or 0.0), self.seed)

    def measure(self, *, compiled: bool) -> Measured:
        plan, seconds = replace(self.draft, compile=compiled), probe_seconds(self.config.budget)
        validation = self.texts.validation(self.source.micro, 1)
        return probe(self.build(), self.source, self.texts.objective(), plan, validation, self.texts.scoring, seconds)

    def steps(self, measured: Measured, compiling: float = 0.0) -> int:
        return count_steps(
            self.config.budget, measured, positions=self.source.windows * self.source.length,
            steps_per_epoch=self.source.steps_per_epoch, spent=time.monotonic() - self.started,
            overhead=compiling + self.between(measured, compiling),
        )  # fmt: skip

    def between(self, measured: Measured, compiling: float = 0.0) -> float:
        """Seconds from the end of the trunk to the first step of the fall."""
        return PARTING_SECONDS + self.opened + compiling + PARTING_CHECKPOINTS * measured.checkpoint_seconds


def decide(config: PretrainConfig, texts: Texts, run: Run, started: float, opened: float) -> dict[str, Any]:
    """Choose all that the recipe leaves open, as JSON; `started` is when the stage began (`time.monotonic()`), `opened` the
    seconds that it took to read what the fall will read again."""
    machine, shape = Machine.probe(gpu=True), SHAPES[config.model.size]
    planned = settings.planned_tokens(config, texts.epoch_tokens)
    asked = config.batch_tokens or settings.batch_tokens(run.threads, machine.gpu is not None, planned)
    windows = max(1, min(asked // config.length, texts.windows))
    most = settings.micro_windows(windows, config.length, shape, texts.vocabulary, run.memory_bytes)
    draft = TrainPlan(
        steps=1, learning_rate=config.learning_rate or settings.learning_rate(config.model), weight_decay=0.0,
        decay=config.decay, beta2=second_beta(windows * config.length), optimizer=config.optimizer,
        precision="bf16" if machine.bf16 or machine.gpu else "fp32", threads=run.threads,
        device="cuda" if machine.gpu else "cpu", seed=run.seed,
    )  # fmt: skip
    trial, measured = _fitting(_Trial(config, texts, texts.source(windows, most), draft, run.seed, started, opened))
    micro = trial.source.micro
    model = trial.build()
    flops = training_flops(model, config.length, config.predicted)
    speed = flops * windows * config.length / measured.step_seconds
    compiled, measured, compiling, why = _compiling(trial, machine, measured, model, speed)
    steps = trial.steps(measured, compiling)
    passes = trial.source.mean_passes(steps)
    plan = replace(
        draft, steps=steps, warmup=_warmup(config, steps), compile=compiled,
        checkpoint_every=checkpoint_interval(measured), validate_every=validation_interval(steps),
        weight_decay=settings.weight_decay(passes) if config.weight_decay is None else config.weight_decay,
    )  # fmt: skip
    decided = Decided(
        plan=plan,
        batch_tokens=windows * config.length,
        micro=micro,
        dropout=settings.dropout(passes) if config.dropout is None else config.dropout,
        validation=validation_batches(measured, steps, len(texts.validation(micro))),
        passes=round(passes, 4),
        flops=flops,
        measured=measured,
        between=round(trial.between(measured, compiling), 3),
        reasons=(),
        mask_steps=0 if config.mask_rate_end is None else steps,
    )
    reasons = [*_reasons(decided, config, shape.hidden, asked), *_mixture_reasons(config, trial.source, steps), why]
    return asdict(replace(decided, reasons=reasons))


def _warmup(config: PretrainConfig, steps: int) -> int:
    if isinstance(config.warmup, float):
        return warmup_steps(steps, config.warmup)
    return max(1, round(config.warmup.amount))


def _fitting(trial: _Trial) -> tuple[_Trial, Measured]:
    """Measure; where memory runs out, again with micro-batches of half the windows."""
    while True:
        try:
            return trial, trial.measure(compiled=False)
        except DanluError as error:
            if error.key != OUT_OF_MEMORY_KEY or trial.source.micro == 1:
                raise
        trial = replace(trial, source=trial.texts.source(trial.source.windows, trial.source.micro // 2))


def _reasons(decided: Decided, config: PretrainConfig, width: int, asked: int) -> list[Reason]:
    """`asked`: tokens a step before the text's own limit, by the recipe or by the machine."""
    plan, batch = decided.plan, decided.batch_tokens
    speed = f"{batch / decided.measured.step_seconds:,.0f}"
    few = "-text" if batch <= asked - config.length else ""  # the text has fewer windows
    by_recipe = config.weight_decay is not None or config.dropout is not None
    regular = {"passes": f"{decided.passes:.2f}", "decay": f"{plan.weight_decay:.2g}", "dropout": f"{decided.dropout:g}"}
    rate = {"rate": f"{plan.learning_rate:.2g}"}
    return [
        (f"pretrain.reason.batch{few or ('-asked' if config.batch_tokens else '')}", {"tokens": batch, "asked": asked}),
        ("pretrain.reason.rate-asked", rate) if config.learning_rate else ("pretrain.reason.rate", {**rate, "width": width}),
        (f"pretrain.reason.passes{'-asked' if by_recipe else ''}", regular),
        (f"pretrain.reason.{plan.precision}", {}),
        ("pretrain.reason.steps", {"steps": plan.steps, "speed": speed}),
    ]


def _mixture_reasons(config: PretrainConfig, source: TextSource, steps: int) -> list[Reason]:
    """How often each source of a mixture is read through."""
    if not config.mixture or not isinstance(source, MixtureSource):
        return []
    read = (f"{name} {100 * source.shares[name]:.3g}% × {passes:.2f}" for name, passes in source.passes(steps).items())
    return [("pretrain.reason.mixture", {"sources": "; ".join(read)})]


def _compiling(
    trial: _Trial, machine: Machine, eager: Measured, model: PreTrainedModel, speed: float
) -> tuple[bool, Measured, float, Reason]:
    """(compile?, the measurement to count with, seconds that compiling will take once more, the reason).

    Only where the estimate says that it repays is it tried, and only where the trial is faster is it done. The loop
    compiles a model of its own; by then the compiler's cache has the code, which a third of the time stands for.
    """
    asked, kind = trial.config.compile, model.config.model_type
    if asked == "never":
        return False, eager, 0.0, ("pretrain.reason.compile-never", {})
    if machine.compiler is None and machine.gpu is None:
        return False, eager, 0.0, ("pretrain.reason.compile-no-compiler", {})
    cost = compile_seconds(kind, model.config.num_hidden_layers, speed)
    seconds = trial.steps(eager) * eager.step_seconds
    if asked == "auto" and not compiling_repays(kind, seconds, cost):
        parameters = {"cost": f"{cost:.0f}", "seconds": f"{seconds:.0f}"}
        return False, eager, 0.0, ("pretrain.reason.compile-no-gain", parameters)
    before = time.monotonic()
    try:
        compiled = trial.measure(compiled=True)
    except Exception as error:  # the compiler is a foreign program: whatever it raises, training can go on
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return False, eager, 0.0, ("pretrain.reason.compile-failed", {"reason": lines[0][:200]})
    again = (time.monotonic() - before) / 3
    gain = eager.step_seconds / compiled.step_seconds
    parameters = {"gain": f"{gain:.2f}"}
    if asked == "auto" and gain <= 1:
        return False, eager, 0.0, ("pretrain.reason.compile-slower", parameters)
    return True, compiled, again, (f"pretrain.reason.compile-{asked}", parameters)
