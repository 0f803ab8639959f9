"""What a cleaning decided, as columns: read from its artifacts, for whoever explains it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from danlu.clean.own import thresholds
from danlu.clean.preset import Rule, family
from danlu.clean.rules import document_rules, own_rules
from danlu.documents.store import document_parts
from danlu.recipe.clean import CleanConfig


@dataclass(frozen=True)
class Cleaning:
    """Where a cleaning lies: its decision, the repaired documents, their scores, and how it was asked for."""

    name: str
    decided: Path
    normalised: Path
    scored: Path
    config: CleanConfig


@dataclass(frozen=True)
class Judged:
    """The documents for training, in the order of their parts. All [documents]."""

    ids: pa.ChunkedArray
    reasons: NDArray[np.object_]
    languages: NDArray[np.object_]
    families: NDArray[np.str_]
    bytes: NDArray[np.int64]
    protected: NDArray[np.bool_]
    scores: dict[str, NDArray[np.float64]]  # NaN of documents that were set aside


def read_judged(cleaning: Cleaning, rules: Iterable[str]) -> Judged:
    verdicts = pq.read_table(cleaning.decided / "verdicts.parquet", filters=[("part", "=", "documents")])
    names = ["words", "lines", *rules]
    scores = pq.read_table(
        cleaning.scored / "scores.parquet", columns=["id", "part", *names], filters=[("part", "=", "documents")]
    )
    places = pc.index_in(verdicts["id"], scores["id"])  # null where the part was set aside
    parts = document_parts(cleaning.normalised / "documents")  # their rows are those of the verdicts
    protected = [pq.read_table(path, columns=["protected"])["protected"].to_numpy() for path in parts]
    languages = np.array(verdicts["language"].to_pylist(), object)
    kinds, inverse = np.unique(languages.astype(str), return_inverse=True)
    return Judged(
        verdicts["id"],
        np.array(verdicts["reason"].to_pylist(), object),
        languages,
        np.array([family(kind) for kind in kinds.tolist()], np.str_)[inverse] if len(kinds) else np.zeros(0, np.str_),
        verdicts["bytes"].to_numpy(),
        np.concatenate([np.zeros(0, bool), *protected]),
        {name: pc.cast(scores[name].take(places), pa.float64()).to_numpy() for name in names},
    )


def rules_of(cleaning: Cleaning) -> dict[str, Rule]:
    """The rules that decided, in order, with those of the user's own."""
    return document_rules(cleaning.config) | thresholds(cleaning.scored, own_rules(cleaning.config))


class Text(NamedTuple):
    """A document's text and where it stands: its file and place in it where they are known, else its source."""

    text: str
    place: str


def read_texts(documents: Path, rows: Sequence[int]) -> dict[int, Text]:
    """The texts of some rows (ascending) of all parts together; a row group that has none of them is not read."""
    found: dict[int, Text] = {}
    wanted = np.array(rows, np.int64)
    begin = 0
    for path in document_parts(documents):
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                end = begin + file.metadata.row_group(group).num_rows
                here = wanted[(wanted >= begin) & (wanted < end)]
                if len(here):
                    table = file.read_row_group(group, columns=["text", "source", "meta"]).take(pa.array(here - begin))
                    columns = (
                        table["text"].to_pylist(),
                        table["source"].to_pylist(),
                        map(json.loads, table["meta"].to_pylist()),
                    )
                    found |= {
                        row: Text(text, place_of(source, meta))
                        for row, text, source, meta in zip(here.tolist(), *columns, strict=True)
                    }
                begin = end
    return found


def place_of(source: str, meta: Mapping[str, Any]) -> str:
    """Where a document stands, for a person to find it."""
    file, record = meta.get("file"), meta.get("record")
    if not isinstance(file, str) or not file:
        return source
    return f"{file}:{record}" if record else file
