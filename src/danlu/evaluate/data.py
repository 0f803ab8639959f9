"""From a file's columns to what a task is measured on: what is asked, what is right, and the parts of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.evaluate.files import Table, stem
from danlu.evaluate.numbered import is_numbered, with_names
from danlu.evaluate.row_language import row_languages
from danlu.metrics.slices import lengths
from danlu.tasks.scoring import (
    BAD,
    CONTRASTS,
    GOOD,
    LOGS,
    MINIMAL,
    PAIRED,
    SCORED,
    Read,
    Scored,
    guess_task,
    number,
    parsed,
    sentence,
    shares,
)
from danlu.text.language import guess_language
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import listed
from danlu.workspace.messages import text as words_of

LANGUAGE = "language"  # the task of predicting text itself
METRICS_OF: Mapping[str, tuple[str, ...]] = {
    "clm": ("bits_per_byte", "bits_per_character", "perplexity"),
    "mlm": ("masked_nats", "pseudo_perplexity"),
    "spans": ("span_bits_per_byte",),
}
"""What models are for -> the metrics of predicting text, the first of which decides."""
ASKED = ("pseudo_perplexity",)
"""Measured only where they are named: this one costs a text's length squared."""
TEXTS = ("text", "sentence", "content", "review", "document")
MOST_SOURCES = 20  # a column of more values than this is no part of the data, but a name of each row
MOST_CONTRASTS = 1000  # of minimal pairs: ZhoBLiMP has 118 paradigms
MADE = ("translation", "summary")  # where `source` is a text
BY_RULES = ("answers", *MADE)  # scored by rules that differ between languages
Words = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Columns:
    """The columns that a person named; None: guessed by their usual names. `tags`: the names of numbered tags, from 0."""

    text: str | None = None
    label: str | None = None
    prediction: str | None = None
    cluster: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Data:
    """The rows of a file for one task: `truth` by row as the task reads it (empty where there is no such column), `texts` (the
    input columns of a row joined; of a minimal pair the acceptable sentence), `parts` the attributes to slice by, `languages`
    only where the file has such a column; `rules`: the language by whose rules each row is scored, where that matters."""

    task: str
    table: Table
    inputs: tuple[str, ...]
    truth_column: str | None
    truth: Sequence[Any]
    texts: Sequence[str]
    languages: Sequence[str] | None
    parts: Mapping[str, Words]
    clusters: npt.NDArray[np.int64] | None
    rules: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.table)

    @property
    def couples(self) -> list[tuple[str, str]] | None:
        """The two texts of each row, where the inputs are two that belong together."""
        if self.inputs not in (*PAIRED, (GOOD, BAD)):
            return None
        first, second = ([shown(cell) for cell in self.table.columns[name]] for name in self.inputs)
        return list(zip(first, second, strict=True))

    @property
    def apart(self) -> dict[str, list[str]]:
        """The texts of each input column; of a minimal pair the acceptable sentence."""
        names = self.inputs[:1] if self.task == MINIMAL else self.inputs
        return {name: [shown(cell) for cell in self.table.columns[name]] for name in names}

    def asked(self, row: int) -> dict[str, Any]:
        """The input cells of a row by column."""
        return {name: self.table.columns[name][row] for name in self.inputs}


def task_of(table: Table, columns: Columns) -> str | None:
    """The task that the file's columns tell; None where they do not."""
    if columns.label is not None:
        find_column(table, columns.label, (), "--label")
    named = [*table.columns, *(["label"] if columns.label else [])]
    if columns.text is not None:  # a person who names one column of texts does not mean pairs of them
        named = [name for name in named if name not in (GOOD, BAD)]
    return guess_task(named, lambda name: table.columns[columns.label if columns.label and name == "label" else name])


def read_data(table: Table, task: str, columns: Columns) -> Data:
    """The file read for a task. DanluError for a column that is not there and for a cell that cannot be read, with its line."""
    if task != LANGUAGE and task not in SCORED:
        raise DanluError("evaluate.no-task", where=task, task=task, known=", ".join((*SCORED, LANGUAGE)))
    truth_column, truth = None, list[Any]()
    if task == LANGUAGE:
        inputs: tuple[str, ...] = (find_column(table, columns.text, TEXTS, "--text"),)
    elif task == MINIMAL:
        inputs = _sentences(table)
    else:
        scored = SCORED[task]
        truth_column = find_column(table, columns.label, scored.truth, "--label")
        named = named_tags(table, truth_column, columns.tags) if task == "entities" else table
        truth = read_cells(named, truth_column, scored.read_truth)
        inputs = _inputs(table, task, scored, columns.text, truth_column)
    joined = inputs[:1] if task == MINIMAL else inputs
    cells = [table.columns[name] for name in joined]
    texts = ["\n".join(shown(cell) for cell in row) for row in zip(*cells, strict=True)] if cells else []
    tagged = table.columns.get("language")
    languages = None if tagged is None else [str(tag or "und") for tag in tagged]
    clusters = None
    if columns.cluster is not None:
        whole = [str(cell) for cell in table.columns[find_column(table, columns.cluster, (), "--cluster")]]
        clusters = np.unique(np.array(whole), return_inverse=True)[1].astype(np.int64)
    parts = _parts(table, task, truth, texts, languages)
    rules = languages
    if languages is None and task in BY_RULES:
        rules = row_languages(truth, None if task == "translation" else texts)
    return Data(task, table, inputs, truth_column, truth, texts, languages, parts, clusters, rules)


