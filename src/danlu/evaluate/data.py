"""From a file's columns to what a task is measured on: what is asked, what is right, and the parts of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.evaluate.files import Table
from danlu.metrics.slices import lengths
from danlu.tasks.scoring import SCORED, Read, guess_task, shares, text
from danlu.text.language import guess_language
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import listed
from danlu.workspace.messages import text as words_of

LANGUAGE = "language"  # the task of predicting text itself
METRICS_OF = {"clm": ("bits_per_byte", "bits_per_character", "perplexity"), "mlm": ("masked_nats",)}
"""What models are for -> the metrics of predicting text, the first of which decides; one that is not registered is left out."""
TEXTS = ("text", "sentence", "content", "review", "document")
MOST_SOURCES = 20  # a column of more values than this is no part of the data, but a name of each row
MADE = ("translation", "summary")  # where `source` is a text
Words = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Columns:
    """The columns that a person named; None: guessed by their usual names."""

    text: str | None = None
    label: str | None = None
    prediction: str | None = None
    cluster: str | None = None


@dataclass(frozen=True)
class Data:
    """The rows of a file for one task: `truth` by row as the task reads it (empty for language models), `texts` (the input
    columns of a row joined), `parts` the attributes to slice by, `languages` only where the file has such a column."""

    task: str
    table: Table
    inputs: tuple[str, ...]
    truth_column: str | None
    truth: Sequence[Any]
    texts: Sequence[str]
    languages: Sequence[str] | None
    parts: Mapping[str, Words]
    clusters: npt.NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.table)


def task_of(table: Table, columns: Columns) -> str:
    """The task that the file's columns tell. DanluError where they do not."""
    if columns.label is not None:
        find_column(table, columns.label, (), "--label")
    named = [*table.columns, *(["label"] if columns.label else [])]
    found = guess_task(named, lambda name: table.columns[columns.label if columns.label and name == "label" else name])
    if found is None:
        tasks = ", ".join((*SCORED, LANGUAGE))
        raise DanluError("evaluate.which-task", where=str(table.path), columns=listed(table.columns), tasks=tasks)
    return found


def read_data(table: Table, task: str, columns: Columns) -> Data:
    """The file read for a task. DanluError for a column that is not there and for a cell that cannot be read, with its line."""
    if task != LANGUAGE and task not in SCORED:
        raise DanluError("evaluate.no-task", where=task, task=task, known=", ".join((*SCORED, LANGUAGE)))
    if task == LANGUAGE:
        inputs: tuple[str, ...] = (find_column(table, columns.text, TEXTS, "--text"),)
        truth_column, truth = None, []
    else:
        scored = SCORED[task]
        truth_column = find_column(table, columns.label, scored.truth, "--label")
        truth = read_cells(table, truth_column, scored.read_truth)
        wanted = (columns.text,) if columns.text else scored.inputs
        inputs = tuple(name for name in wanted if name in table.columns and name != truth_column)
        if columns.text and not inputs:
            find_column(table, columns.text, (), "--text")
    cells = [table.columns[name] for name in inputs]
    texts = ["\n".join(_shown(cell) for cell in row) for row in zip(*cells, strict=True)] if cells else []
    tagged = table.columns.get("language")
    languages = None if tagged is None else [str(tag or "und") for tag in tagged]
    clusters = None
    if columns.cluster is not None:
        named = [str(cell) for cell in table.columns[find_column(table, columns.cluster, (), "--cluster")]]
        clusters = np.unique(np.array(named), return_inverse=True)[1].astype(np.int64)
    parts = _parts(table, task, truth, texts, languages)
    return Data(task, table, inputs, truth_column, truth, texts, languages, parts, clusters)


def _parts(
    table: Table, task: str, truth: Sequence[Any], texts: Sequence[str], languages: Sequence[str] | None
) -> dict[str, Words]:
    """Language, length, label and source of each row, each only where the rows differ in it."""
    found: dict[str, Sequence[str]] = {}
    asked = texts or ([" ".join(value) if isinstance(value, list) else "" for value in truth])
    if languages is not None or any(asked):
        found["language"] = languages if languages is not None else [guess_language(words) for words in asked]
    if texts:
        found["length"] = lengths(texts).tolist()
    if task in ("classification", "pairs"):
        found["label"] = list(truth)
    if "source" in table.columns and task not in MADE:
        found["source"] = [str(cell) for cell in table.columns["source"]]
    return {name: np.array(values, dtype=np.str_) for name, values in found.items() if 1 < len(set(values)) <= MOST_SOURCES}


def find_column(table: Table, named: str | None, usual: Sequence[str], option: str) -> str:
    """The column that was named, else the first of the usual ones, else the only one that there is."""
    if named is not None:
        if named in table.columns:
            return named
    else:
        found = next((name for name in usual if name in table.columns), None)
        if found is not None:
            return found
        if len(table.columns) == 1:
            return next(iter(table.columns))
    raise DanluError(
        "evaluate.no-column", where=str(table.path), column=named or " / ".join(usual[:4]), columns=listed(table.columns),
        option=option,
    )  # fmt: skip


def read_cells(table: Table, column: str, read: Read) -> list[Any]:
    """The cells of a column, read. DanluError with the line of the first that cannot be."""
    found = []
    for row, cell in enumerate(table.columns[column]):
        try:
            found.append(read(cell))
        except (ValueError, TypeError) as error:
            needed = words_of(f"evaluate.needs.{read.__name__.replace('maybe_', '')}")
            raise DanluError(
                "evaluate.cell", where=table.where(row), column=column, found=repr(cell)[:80], needed=needed
            ) from error
    return found


def read_shares(table: Table) -> list[dict[str, float]] | None:
    """Probabilities by class, from a column `probabilities` or columns `probabilities.CLASS`; None if there are none."""
    if "probabilities" in table.columns:
        found: list[dict[str, float]] = read_cells(table, "probabilities", shares)
        return found
    names = [name for name in table.columns if name.startswith("probabilities.")]
    if not names:
        return None
    together = [
        {name.partition(".")[2]: cell for name, cell in zip(names, row, strict=True)}
        for row in zip(*(table.columns[name] for name in names), strict=True)
    ]
    joined = Table(table.path, {"probabilities.*": together}, table.lines, table.key)
    return read_cells(joined, "probabilities.*", shares)


def column_texts(table: Table, column: str) -> list[str]:
    """A column of texts."""
    found: list[str] = read_cells(table, column, text)
    return found


def _shown(cell: Any) -> str:
    """A cell as text: words of a list one after another."""
    if isinstance(cell, list):
        return " ".join(map(str, cell))
    return "" if cell is None else str(cell)
