"""The stage that measures what is simpler than the recipe's models: a model that does not beat it is not worth its price."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from danlu.documents.store import document_parts
from danlu.evaluate import linear
from danlu.evaluate.arrays import save_array
from danlu.evaluate.finer import classifier_parts
from danlu.evaluate.leak import careless_rows, leak_numbers
from danlu.evaluate.overlaps import Tested, overlaps_of_splits, overlaps_with_documents, tested_documents, tested_rows
from danlu.evaluate.own import own_numbers
from danlu.evaluate.predictions import SCHEMA
from danlu.evaluate.rows import Rows, read_rows
from danlu.evaluate.scores import classifier_curve, classifier_numbers
from danlu.evaluate.signed import signed
from danlu.evaluate.text import text_baselines
from danlu.inference.prepare import prepare_text
from danlu.recipe.evaluate import EvaluateConfig
from danlu.tasks.subset import nested_subsets
from danlu.workspace.artifact import Artifact
from danlu.workspace.digest import digest_bytes
from danlu.workspace.files import write_json
from danlu.workspace.run import Run

Floats = npt.NDArray[np.float64]
LISTS = ("numbers", "parts", "comparisons", "openings", "mistakes", "curve", "crossings")


def baselines(
    datasets: dict[str, Artifact], tokens: Artifact | None, tokenizer: Artifact | None, documents: Artifact | None, *,
    config: EvaluateConfig, run: Run,
) -> None:  # fmt: skip
    """Write `evaluation.json`, `predictions.parquet` (classifiers, test rows) and `documents.parquet` (losses by held-out
    document, for paired comparisons). Each fitted model is a unit of work."""
    result: dict[str, Any] = {name: [] for name in LISTS} | {
        "choices": [],
        "overlaps": [],
        "labels": {},
        "samples": {"generated": [], "masks": []},
    }
    tables = []
    asked = {"majority", "tfidf"} & set(config.baselines)
    for name, artifact in sorted(datasets.items()) if asked else ():
        rows = read_rows(artifact)
        tables += _classifiers(name, rows, len(datasets) > 1, config, run, result)
        result["labels"][name] = rows.labels
    result["overlaps"] = _overlaps(datasets, documents, run)
    if tables:
        _write_table(run.output / "predictions.parquet", pa.concat_tables(tables))
    if tokens is not None and documents is not None and tokenizer is not None:
        found = text_baselines(tokens, documents, tokenizer, config, run)
        result["numbers"] += found.numbers
        result["parts"] += found.parts
        if found.documents is not None:
            _write_table(run.output / "documents.parquet", found.documents)
    for name in ("numbers", "parts"):
        result[name] = signed(result[name], {}, datasets, tokens, tokenizer, {})
    write_json(run.output / "evaluation.json", result)


def _overlaps(datasets: Mapping[str, Artifact], documents: Artifact | None, run: Run) -> list[dict[str, Any]]:
    """What is tested on that stands in another split of its dataset, or in the texts that models are pretrained on."""
    found: list[dict[str, Any]] = []
    tested: list[Tested] = []
    with run.progress.task("evaluate.progress.overlaps", None, "texts"):
        for name, artifact in sorted(datasets.items()):
            rows = read_rows(artifact)
            tested += tested_rows(name, rows)
            found += run.once(f"overlaps:{name}", partial(overlaps_of_splits, name, rows))
        if documents is not None and document_parts(documents / "documents"):
            tested += tested_documents(documents)
            found += run.once("overlaps", partial(overlaps_with_documents, tested, documents)) if tested else []
    return found


def _write_table(path: Path, table: pa.Table) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    pq.write_table(table, temporary, compression="zstd")
    temporary.replace(path)


def _classifiers(
    name: str, rows: Rows, several: bool, config: EvaluateConfig, run: Run, result: dict[str, Any]
) -> list[pa.Table]:
    """Majority class and TF-IDF with logistic regression on one dataset; the tables of their predictions."""
    dataset = name if several else None
    train, tested = rows.of("train"), rows.of("test")
    truth, languages = rows.numbers(tested), rows.languages(tested)
    tables: list[pa.Table] = []
    if not train or not tested:
        return tables
    if "majority" in config.baselines:
        shares = _majority(rows, train, tested)
        result["numbers"] += _numbers("majority", shares, truth, languages, dataset, config, run)
        result["parts"] += classifier_parts("majority", shares, rows, tested, dataset=dataset, config=config, seed=run.seed)
        tables.append(_table("majority", name, rows, tested, len(train), shares))
        _open(run, result, "majority", name, len(tested))
    if "tfidf" in config.baselines:
        fitted = _Fitted(name, rows, config, run)
        by_labels: dict[int, Floats] = {}
        subsets = nested_subsets(rows.facts(train), config.labels, run.seed)
        with run.progress.task("evaluate.progress.tfidf", float(len(subsets)), "models") as task:
            for size, places in subsets.items():
                by_labels[size], choice = fitted.learn(size, [train[place] for place in places])
                result["choices"].append({"model": "tfidf", "dataset": name, "labels": size, **choice})
                task.advance()
        final = by_labels[max(by_labels)]
        result["numbers"] += _numbers("tfidf", final, truth, languages, dataset, config, run)
        result["parts"] += classifier_parts("tfidf", final, rows, tested, dataset=dataset, config=config, seed=run.seed)
        result["curve"] += classifier_curve("tfidf", by_labels, truth, languages, dataset=dataset, config=config)
        tables += [_table("tfidf", name, rows, tested, size, table) for size, table in by_labels.items()]
        _open(run, result, "tfidf", name, len(tested))
        if config.leak:
            chosen = result["choices"][-1]
            result["numbers"] += run.once(
                f"leak:{name}",
                lambda: leak_numbers(rows, fitted.counts, chosen["layout"], chosen["strength"], dataset, config, run.seed),
            )
    return tables


def _numbers(
    model: str, table: Floats, truth: npt.NDArray[np.int64], languages: npt.NDArray[np.str_], dataset: str | None,
    config: EvaluateConfig, run: Run,
) -> list[dict[str, Any]]:  # fmt: skip
    """danlu's own metrics of a classifier, then the user's."""
    shipped = classifier_numbers(model, table, truth, languages, dataset=dataset, config=config, seed=run.seed)
    own = own_numbers(model, table, truth, languages, dataset=dataset, config=config, seed=run.seed, folder=run.base)
    return [*(number.to_json() for number in shipped), *own]


def _open(run: Run, result: dict[str, Any], model: str, dataset: str, count: int) -> None:
    """Note that the test labels of a dataset were read to measure a model."""
    opening = {"model": model, "dataset": dataset, "split": "test", "count": count}
    run.events.write(kind="opening", **opening)
    result["openings"].append(opening)


def _majority(rows: Rows, train: list[int], tested: list[int]) -> Floats:
    """(test rows, classes): the shares of the classes among the training rows of the row's language (all, if it has none)."""
    truth, languages = rows.numbers(train), rows.languages(train)
    classes = len(rows.labels)
    whole = np.bincount(truth, minlength=classes)
    shares = {tag: np.bincount(truth[languages == tag], minlength=classes) for tag in sorted(set(languages.tolist()))}
    table = np.array([shares.get(rows.language[index], whole) for index in tested], np.float64).reshape(len(tested), classes)
    table /= table.sum(1, keepdims=True)
    return table


