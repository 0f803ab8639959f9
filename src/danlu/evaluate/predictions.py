"""Predictions on the test rows, read from a model's or the baselines' artifact and put in the order of the dataset's rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from danlu.evaluate.rows import Rows
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.files import read_json
from danlu.workspace.messages import listed

Floats = npt.NDArray[np.float64]
SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("labels", pa.int32(), nullable=False),  # how many labelled examples the model learned from
        pa.field("probabilities", pa.list_(pa.float32()), nullable=False),  # in the order of the dataset's sorted labels
    ]
)


@dataclass(frozen=True)
class Predictions:
    """One model on the test rows of one dataset. `by_labels`: number of labels learned from -> (rows, classes); `indexes`
    are the rows' places in the dataset; `truth` (rows,) class numbers by `labels`, the dataset's sorted label names."""

    model: str
    dataset: str
    labels: Sequence[str]
    indexes: list[int]
    truth: npt.NDArray[np.int64]
    languages: npt.NDArray[np.str_]
    by_labels: Mapping[int, Floats]

    @property
    def final(self) -> Floats:
        """Probabilities of the model that learned from all labels."""
        return self.by_labels[max(self.by_labels)]


def model_predictions(name: str, artifact: Artifact, datasets: Mapping[str, Rows]) -> Predictions:
    """Predictions of a fine-tuned model; its dataset is the one whose test rows it answered."""
    path = artifact / "predictions.parquet"
    table = pq.read_table(path, filters=[("split", "==", "test")])
    asked = set(table.column("id").to_pylist())
    for dataset, rows in datasets.items():
        tested = rows.of("test")
        if asked == {rows.id[index] for index in tested}:
            return _join(name, dataset, rows, table, list(read_json(artifact / "facts.json")["labels"]), str(path))
    raise DanluError("evaluate.no-dataset", where=str(path), model=name, count=len(asked), datasets=listed(datasets))


def baseline_predictions(baselines: Artifact, dataset: str, rows: Rows) -> list[Predictions]:
    """Predictions of each baseline on a dataset, in the order in which they were saved."""
    path = baselines / "predictions.parquet"
    if not path.is_file():
        return []
    table = pq.read_table(path, filters=[("dataset", "==", dataset)])
    models = dict.fromkeys(table.column("model").to_pylist())
    named = np.array(table.column("model").to_pylist(), dtype=np.str_)
    return [_join(model, dataset, rows, table.filter(named == model), rows.labels, str(path)) for model in models]


def _join(model: str, dataset: str, rows: Rows, table: pa.Table, labels: Sequence[str], where: str) -> Predictions:
    """Rows of the table by id, columns of the probabilities by label name, in the dataset's orders."""
    indexes = rows.of("test")
    place = {rows.id[index]: number for number, index in enumerate(indexes)}
    if unknown := set(labels) - set(rows.labels):
        raise DanluError("evaluate.other-labels", where=where, model=model, dataset=dataset, labels=", ".join(sorted(unknown)))
    columns = [rows.labels.index(label) for label in labels]  # a class that training did not have keeps probability 0
    sizes = table.column("labels").to_numpy()
    order = np.array([place[identity] for identity in table.column("id").to_pylist()], np.int64)
    values = np.array(table.column("probabilities").to_pylist(), np.float64).reshape(len(order), len(labels))
    by_labels: dict[int, Floats] = {}
    for size in sorted(set(sizes.tolist())):
        mine = sizes == size
        if mine.sum() != len(indexes) or len(set(order[mine].tolist())) != len(indexes):
            raise DanluError(
                "evaluate.incomplete", where=where, model=model, labels=size, found=int(mine.sum()), expected=len(indexes)
            )
        by_labels[size] = np.zeros((len(indexes), len(rows.labels)))
        by_labels[size][np.ix_(order[mine], columns)] = values[mine]
    return Predictions(model, dataset, rows.labels, indexes, rows.numbers(indexes), rows.languages(indexes), by_labels)
