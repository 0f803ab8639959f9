"""What a cleaning decided, as columns: read from its artifacts, for whoever explains it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from danlu.clean.own import thresholds
from danlu.clean.preset import FAMILIES, Rule, family
from danlu.clean.rules import document_rules, own_rules
from danlu.documents.store import document_parts
from danlu.recipe.clean import CleanConfig


@dataclass(frozen=True)
class Cleaning:
    """Where a cleaning lies: its decision, the repaired documents, their scores, how it was asked for, and what was learned
    for it by `language_model` and `classifier`."""

    name: str
    decided: Path
    normalised: Path
    scored: Path
    config: CleanConfig
    learned: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Coded:
    """A column of few different words: the words, and int32[rows] which of them stands in each row."""

    names: list[str]
    codes: NDArray[np.int32]

    def __getitem__(self, row: int) -> str:
        return self.names[int(self.codes[row])]

    def among(self, *names: str) -> NDArray[np.bool_]:
        """Which rows hold one of `names`, bool[rows]."""
        wanted = [index for index, name in enumerate(self.names) if name in names]
        return np.isin(self.codes, wanted)


@dataclass(frozen=True)
class Judged:
    """The documents for training, in the order of their parts: some hundred bytes of memory each, whatever their length and
    however many rules there are. All [documents]."""

    ids: pa.ChunkedArray
    reasons: Coded
    languages: Coded
    families: NDArray[np.uint8]  # index into `danlu.clean.preset.FAMILIES`
    bytes: NDArray[np.int64]
    protected: NDArray[np.bool_]


class Scores:
    """The scores of the judged documents, a rule at a time: float32[documents], NaN of documents that were set aside."""

    def __init__(self, path: Path, ids: pa.ChunkedArray) -> None:
        self._path = path
        scored = pq.read_table(path, columns=["id", "part"])
        training = pc.equal(scored["part"], "documents")
        places = pc.index_in(ids, pc.if_else(training, scored["id"], None))  # null where the part was set aside
        self._places = pc.cast(places, pa.int64())

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        column = pq.read_table(self._path, columns=[name])[name]
        return pc.cast(column.take(self._places), pa.float32()).to_numpy()  # type: ignore[no-any-return]


def read_judged(cleaning: Cleaning) -> Judged:
    """The verdicts on the documents for training."""
    verdicts = pq.read_table(
        cleaning.decided / "verdicts.parquet", columns=["id", "reason", "language", "bytes"],
        filters=[("part", "=", "documents")],
    )  # fmt: skip
    parts = document_parts(cleaning.normalised / "documents")  # their rows are those of the verdicts
    protected = [pq.read_table(path, columns=["protected"])["protected"].to_numpy() for path in parts]
    languages = coded(verdicts["language"])
    families = np.array([FAMILIES.index(family(name)) for name in languages.names], np.uint8)
    return Judged(
        verdicts["id"],
        coded(verdicts["reason"]),
        languages,
        families[languages.codes],
        verdicts["bytes"].to_numpy(),
        np.concatenate([np.zeros(0, bool), *protected]),
    )


def coded(column: pa.ChunkedArray) -> Coded:
    """A column of strings as codes, the words in order of the alphabet."""
    encoded = column.combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    order = sorted(range(len(names)), key=lambda index: names[index])
    place = np.empty(len(names), np.int32)
    place[order] = np.arange(len(names), dtype=np.int32)
    return Coded([names[index] for index in order], place[encoded.indices.to_numpy()])


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
