"""The stage that measures the recipe's models, beside the baselines, on texts that no training saw."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from danlu.compute.machine import Machine
from danlu.evaluate.arrays import save_array
from danlu.evaluate.finer import classifier_parts, text_parts
from danlu.evaluate.held_out import LanguageModel
from danlu.evaluate.language import (
    Losses,
    compare_losses,
    document_chunks,
    language_numbers,
    read_losses,
    store_languages,
)
from danlu.evaluate.meaning import meaning
from danlu.evaluate.own import own_numbers
from danlu.evaluate.predictions import Predictions, baseline_predictions, model_predictions
from danlu.evaluate.rows import Rows, read_rows
from danlu.evaluate.sampled import held_out_texts
from danlu.evaluate.scores import classifier_curve, classifier_numbers, compare_classifiers, mistakes
from danlu.evaluate.signed import signed
from danlu.inference.losses import TextLosses, range_names
from danlu.inference.precision import Precision
from danlu.inference.samples import Text, generated, masks
from danlu.metrics.compare import Comparison, corrected
from danlu.metrics.curve import crossings
from danlu.recipe.evaluate import EvaluateConfig
from danlu.tokens.store import TokenStore
from danlu.training.step import threads_of
from danlu.workspace.artifact import Artifact
from danlu.workspace.digest import digest_bytes
from danlu.workspace.files import read_json, write_json
from danlu.workspace.run import Run

UNIT_TOKENS = 100_000  # tokens in a unit of work
LISTS = ("numbers", "parts", "comparisons", "openings", "mistakes", "curve", "crossings", "meaning")


def evaluate(
    models: dict[str, Artifact], datasets: dict[str, Artifact], tokens: Artifact | None, tokenizer: Artifact | None,
    documents: Artifact | None, *, config: EvaluateConfig, run: Run, baselines: Artifact | None = None,
) -> None:  # fmt: skip
    """Write `evaluation.json`. `baselines` (the artifact of `evaluate.baselines`) adds comparisons and crossings with them.

    Each model is a unit of work (a language model, one for each part of the held-out text), so a killed run goes on.
    """
    result: dict[str, Any] = {name: [] for name in LISTS} | {"samples": {"generated": [], "masks": []}}
    pretrained = {name: artifact for name, artifact in sorted(models.items()) if artifact.stage == "pretrain.decay"}
    finetuned = {name: artifact for name, artifact in sorted(models.items()) if artifact.stage == "finetune"}
    precisions: dict[str, Precision] = dict.fromkeys(finetuned, "fp32")
    if pretrained and tokens is not None:
        _language_models(pretrained, tokens, documents, baselines, config, run, result, precisions)
    if finetuned:
        _classifiers(finetuned, datasets, baselines, config, run, result)
    # One family: what the page says of who is better holds for all of it at once.
    result["comparisons"] = [found.to_json() for found in corrected(result["comparisons"])]
    shown = read_json(baselines / "evaluation.json") if baselines is not None else {}
    together = {name: [*shown.get(name, []), *result[name]] for name in LISTS}
    result["meaning"] = meaning(together, {name: _facts(artifact) for name, artifact in sorted(models.items())})
    for name in ("numbers", "parts"):
        result[name] = signed(result[name], models, datasets, tokens, tokenizer, precisions)
    write_json(run.output / "evaluation.json", result)


def _facts(artifact: Artifact) -> dict[str, Any]:
    found: dict[str, Any] = read_json(artifact / "facts.json")
    return found


# Language models


def _language_models(
    models: Mapping[str, Artifact], tokens: Artifact, documents: Artifact | None, baselines: Artifact | None,
    config: EvaluateConfig, run: Run, result: dict[str, Any], precisions: dict[str, Precision],
) -> None:  # fmt: skip
    """Fill in `result`, and `precisions` by model."""
    store = TokenStore.open(tokens / "holdout")
    languages = store_languages(store)
    texts = held_out_texts(documents, config.samples) if documents is not None and config.samples else []
    measured = []
    probed = Machine.probe(gpu=True)
    native = probed.bf16 or probed.gpu is not None
    machine = run.resolve("machine", lambda: {"device": "cuda" if probed.gpu else "cpu", "threads": run.threads})
    total = float(len(models) * len(store.tokens))
    with threads_of(machine["threads"]), run.progress.task("evaluate.progress.language", total, "tokens") as task:
        for name, artifact in models.items():
            model = LanguageModel(name, artifact, machine["device"])
            decided = run.resolve(f"precision of {name}", partial(model.decide_precision, store, native))
            precisions[name] = decided["precision"]
            measured.append(_losses(model, store, decided["precision"], run, task.advance))
            for kind, entries in _samples(model, texts, run).items():
                result["samples"][kind] += entries
    for losses in measured:
        result["numbers"] += [number.to_json() for number in language_numbers(losses, languages, config, run.seed)]
        result["parts"] += text_parts(losses, store, languages, config=config, seed=run.seed)
    known = baseline_losses(baselines, len(store)) if baselines is not None else []
    pairs = [*((a, b) for a in measured for b in known), *combinations(measured, 2)]
    for a, b in pairs:
        if a.objective == b.objective:
            result["comparisons"] += compare_losses(a, b, languages, config, run.seed)


def _losses(model: LanguageModel, store: TokenStore, precision: Precision, run: Run, advance: Callable[[int], None]) -> Losses:
    """The sums of each held-out document, made in parts that are kept in the run's scratch directory."""
    parts = []
    for number, chunk in enumerate(document_chunks(store, UNIT_TOKENS)):
        path = run.scratch / f"losses-{digest_bytes(model.name.encode(), 8)}-{number:05d}.npy"

        def measure(chunk: range = chunk, path: Path = path) -> None:
            save_array(path, model.losses(store, chunk, precision, advance).sums)

        run.once(f"losses:{model.name}:{number}", measure)
        parts.append(np.load(path))
    ranges = range_names()
    return Losses(model.name, model.objective, TextLosses(np.concatenate([np.zeros((0, len(ranges), 4)), *parts]), ranges))


