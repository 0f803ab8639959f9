"""The predictions of every size in one table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from danlu.tasks.rows import Rows

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("split", pa.string()),
        ("language", pa.string()),
        ("labels", pa.int32()),
        ("probabilities", pa.list_(pa.float32())),
    ]
)


def write_predictions(path: Path, heldout: Rows, answers: Mapping[int, npt.NDArray[np.float32]]) -> None:
    """`answers`: number of labelled examples -> probabilities [held-out rows, classes]. Sizes rise; rows in their order."""
    sizes = sorted(answers)
    count = len(heldout)
    columns = {
        "id": list(heldout.id) * len(sizes),
        "split": list(heldout.split) * len(sizes),
        "language": list(heldout.language) * len(sizes),
        "labels": np.repeat(np.array(sizes, np.int32), count),
        "probabilities": [row for size in sizes for row in answers[size]],
    }
    pq.write_table(pa.table(columns, schema=SCHEMA), path, compression="zstd")
