"""The rows of a dataset that a model may see: labels of training rows, and never those of validation and test rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow.parquet as pq

from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError

HELDOUT = ("validation", "test")


@dataclass(frozen=True)
class Rows:
    """Columns of equal length. `label` is there for training rows alone."""

    id: tuple[str, ...]
    digest: tuple[str, ...]
    text: tuple[str, ...]
    language: tuple[str, ...]
    split: tuple[str, ...]
    label: tuple[str, ...] | None

    def __len__(self) -> int:
        return len(self.id)

    def keys(self) -> list[dict[str, object]]:
        """What the choice of subsets goes by: digest, label and language of each row."""
        labels: Sequence[str] = self.label or ("",) * len(self)
        columns = zip(self.digest, labels, self.language, strict=True)
        return [{"digest": digest, "label": label, "language": language} for digest, label, language in columns]


def read_train(dataset: Artifact) -> Rows:
    """The training rows, in the dataset's order."""
    rows = _read(dataset, ("train",), with_labels=True)
    if not len(rows) or len(set(rows.label or ())) < 2:
        raise DanluError("tasks.too-few", where=str(dataset.path), rows=len(rows), labels=len(set(rows.label or ())))
    return rows


def read_heldout(dataset: Artifact) -> Rows:
    """The validation and test rows, in the dataset's order, without their labels: the column is not read."""
    return _read(dataset, HELDOUT, with_labels=False)


def _read(dataset: Artifact, splits: tuple[str, ...], *, with_labels: bool) -> Rows:
    names = ["id", "digest", "text", "language", "split", *(["label"] if with_labels else [])]
    table = pq.read_table(dataset / "rows.parquet", columns=names, filters=[("split", "in", list(splits))])
    columns = {name: tuple(str(value or "") for value in table.column(name).to_pylist()) for name in names}
    return Rows(**({"label": None} | columns))  # type: ignore[arg-type]
