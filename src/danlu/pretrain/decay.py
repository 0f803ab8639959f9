"""The stage `pretrain.decay`: from the end of a trunk the rate falls to 0, and the model is there."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Literal

from danlu.compute.machine import Machine
from danlu.compute.malloc import keep_freed_memory
from danlu.models.files import save_model
from danlu.models.flops import training_flops
from danlu.pretrain.data import Texts
from danlu.pretrain.record import carry_metrics, record
from danlu.pretrain.samples import sampler
from danlu.pretrain.settled import CHECKPOINT, FACTS, Settled, model_facts
from danlu.recipe.pretrain import PretrainConfig
from danlu.training.budget import Measured, checkpoint_interval, validation_batches, validation_interval
from danlu.training.loop import train
from danlu.workspace.artifact import Artifact
from danlu.workspace.files import disk_errors, read_json, write_json
from danlu.workspace.run import RESOLVED, Run


@dataclass(frozen=True)
class Upkeep:
    """What this machine decides anew, and what it keeps to of what was decided; `validation` counts batches."""

    device: str
    precision: Literal["fp32", "bf16"]
    threads: int
    checkpoint_every: int
    validate_every: int
    validation: int


def decay(trunk: Artifact, tokens: Artifact, tokenizer: Artifact, *, config: PretrainConfig, run: Run) -> None:
    """Go on from the checkpoint of `trunk` with its own settings to the last step; writes `model/` and `facts.json`."""
    started = time.monotonic()
    keep_freed_memory()
    texts = Texts.open(tokens, tokenizer, config, run)
    settled = Settled.read(trunk.path)
    upkeep = Upkeep(**run.resolve("decay", lambda: asdict(_upkeep(trunk, settled, texts))))
    plan = replace(settled.plan, **{name: value for name, value in asdict(upkeep).items() if name != "validation"})
    model, source = settled.model(texts), settled.source(texts)
    carry_metrics(trunk.path, run)
    result = train(
        model, source, texts.objective(settled.mask_steps), plan, run, start=trunk / CHECKPOINT,
        validation=texts.validation(settled.micro, upkeep.validation), scoring=texts.scoring,
        look=sampler(model, texts, tokenizer.path, run), label="pretrain.progress.decay",
    )  # fmt: skip
    facts = {
        **model_facts(config, settled, model, result.steps, result.tokens, source),
        "train_loss": result.train_loss, "validation_loss": result.validation_loss,
    }  # fmt: skip
    with disk_errors(run.output):
        save_model(model.to("cpu"), run.output / "model", tokenizer.path, facts)
        write_json(run.output / FACTS, facts)
    run.counts.update({"steps": result.steps, "tokens": result.tokens})
    flops = training_flops(model, config.length, config.predicted)
    run.facts.update(record(result, flops, time.monotonic() - started))


def _upkeep(trunk: Artifact, settled: Settled, texts: Texts) -> Upkeep:
    """By what the trunk measured: how often to keep a checkpoint and to validate, and on how much."""
    measured = Measured(**read_json(trunk / RESOLVED)["pretrain"]["measured"])
    steps, most = settled.plan.steps, len(texts.validation(settled.micro))
    return Upkeep(
        device="cuda" if Machine.probe(gpu=True).gpu else "cpu",
        precision=settled.plan.precision,
        threads=settled.plan.threads,
        checkpoint_every=checkpoint_interval(measured),
        validate_every=validation_interval(steps),
        validation=validation_batches(measured, steps, most),
    )