def _samples(model: LanguageModel, texts: list[Text], run: Run) -> dict[str, list[dict[str, Any]]]:
    kind, make = ("generated", partial(generated, seed=run.seed)) if model.objective == "clm" else ("masks", masks)

    def look() -> list[dict[str, Any]]:
        return [{"model": model.name, **entry} for entry in make(model.loaded, texts)] if texts else []

    return {kind: run.once(f"samples:{model.name}", look)}


def baseline_losses(baselines: Artifact, documents: int) -> list[Losses]:
    """The losses by document that the baselines saved, if they are of as many documents."""
    path = baselines / "documents.parquet"
    return [losses for losses in read_losses(path) if len(losses.sums.sums) == documents] if path.is_file() else []


# Classifiers


def _classifiers(
    models: Mapping[str, Artifact], datasets: Mapping[str, Artifact], baselines: Artifact | None, config: EvaluateConfig,
    run: Run, result: dict[str, Any],
) -> None:  # fmt: skip
    rows = {name: read_rows(artifact) for name, artifact in sorted(datasets.items())}
    several = len(rows) > 1
    curves = [] if baselines is None else list(read_json(baselines / "evaluation.json")["curve"])
    found: dict[str, list[Predictions]] = {}
    with run.progress.task("evaluate.progress.classifiers", float(len(models)), "models") as task:
        for name, artifact in models.items():
            predictions = model_predictions(name, artifact, rows)
            found.setdefault(predictions.dataset, []).append(predictions)
            alone = run.once(f"classifier:{name}", partial(_measure_classifier, predictions, rows, several, config, run))
            for part, entries in alone.items():
                result[part] += entries
            task.advance()
    for dataset, mine in found.items():
        known = baseline_predictions(baselines, dataset, rows[dataset]) if baselines is not None else []
        for a, b in [*((a, b) for a in mine for b in known), *combinations(mine, 2)]:
            run.check()
            compared = _compare(a, b, dataset if several else None, config, run.seed)
            result["comparisons"] += compared
    own = set(models)
    result["crossings"] = [entry for entry in crossings([*curves, *result["curve"]]) if {entry["a"], entry["b"]} & own]


def _measure_classifier(
    predictions: Predictions, rows: Mapping[str, Rows], several: bool, config: EvaluateConfig, run: Run
) -> dict[str, Any]:
    """Everything about one model alone; this is where its test labels are opened, and the opening is logged."""
    name, dataset = predictions.model, predictions.dataset if several else None
    run.events.write(kind="opening", model=name, dataset=predictions.dataset, split="test", count=len(predictions.truth))
    probabilities, truth, languages = predictions.final, predictions.truth, predictions.languages
    numbers = classifier_numbers(name, probabilities, truth, languages, dataset=dataset, config=config, seed=run.seed)
    texts = [rows[predictions.dataset].text[index] for index in predictions.indexes]
    own = own_numbers(name, probabilities, truth, languages, dataset=dataset, config=config, seed=run.seed, folder=run.base)
    parts = classifier_parts(
        name, probabilities, rows[predictions.dataset], predictions.indexes, dataset=dataset, config=config, seed=run.seed
    )
    return {
        "numbers": [*(number.to_json() for number in numbers), *own],
        "parts": parts,
        "curve": classifier_curve(name, predictions.by_labels, truth, languages, dataset=dataset, config=config),
        "openings": [{"model": name, "dataset": predictions.dataset, "split": "test", "count": len(truth)}],
        "mistakes": mistakes(name, probabilities, truth, languages, texts, predictions.labels, config.samples),
    }


def _compare(a: Predictions, b: Predictions, dataset: str | None, config: EvaluateConfig, seed: int) -> Iterable[Comparison]:
    return compare_classifiers(
        (a.model, b.model), a.final, b.final, a.truth, a.languages, dataset=dataset, config=config, seed=seed
    )
