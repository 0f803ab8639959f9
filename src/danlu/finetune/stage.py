"""The stage: for each number of labelled examples a model from the same start, its predictions, and the last one kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from danlu.compute.malloc import keep_freed_memory
from danlu.finetune.features import Features, frozen_features, save_array
from danlu.finetune.head import fit_head
from danlu.finetune.machine import decide_machine
from danlu.finetune.predictions import write_predictions
from danlu.finetune.settings import Settings, batch_size, budget_steps, choose, learning_rate
from danlu.finetune.start import Start, find_start, tokenizer_files
from danlu.finetune.tune import forget, seconds_per_step, tune
from danlu.inference.classify import forward_rows
from danlu.inference.context import context_length, pad_id
from danlu.models.build import count_parameters
from danlu.models.files import load_tokenizer, save_model
from danlu.recipe.finetune import FinetuneConfig
from danlu.tasks.layers import freeze, head_of, set_head
from danlu.tasks.rows import Rows, read_heldout, read_train
from danlu.tasks.source import Examples
from danlu.tasks.subset import nested_subsets
from danlu.tasks.task import Task, task_named
from danlu.training.step import threads_of
from danlu.workspace.artifact import Artifact
from danlu.workspace.extension import blaming
from danlu.workspace.files import write_json
from danlu.workspace.run import Run

Answers = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Work:
    """What every size shares. `train` is in the order of the largest subset, so the first n examples are the subset of n."""

    config: FinetuneConfig
    run: Run
    task: Task
    start: Start
    names: list[str]
    length: int
    pad: int
    machine: dict[str, Any]
    train: Examples
    heldout: Examples

    def build(self) -> tuple[Any, str]:
        """The starting model, frozen as asked, and how it pools."""
        model, pooling = self.task.build(self.start.address, self.names, self.config.initial, self.run.seed)
        freeze(model, self.config.freeze.until)
        return model.to(self.machine["device"]), pooling


def finetune(dataset: Artifact, start: Artifact | None, *, config: FinetuneConfig, run: Run) -> None:
    """Write `model/`, `predictions.parquet` and `facts.json`. The labels of validation and test rows are never read."""
    keep_freed_memory()
    with blaming(config.task, run.base) if config.own_code() else nullcontext():
        _finetune(dataset, start, task_named(config.task, run.base), config, run)


def _finetune(dataset: Artifact, start: Artifact | None, task: Task, config: FinetuneConfig, run: Run) -> None:
    rows, heldout = read_train(dataset), read_heldout(dataset)
    names = task.names(rows.label or ())
    sizes, order = _sizes(rows, config, run)
    where = find_start(config, start, run.base)
    machine = decide_machine(run)
    tokenizer = load_tokenizer(where.address)
    model, pooling = task.build(where.address, names, config.initial, run.seed)
    length = min(config.length, context_length(model))
    labels = [(rows.label or ())[index] for index in order]
    with threads_of(machine["threads"]):
        work = _Work(
            config, run, task, where, names, length, pad_id(model, tokenizer), machine,
            train=task.encode(tokenizer, [rows.text[index] for index in order], labels, names, length),
            heldout=task.encode(tokenizer, heldout.text, None, names, length),
        )  # fmt: skip
        freeze(model, config.freeze.until)
        counted = count_parameters(model)
        facts = {
            "task": task.name, "labels": names, "start": where.facts(), "initial": config.initial,
            "frozen": config.freeze.until, "pooling": pooling, "parameters": counted["parameters"],
            "trainable": counted["trainable"], "trained_on": sizes, "length": length,
        }  # fmt: skip
        each = _fit_heads if config.freeze.until >= 1 else _tune_layers
        settings = each(work, model, sizes, facts)
    answers = {size: np.load(run.scratch / f"answers-{size}.npy") for size in sizes}
    write_predictions(run.output / "predictions.parquet", heldout, answers)
    write_json(run.output / "facts.json", facts | {"settings": settings})
    run.counts.update({"train": len(rows), "heldout": len(heldout), "sizes": len(sizes)})


def _sizes(rows: Rows, config: FinetuneConfig, run: Run) -> tuple[list[int], list[int]]:
    """The numbers of labelled examples, rising to all there are, and the order in which rows enter them."""
    subsets = nested_subsets(rows.keys(), config.labels, run.seed)
    for asked in config.labels:
        if asked not in subsets:
            run.progress.warn("finetune.too-many-labels", asked=asked, rows=len(rows))
    return sorted(subsets), subsets[max(subsets)]


def _fit_heads(work: _Work, model: Any, sizes: Sequence[int], facts: dict[str, Any]) -> dict[str, Any]:
    """Features of all rows once; then a head for each size."""
    model = model.to(work.machine["device"])
    ids = [*work.train.ids, *work.heldout.ids]
    features = frozen_features(model, ids, work.pad, work.run)
    learned, asked = features[: len(work.train)], features[len(work.train) :]
    fitted = {}
    for size in sizes:
        fitted[str(size)] = work.run.once(f"labels-{size}", _head_unit(work, model, size, sizes[-1], learned, asked, facts))
    return fitted


def _head_unit(
    work: _Work, model: Any, size: int, largest: int, learned: Features, asked: Features, facts: dict[str, Any]
) -> Callable[[], dict[str, Any]]:
    def fit() -> dict[str, Any]:
        classes = len(work.names)
        bias = head_of(model)[1].bias is not None
        weight, offset, strength = fit_head(learned[:size], work.train.targets[:size], classes, bias=bias)
        set_head(model, torch.from_numpy(weight), torch.from_numpy(offset))
        # What the model itself will say of these features: its weights, in its precision.
        logits = (asked @ weight.astype(np.float32).T + offset.astype(np.float32)).astype(np.float32)
        _keep(work, model, size, largest, logits, facts)
        return {"strength": strength}

    return fit


def _tune_layers(work: _Work, model: Any, sizes: Sequence[int], facts: dict[str, Any]) -> dict[str, Any]:
    """A training for each size, each from the start."""
    all_steps = work.run.resolve("steps", lambda: _all_steps(work, model, facts["parameters"]))
    tuned = {}
    for size in sizes:
        settings = choose(work.config, size, sizes[-1], all_steps, facts["parameters"])
        tuned[str(size)] = work.run.once(f"labels-{size}", _tune_unit(work, size, sizes[-1], settings, facts))
        forget(size, work.run)
    return tuned


def _tune_unit(work: _Work, size: int, largest: int, settings: Settings, facts: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    def train() -> dict[str, Any]:
        model, _ = work.build()
        work.run.progress.say("finetune.size", labels=size, steps=settings.steps, batch=settings.batch)
        result = tune(model, work.train.take(range(size)), work.task.objective(work.pad), settings, work.machine, work.run)
        _keep(work, model, size, largest, forward_rows(model, work.heldout.ids, pad=work.pad), facts)
        work.run.facts[f"seconds_{size}"] = round(result.seconds, 2)
        work.run.facts[f"tokens_per_second_{size}"] = round(result.tokens_per_second, 1)
        return settings.facts() | {"train_loss": round(result.train_loss, 6)}

    return train


def _keep(work: _Work, model: Any, size: int, largest: int, logits: Answers, facts: dict[str, Any]) -> None:
    """The answers for held-out rows; of the largest size the model too."""
    save_array(work.run.scratch / f"answers-{size}.npy", work.task.answers(logits))
    if size == largest:
        save_model(model.cpu(), work.run.output / "model", tokenizer_files(work.start, work.run), facts)


def _all_steps(work: _Work, model: Any, parameters: int) -> int:
    """Steps for all training rows by the budget."""
    count = len(work.train)
    batch = batch_size(work.config, count)
    seconds = None
    if work.config.budget.unit == "seconds":
        probe = Settings(1, batch, learning_rate(work.config, parameters), work.config.weight_decay)
        objective = work.task.objective(work.pad)
        seconds = seconds_per_step(model, work.train, objective, probe, work.machine, work.run)
    tokens = sum(len(ids) for ids in work.train.ids)
    return budget_steps(work.config, count, batch, tokens, seconds)
