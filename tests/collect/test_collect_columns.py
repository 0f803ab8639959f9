"""Parquet in columns gives what Parquet row by row gives."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from danlu.collect.columns import Columns, in_batches
from danlu.collect.locate import SourceFile
from danlu.collect.readers.columnar import read_columns, read_parquet
from danlu.collect.records import Found, Layout, Record, Rejected
from danlu.documents.schema import document_id
from danlu.text.forms import joined_digests
from danlu.text.language import guess_languages
from danlu.text.languages import told_languages

MOST = 60
TEXTS = (
    "The river was low.", "昨天下了一场大雨。", "", None, " ", "\u3000", "\u3000全角开头", "\u00a0\u2003", "\tx", "\x1f",
    "\x85", "é", "q" * MOST, "q" * (MOST + 1), "字" * 20, "字" * 21, "\x00", "¡Hola!", "𠀀", "\ufeffbom", "\u200b",
)  # fmt: skip
WORDS = ("https://example.org/a", "", None, "line\nbreak", "2024-01-02", "路径")


def flat(events: Iterator[Record | Columns | Rejected]) -> tuple[list[Record], list[Rejected]]:
    records, rejected = list[Record](), list[Rejected]()
    for event in events:
        if isinstance(event, Rejected):
            rejected.append(event)
        elif isinstance(event, Record):
            records.append(event)
        else:
            columns = (event.ordinals.tolist(), event.texts.to_pylist(), event.urls.to_pylist(), event.created.to_pylist())
            records += [Record(n, text, None, url, created) for n, text, url, created in zip(*columns, strict=True)]
            assert event.bytes == sum(len(text.encode()) for text in columns[1])
    return records, rejected


def broken(texts: list[str | None]) -> pa.Array:
    """The texts with one that is not UTF-8 in their midst."""
    values = [None if text is None else text.encode() for text in texts]
    values[len(values) // 2] = b"\xff\xfe broken"
    binary = pa.array(values, pa.binary())
    return pa.StringArray.from_buffers(len(binary), *binary.buffers()[1:], binary.buffers()[0])


@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary", "broken", "numbers"])
def test_columns_are_what_rows_are(kind: str, tmp_path: Path) -> None:
    made = random.Random(kind)
    texts: list[Any] = made.choices(TEXTS, k=3000)
    columns: dict[str, Any] = {"url": made.choices(WORDS, k=3000), "other": range(3000), "created": made.choices(WORDS, k=3000)}
    column = {
        "string": lambda: pa.array(texts, pa.string()),
        "large_string": lambda: pa.array(texts, pa.large_string()),
        "dictionary": lambda: pa.array(texts, pa.string()).dictionary_encode(),
        "broken": lambda: broken(texts),
        "numbers": lambda: pa.array(range(3000)),
    }[kind]()
    pq.write_table(pa.table({"text": column, **columns}), tmp_path / "a.parquet", row_group_size=700)
    file, layout = SourceFile(tmp_path / "a.parquet", "a.parquet"), Layout("parquet")
    rows = flat(iter(read_parquet(file, layout, MOST)))
    assert flat(read_columns(file, layout, MOST)) == rows
    assert (len(rows[0]) > 500) != (kind == "numbers")
    assert len(rows[1]) > 500
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(whole[: len(whole) // 2])
    assert [event.reason for event in flat(read_columns(file, layout, MOST))[1]] == ["parquet"]


def test_batches_keep_the_order_and_say_where_each_is_from() -> None:
    one, two = SourceFile(Path("a"), 'a "quoted" 名.parquet'), SourceFile(Path("b"), "b.txt")
    texts = pa.array(["x", "y"], pa.large_string())
    nothing = pa.array(["", ""])
    columns = Columns(pa.array([3, 5]).to_numpy(), texts, nothing, nothing)
    found = [Found(two, Record(1, "first", meta={"z": 1})), Found(one, columns), Found(two, Record(2, "last"))]
    batches = list(in_batches(iter(found)))
    assert [text for batch in batches for text in batch.texts.to_pylist()] == ["first", "x", "y", "last"]
    meta = [json.loads(text) for batch in batches for text in batch.meta.to_pylist()]
    assert meta[:2] == [{"z": 1, "file": "b.txt", "record": 1}, {"file": one.name, "record": 3}]
    for batch in batches:
        source = pa.repeat(pa.scalar("s"), len(batch.texts))
        ids = joined_digests(source, batch.files, batch.ordinals).to_pylist()
        places = zip(batch.files.to_pylist(), batch.ordinals.to_pylist(), strict=True)
        assert ids == [document_id("s", name, int(ordinal)) for name, ordinal in places]


def test_languages_of_columns_are_those_of_texts() -> None:
    texts = [
        "L'e\u0301te\u0301 a e\u0301te\u0301 tre\u0300s court cette anne\u0301e.",
        "The river was low.",
        "昨天下了一场大雨。",
        "",
        "か\u3099っこう",
    ]
    assert told_languages(pa.array(texts, pa.large_string())).to_pylist() == guess_languages(texts)
