"""The rows of a dataset artifact, as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from danlu.workspace.artifact import Artifact

COLUMNS = ("id", "digest", "text", "label", "language", "split", "dropped", "source")


@dataclass(frozen=True)
class Rows:
    """Columns of equal length, in the order of `rows.parquet`; `labels` are the label names, sorted."""

    id: list[str]
    digest: list[str]
    text: list[str]
    label: list[str]
    language: list[str]
    split: list[str]
    dropped: list[str]
    source: list[str]
    labels: list[str]

    def of(self, split: str) -> list[int]:
        """Indexes of the rows of a split."""
        return [index for index, name in enumerate(self.split) if name == split]

    def numbers(self, indexes: list[int]) -> npt.NDArray[np.int64]:
        """(rows,) class numbers: places in `labels`."""
        place = {name: number for number, name in enumerate(self.labels)}
        return np.array([place[self.label[index]] for index in indexes], np.int64)

    def languages(self, indexes: list[int]) -> npt.NDArray[np.str_]:
        return np.array([self.language[index] for index in indexes], dtype=np.str_)

    def facts(self, indexes: list[int]) -> list[dict[str, object]]:
        """What the choice of label-curve subsets needs of each row."""
        return [
            {"digest": self.digest[index], "label": self.label[index], "language": self.language[index]} for index in indexes
        ]


def read_rows(dataset: Artifact) -> Rows:
    """All rows, dropped ones too; the label names are those of rows in a split."""
    table = pq.read_table(dataset / "rows.parquet", columns=list(COLUMNS))
    columns = {name: [value or "" for value in table.column(name).to_pylist()] for name in COLUMNS}
    labels = sorted({label for label, split in zip(columns["label"], columns["split"], strict=True) if split})
    return Rows(**columns, labels=labels)
