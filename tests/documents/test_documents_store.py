"""Documents on disk."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.documents import store
from danlu.documents.rows import ROWS, read_rows
from danlu.documents.schema import DOCUMENTS, document_id
from danlu.documents.store import count_documents, read_documents, write_documents, write_rows
from danlu.workspace.errors import DanluError


def make(number: int, text: str) -> dict[str, object]:
    return {
        "id": document_id("source", "a.txt", number), "digest": "0" * 32, "text": text, "source": "source", "url": "",
        "licence": "MIT", "language": "zh-Hans", "created": "", "protected": False, "meta": "{}",
    }  # fmt: skip


def texts_of(directory: Path) -> list[str]:
    return [text for batch in read_documents(directory, ["text"]) for text in batch.column("text").to_pylist()]


def test_identity_is_of_place_and_number() -> None:
    assert document_id("a", "b", 1) == "7e2b42d9ddb168cb8884b43180595f2c"
    assert len({document_id("a", "b", 1), document_id("a", "b", 2), document_id("ab", "", 1), document_id("", "ab", 1)}) == 4


def test_dictionaries_are_of_words_that_recur_alone(tmp_path: Path) -> None:
    schema = pa.schema(
        [("id", pa.string()), ("language", pa.string()), ("fails", pa.list_(pa.string())), ("words", pa.int64())]
    )
    rows = [{"id": str(number), "language": "en", "fails": ["letters", "urls"], "words": 7} for number in range(100)]
    write_rows(tmp_path / "a.parquet", rows, schema)
    group = pq.read_metadata(tmp_path / "a.parquet").row_group(0)
    columns = [group.column(place) for place in range(group.num_columns)]
    having = {column.path_in_schema.split(".")[0] for column in columns if "RLE_DICTIONARY" in column.encodings}
    assert having == {"language", "fails"}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]))), st.integers(1, 7))
def test_what_is_written_is_read(texts: list[str], part_rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        written = write_documents(directory, (make(i, text) for i, text in enumerate(texts)), part_rows=part_rows)
        assert written == count_documents(directory) == len(texts)
        assert texts_of(directory) == texts
        assert len(store.document_parts(directory)) == -(-len(texts) // part_rows)


def test_same_rows_same_bytes(tmp_path: Path) -> None:
    rows = [make(i, f"文本 {i} " * 50) for i in range(300)]
    sums = []
    for name in ("a", "b"):
        write_documents(tmp_path / name, iter(rows), part_rows=70)
        sums.append([hashlib.sha256(part.read_bytes()).hexdigest() for part in store.document_parts(tmp_path / name)])
    assert sums[0] == sums[1]
    assert len(sums[0]) == 5


def test_parts_and_groups_close_by_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PART_BYTES", 1000)
    monkeypatch.setattr(store, "GROUP_BYTES", 300)
    texts = ["字" * 50] * 30
    write_documents(tmp_path, (make(i, text) for i, text in enumerate(texts)))
    parts = store.document_parts(tmp_path)
    assert len(parts) == 4  # of 8 documents of 150 bytes, but the last
    assert all(pq.read_metadata(part).num_row_groups > 1 for part in parts[:-1])
    assert texts_of(tmp_path) == texts


def test_columns_come_in_the_order_asked_for(tmp_path: Path) -> None:
    write_documents(tmp_path, [make(0, "a")])
    batch = next(read_documents(tmp_path, ["text", "id"]))
    assert batch.schema.names == ["text", "id"]
    assert next(read_documents(tmp_path)).schema.equals(DOCUMENTS)


def test_bytes_of_text_are_known_without_reading_it(tmp_path: Path) -> None:
    texts = [f"{number} " + "文本 text " * (number % 90) for number in range(900)]
    write_documents(tmp_path, (make(i, text) for i, text in enumerate(texts)), part_rows=400)
    exact = sum(len(text.encode()) for text in texts)
    assert 0.97 * exact < store.text_bytes(tmp_path) < 1.03 * exact
    assert store.text_bytes(tmp_path / "missing") == 0


def test_nothing_written_is_nothing_read(tmp_path: Path) -> None:
    assert write_documents(tmp_path / "none", []) == 0
    assert list(read_documents(tmp_path / "none")) == []
    assert count_documents(tmp_path / "missing") == 0


def test_a_failed_writer_leaves_no_part(tmp_path: Path) -> None:
    def rows() -> object:
        yield make(0, "a")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_documents(tmp_path, rows())  # type: ignore[arg-type]
    assert store.document_parts(tmp_path) == []


def test_broken_part_is_named(tmp_path: Path) -> None:
    write_documents(tmp_path, [make(0, "a")])
    part = tmp_path / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-20])
    for read in (count_documents, store.text_bytes, lambda directory: list(read_documents(directory))):
        with pytest.raises(DanluError) as caught:
            read(tmp_path)
        assert caught.value.key == "documents.broken-part"
    for language in ("en", "zh"):
        assert set(caught.value.explain(language)) == {"what", "where", "cause", "remedy"}


def test_other_schemas(tmp_path: Path) -> None:
    schema = pa.schema([("id", pa.string()), ("score", pa.float32())])
    write_documents(tmp_path, [{"id": "a", "score": 0.5}, {"id": "b", "score": None}], schema=schema)
    assert [row for batch in read_documents(tmp_path) for row in batch.to_pylist()] == [
        {"id": "a", "score": 0.5},
        {"id": "b", "score": None},
    ]


def test_rows_of_a_dataset(tmp_path: Path) -> None:
    row = {"digest": "", "text": "文本", "label": "a", "language": "zh-Hans", "source": "s", "split": "train", "dropped": ""}
    assert write_rows(tmp_path / "rows.parquet", ({**row, "id": str(i)} for i in range(3000)), ROWS) == 3000
    batches = list(read_rows(tmp_path / "rows.parquet", ["text", "id"]))
    assert batches[0].schema.names == ["text", "id"]
    assert [value for batch in batches for value in batch.column("id").to_pylist()] == [str(i) for i in range(3000)]