def _sentences(table: Table) -> tuple[str, str]:
    """The two columns of minimal pairs. DanluError if one is not there, or a sentence is empty."""
    for name in (GOOD, BAD):
        if name not in table.columns:
            raise DanluError("evaluate.no-sentence", where=str(table.path), column=name, columns=listed(table.columns))
        read_cells(table, name, sentence)
    return GOOD, BAD


def _inputs(table: Table, task: str, scored: Scored, named: str | None, truth_column: str) -> tuple[str, ...]:
    """The columns that are asked: the one that was named, else two that are read together, else all with a usual name."""
    if named is not None:
        return (find_column(table, named, (), "--text"),)
    couple = next((couple for couple in PAIRED if set(couple) <= set(table.columns)), None)
    if couple is not None and task in ("pairs", "regression"):
        return couple
    return tuple(name for name in scored.inputs if name in table.columns and name != truth_column)


def _parts(
    table: Table, task: str, truth: Sequence[Any], texts: Sequence[str], languages: Sequence[str] | None
) -> dict[str, Words]:
    """Language, length, label and source of each row, and what a minimal pair tests; each only where the rows differ in it."""
    found: dict[str, Sequence[str]] = {}
    asked = texts or ([" ".join(value) if isinstance(value, list) else "" for value in truth])
    if languages is not None or any(asked):
        found["language"] = languages if languages is not None else [guess_language(words) for words in asked]
    if task == MINIMAL:
        found |= _contrasts(table)
    elif texts:
        found["length"] = lengths(texts).tolist()
    if task in ("classification", "pairs"):
        found["label"] = list(truth)
    if "source" in table.columns and task not in MADE:
        found["source"] = [str(cell) for cell in table.columns["source"]]
    most = dict.fromkeys(CONTRASTS, MOST_CONTRASTS)
    return {
        name: np.array(values, dtype=np.str_)
        for name, values in found.items()
        if 1 < len(set(values)) <= most.get(name, MOST_SOURCES)
    }


def _contrasts(table: Table) -> dict[str, list[str]]:
    """What each minimal pair tests ("": unsaid). A pair that names no paradigm has the name of its file, where there are
    several."""
    found = {}
    for contrast, usual in CONTRASTS.items():
        columns = [table.columns[name] for name in usual if name in table.columns]
        if contrast == "paradigm" and table.files is not None:
            columns.append([stem(file) for file in table.files])
        if columns:
            found[contrast] = [next((str(cell) for cell in cells if cell), "") for cells in zip(*columns, strict=True)]
    return found


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


def named_tags(table: Table, column: str, names: Sequence[str]) -> Table:
    """The table with the numbered tags of a column named. DanluError with the line of the first that nothing names."""
    found = [with_names(cell, names) for cell in table.columns[column]]
    row = next((row for row, cell in enumerate(found) if is_numbered(parsed(cell))), None)
    if row is not None:
        key = "evaluate.unnamed-tag" if names else "evaluate.numbered-tags"
        raise DanluError(key, where=table.where(row), column=column, found=str(found[row])[:80], count=len(names))
    return replace(table, columns={**table.columns, column: found})


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
    joined = Table(table.path, {"probabilities.*": together}, table.lines, table.key, table.files)
    return read_cells(joined, "probabilities.*", shares)


def read_answers(table: Table, task: str, columns: Columns, usual: Sequence[str]) -> tuple[str, list[Any]]:
    """The answers of a file of predictions, and the name of the column or columns that they stand in."""
    if task == MINIMAL and columns.prediction is None and not set(usual) & set(table.columns):
        return _read_logs(table)
    named = find_column(table, columns.prediction, usual, "--prediction")
    if task == "entities":
        table = named_tags(table, named, columns.tags)
    return named, read_cells(table, named, SCORED[task].read_predicted)


def _read_logs(table: Table) -> tuple[str, list[Any]]:
    """Log-probabilities of both sentences, a column each."""
    if not set(LOGS) <= set(table.columns):
        raise DanluError("evaluate.no-logs", where=str(table.path), columns=listed(table.columns), good=LOGS[0], bad=LOGS[1])
    good, bad = (read_cells(table, name, number) for name in LOGS)
    return " + ".join(LOGS), list(zip(good, bad, strict=True))


def shown(cell: Any) -> str:
    """A cell as text: words of a list one after another."""
    if isinstance(cell, list):
        return " ".join(map(str, cell))
    return "" if cell is None else str(cell)
