"""Documents in columns, as they go from a reader to scratch rows: a batch is asked and written at once, not text by text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from danlu.collect.locate import SourceFile
from danlu.collect.records import Found, Record, batches


class Columns(NamedTuple):
    """Records of one file that lie in columns. Records have no `meta` of their own."""

    ordinals: NDArray[np.int64]  # [records]
    texts: pa.LargeStringArray  # [records]
    urls: pa.StringArray
    created: pa.StringArray

    @property
    def bytes(self) -> int:
        """Of the texts."""
        return int(pc.sum(pc.binary_length(self.texts)).as_py() or 0)


class Batch(NamedTuple):
    """Documents of any files."""

    files: pa.StringArray  # [documents], the name of the file of each
    ordinals: pa.StringArray  # [documents], its number in there
    texts: pa.LargeStringArray
    urls: pa.StringArray
    created: pa.StringArray
    meta: pa.StringArray  # JSON objects


def in_batches(found: Iterable[Found[Record | Columns]]) -> Iterator[Batch]:
    """What was found in batches, in order: columns as they are, records together."""
    for is_record, some in groupby(found, lambda each: isinstance(each.event, Record)):
        if is_record:
            records = (Found(file, event) for file, event in some if isinstance(event, Record))
            yield from map(_of_records, batches(records))
        else:
            yield from (_of_columns(file, event) for file, event in some if isinstance(event, Columns))


def _of_columns(file: SourceFile, columns: Columns) -> Batch:
    ordinals = pc.cast(pa.array(columns.ordinals), pa.string())
    files = pa.repeat(pa.scalar(file.name), len(ordinals))
    meta = pc.binary_join_element_wise(f'{{"file": {_json(file.name)}, "record": ', ordinals, "}", "")
    return Batch(files, ordinals, columns.texts, columns.urls, columns.created, meta)


def _of_records(found: Sequence[Found[Record]]) -> Batch:
    meta = [_json({**record.meta, "file": file.name, "record": record.ordinal}) for file, record in found]
    return Batch(
        pa.array([file.name for file, _ in found], pa.string()),
        pa.array([str(record.ordinal) for _, record in found], pa.string()),
        pa.array([record.text for _, record in found], pa.large_string()),
        pa.array([record.url for _, record in found], pa.string()),
        pa.array([record.created for _, record in found], pa.string()),
        pa.array(meta, pa.string()),
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
