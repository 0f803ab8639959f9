"""The stage `pretrain.trunk`: warmup and constant rate, from nothing or from where a shorter trunk ended."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from danlu.compute.malloc import keep_freed_memory
from danlu.pretrain.data import Texts
from danlu.pretrain.decide import Decided, decide
from danlu.pretrain.record import carry_metrics, record
from danlu.pretrain.samples import sampler
from danlu.pretrain.settled import CHECKPOINT, FACTS, Settled, model_facts
from danlu.pretrain.start import count_text
from danlu.recipe.pretrain import PretrainConfig
from danlu.training.budget import count_again
from danlu.training.checkpoint import is_whole
from danlu.training.loop import Revise, train
from danlu.workspace.artifact import Artifact
from danlu.workspace.files import disk_errors, write_json
from danlu.workspace.messages import text
from danlu.workspace.run import Run


def trunk(tokens: Artifact, tokenizer: Artifact, *, config: PretrainConfig, run: Run) -> None:
    """Decide all that the recipe leaves open, and train up to where the rate begins to fall.

    Writes `checkpoint/`, the model with the optimizer's state, and `facts.json`, what the fall must keep to.
    """
    started = time.monotonic()
    keep_freed_memory()
    texts = Texts.open(tokens, tokenizer, config, run)
    opened = time.monotonic() - started
    if texts.lacks_words:
        run.progress.warn("pretrain.words-unknown")
    prepare = count_text(texts, run)
    decided = Decided.from_json(run.resolve("pretrain", lambda: decide(config, texts, run, started, opened)))
    for key, parameters in decided.reasons:
        run.progress.say(key, **parameters)
    settled = Settled(decided.plan, decided.batch_tokens, decided.micro, decided.dropout, decided.mask_steps)
    model, source = settled.model(texts), settled.source(texts)
    earlier = _begin(settled, run)
    if earlier is None:
        prepare(model)
    result = train(
        model, source, texts.objective(settled.mask_steps), decided.plan, run,
        validation=texts.validation(decided.micro, decided.validation), scoring=texts.scoring,
        look=sampler(model, texts, tokenizer.path, run),
        label="pretrain.progress.trunk", branch=run.output / CHECKPOINT,
        start=None if earlier is None else earlier / CHECKPOINT,
        revise=_reviser(config, decided, started) if config.budget.unit == "seconds" else None,
    )  # fmt: skip
    settled = replace(settled, plan=replace(result.plan, compile=result.compiled))
    facts = model_facts(config, settled, model, result.steps, result.tokens, source)
    with disk_errors(run.output):
        write_json(run.output / FACTS, {**facts, "total_steps": settled.plan.steps, "settled": settled.facts()})
    run.counts.update({"steps": result.steps, "tokens": result.tokens})
    run.facts.update(record(result, decided.flops, time.monotonic() - started))
    run.facts["reasons"] = [text(key, "en", **parameters) for key, parameters in decided.reasons]
    if result.began:
        run.facts["goes_on_from"] = {"artifact": run.ledger.get("begin"), "step": result.began}


def _begin(settled: Settled, run: Run) -> Path | None:
    """The earlier trunk to go on from, chosen once; None if there is none, or none any more."""

    def choose() -> str:
        earlier = _longest(run.earlier, settled)
        if earlier is None:
            return ""
        run.progress.say("pretrain.goes-on", step=Settled.read(earlier).trunk_steps, artifact=earlier.name)
        carry_metrics(earlier, run)
        return earlier.name

    name = run.once("begin", choose)
    return next((path for path in run.earlier if path.name == name), None)


def _longest(found: tuple[Path, ...], wanted: Settled) -> Path | None:
    """Of the earlier trunks that `wanted` begins like, the one with the most steps; damaged ones are passed over."""
    fitting = []
    for path in found:
        with suppress(OSError, ValueError, KeyError, TypeError):
            if wanted.begins_like(settled := Settled.read(path)):
                fitting.append((settled.trunk_steps, path))
    return next((path for _, path in sorted(fitting, reverse=True) if is_whole(path / CHECKPOINT)), None)


def _reviser(config: PretrainConfig, decided: Decided, started: float) -> Revise:
    """Counts the steps of a budget in seconds again; what comes before the loop and after it belongs to the budget."""
    around = time.monotonic() - started + decided.between

    def revise(done: int, seconds: float, step_seconds: float) -> int:
        return count_again(config.budget, decided.measured, done=done, spent=around + seconds, step_seconds=step_seconds)

    return revise