def _table(model: str, dataset: str, rows: Rows, tested: list[int], labels: int, probabilities: Floats) -> pa.Table:
    count = len(tested)
    return pa.table(
        {
            "id": [rows.id[index] for index in tested], "model": [model] * count, "dataset": [dataset] * count,
            "split": ["test"] * count, "language": [rows.language[index] for index in tested],
            "labels": pa.array([labels] * count, pa.int32()),
            "probabilities": pa.array(probabilities.astype(np.float32).tolist(), pa.list_(pa.float32())),
        },
        schema=SCHEMA,
    )  # fmt: skip


class _Fitted:
    """TF-IDF models of one dataset: counts features once, when the first fit that is not done yet asks for them."""

    def __init__(self, name: str, rows: Rows, config: EvaluateConfig, run: Run) -> None:
        self._name, self._rows, self._config, self._run = name, rows, config, run
        self._counts: linear.Counts | None = None
        self._place: dict[str, int] = {}

    def counts(self, indexes: list[int]) -> linear.Counts:
        """(indexes, features) of the texts, prepared as for fine-tuning; one that occurs often is counted once."""
        if self._counts is None:
            rows = self._rows
            used = {rows.text[index] for index, split in enumerate(rows.split) if split}
            used.update(rows.text[index] for index in careless_rows(rows) if self._config.leak)
            self._place = {text: place for place, text in enumerate(sorted(used))}
            with self._run.progress.task("evaluate.progress.features", float(len(used)), "texts") as task:
                prepared = [prepare_text(text) for text in self._place]
                self._counts = linear.count_features(prepared, self._run.check, task.advance)
        return self._counts[[self._place[self._rows.text[index]] for index in indexes]]

    def learn(self, size: int, train: list[int]) -> tuple[Floats, dict[str, Any]]:
        """Test probabilities of the settings that are best on validation, and those settings."""
        path = self._run.scratch / f"{digest_bytes(self._unit(size).encode(), 8)}.npy"
        choice = self._run.once(self._unit(size), lambda: self._choose(train, path))
        return np.load(path), choice

    def _unit(self, size: int) -> str:
        return f"tfidf:{self._name}:{size}"

    def _choose(self, train: list[int], path: Path) -> dict[str, Any]:
        rows = self._rows
        validation, tested = rows.of("validation"), rows.of("test")
        asked = [*validation, *tested]
        learned, questions = self.counts(train), self.counts(asked)
        wanted = rows.numbers(validation)
        best: tuple[float, dict[str, Any], Floats] | None = None
        for layout, strength in linear.choices(rows.languages(train)):
            self._run.check()
            table = linear.answers(
                learned,
                rows.numbers(train),
                rows.languages(train),
                questions,
                rows.languages(asked),
                len(rows.labels),
                layout,
                strength,
            )
            right = float((table[: len(validation)].argmax(1) == wanted).mean()) if validation else 0.0
            if best is None or right > best[0]:
                best = (
                    right,
                    {"layout": layout, "strength": strength, "validation_accuracy": round(right, 10)},
                    table[len(validation) :],
                )
        assert best is not None  # `choices` is never empty
        save_array(path, best[2])
        return best[1]
