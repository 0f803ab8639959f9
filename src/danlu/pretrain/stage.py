"""The stage `pretrain`: from a token store to a model directory."""

from __future__ import annotations

import time
from typing import Any

from transformers import PreTrainedModel

from danlu.compute.malloc import keep_freed_memory
from danlu.models.build import build_config, build_model, count_parameters, start_from_frequencies
from danlu.models.files import save_model
from danlu.pretrain.data import Texts
from danlu.pretrain.decide import Decided, decide
from danlu.recipe.pretrain import PretrainConfig
from danlu.tokens.files import tokenizer_digest, vocabulary_size
from danlu.training.budget import count_again
from danlu.training.language import Windows
from danlu.training.loop import Revise, train
from danlu.training.objective import Objective
from danlu.training.own import Setting, own_objective
from danlu.training.plan import TrainResult
from danlu.workspace.artifact import Artifact
from danlu.workspace.files import disk_errors, write_json
from danlu.workspace.messages import text
from danlu.workspace.run import Run


def pretrain(tokens: Artifact, tokenizer: Artifact, *, config: PretrainConfig, run: Run) -> None:
    """Train a model from nothing on the store `tokens`; writes `model/` and `facts.json`."""
    started = time.monotonic()
    keep_freed_memory()
    vocabulary = vocabulary_size(tokenizer.path)
    own = _own_objective(config, vocabulary, tokenizer, run)
    texts = Texts.open(tokens, tokenizer_digest(tokenizer.path), config, vocabulary, run.seed, own)
    decided = Decided.from_json(run.resolve("pretrain", lambda: decide(config, texts, run, started)))
    for key, parameters in decided.reasons:
        run.progress.say(key, **parameters)
    model = build_model(build_config(config.model, vocabulary, config.length, decided.dropout), run.seed)
    start_from_frequencies(model, texts.counts)
    source = texts.source(decided.batch_tokens // config.length, decided.micro)
    result = train(
        model, source, texts.objective, decided.plan, run,
        validation=texts.validation(decided.micro, decided.validation), scoring=texts.scoring, label="pretrain.progress",
        revise=_reviser(config, decided, started) if config.budget.unit == "seconds" else None,
    )  # fmt: skip
    facts = _facts(config, decided, result, source.steps_per_epoch, model)
    with disk_errors(run.output):
        save_model(model.to("cpu"), run.output / "model", tokenizer.path, facts)
        write_json(run.output / "facts.json", facts)
    run.counts.update({"steps": result.steps, "tokens": result.tokens})
    run.facts.update(_record(decided, result, time.monotonic() - started))


def _own_objective(config: PretrainConfig, vocabulary: int, tokenizer: Artifact, run: Run) -> Objective[Windows] | None:
    """The user's objective, where the recipe names one."""
    if not config.own_code():
        return None
    setting = Setting(config.model.family, vocabulary, config.mask_rate, run.seed, tokenizer.path)
    return own_objective(config.objective, run.base, setting)


def _reviser(config: PretrainConfig, decided: Decided, started: float) -> Revise:
    """Counts the steps of a budget in seconds again; what came before the loop belongs to the budget."""
    before = time.monotonic() - started

    def revise(done: int, seconds: float, step_seconds: float) -> int:
        return count_again(config.budget, decided.measured, done=done, spent=before + seconds, step_seconds=step_seconds)

    return revise


def _facts(
    config: PretrainConfig, decided: Decided, result: TrainResult, steps_per_epoch: int, model: PreTrainedModel
) -> dict[str, Any]:
    """What the model is, for its card: the same at the same `resolved.json`, so nothing of the clock."""
    plan, parameters = decided.plan, count_parameters(model)
    architectures = model.config.architectures or [type(model).__name__]
    return {
        "family": config.model.family, "preset": config.model.preset, "size": config.model.size,
        "architecture": architectures[0], "parameters": parameters["parameters"],
        "embedding_parameters": parameters["embedding_parameters"], "objective": config.kind,
        "mask_rate": config.mask_rate if config.kind == "mlm" else None, "steps": result.steps, "tokens": result.tokens,
        "epochs": round(result.steps / steps_per_epoch, 4), "batch_tokens": decided.batch_tokens, "length": config.length,
        "optimizer": plan.optimizer, "learning_rate": plan.learning_rate, "weight_decay": plan.weight_decay,
        "dropout": decided.dropout, "precision": plan.precision, "train_loss": result.train_loss,
        "validation_loss": result.validation_loss, **({"own_objective": config.objective} if config.own_code() else {}),
    }  # fmt: skip


def _record(decided: Decided, result: TrainResult, seconds: float) -> dict[str, Any]:
    """What it cost on this machine."""
    return {
        "seconds": round(seconds, 1), "training_seconds": round(result.seconds, 1),
        "tokens_per_second": round(result.tokens_per_second, 1), "flops": decided.flops * result.tokens,
        "flops_per_second": round(decided.flops * result.tokens_per_second), "compiled": result.compiled,
        "reasons": [text(key, "en", **parameters) for key, parameters in decided.reasons],
    }  # fmt: skip
