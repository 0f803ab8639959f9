"""A token store in the layouts of other trainers. Each writer streams: memory is that of a run of documents.

megatron: `NAME.bin`, `NAME.idx` of Megatron-LM (`megatron.core.datasets.indexed_dataset`), a sequence a document:

    NAME.bin  the ids, uint16 or int32
    NAME.idx  9 bytes "MMIDIDX\\0\\0", uint64 version 1, uint8 code of the dtype (uint16 8, int32 4), uint64 sequences,
              uint64 entries of the last column; int32 length of each sequence, int64 byte where it begins, int64 number of the
              first sequence of each document, and at the end the number of all

datatrove: `NAME.ds`, `NAME.ds.index`, `NAME.ds.metadata` of datatrove (`pipeline.tokens`), as nanotron reads them:

    NAME.ds           the ids, uint16 or uint32
    NAME.ds.index     uint64: where each document ends in them
    NAME.ds.metadata  "tokenizer|bytes of an id", the number of ids, the same for people, a line each

arrow: `NAME.arrow`, the file format of Arrow IPC (what Feather 2, polars, duckdb and `datasets` read), a row a document:
    `input_ids` list of uint16 or uint32, `source`, `language` (dictionary of strings), `bytes` uint32

All numbers are little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from danlu.tokens.store import TokenStore

RUN_TOKENS = 1 << 20
RUN_DOCUMENTS = 1 << 18

Advance = Callable[[int], object]
"""Told how many more tokens are written."""
Writer = Callable[[TokenStore, Path, str, int | None, Advance], None]
"""(store, folder, name of the files, id to put after each document, what to tell) -> nothing."""


def write_megatron(store: TokenStore, folder: Path, name: str, end: int | None, advance: Advance) -> None:
    dtype, code = ("<u2", 8) if store.tokens.dtype.itemsize == 2 else ("<i4", 4)
    with (folder / f"{name}.bin").open("wb") as file:
        _write_ids(store, file, dtype, end, advance)
    count = len(store)
    with (folder / f"{name}.idx").open("wb") as file:
        file.write(struct.pack("<9sQBQQ", b"MMIDIDX\x00\x00", 1, code, count, count + 1))
        for stops in _stops(store, end):
            file.write(np.diff(stops).astype("<i4").data)
        for stops in _stops(store, end):
            file.write((stops[:-1] * np.dtype(dtype).itemsize).astype("<i8").data)
        for start in range(0, count + 1, RUN_DOCUMENTS):
            file.write(np.arange(start, min(start + RUN_DOCUMENTS, count + 1), dtype="<i8").data)


def write_datatrove(store: TokenStore, folder: Path, name: str, end: int | None, advance: Advance) -> None:
    size = store.tokens.dtype.itemsize
    with (folder / f"{name}.ds").open("wb") as file:
        _write_ids(store, file, f"<u{size}", end, advance)
    with (folder / f"{name}.ds.index").open("wb") as file:
        for stops in _stops(store, end):
            file.write(stops[1:].astype("<u8").data)
    ids = len(store.tokens) + (len(store) if end is not None else 0)
    (folder / f"{name}.ds.metadata").write_text(f"tokenizer|{size}\n{ids}\n{ids / 1e6:.3g} MT", encoding="utf-8")


def write_arrow(store: TokenStore, folder: Path, name: str, end: int | None, advance: Advance) -> None:
    names = {key: pa.array(store.header[key], pa.string()) for key in ("sources", "languages")}
    ids = pa.uint16() if store.tokens.dtype.itemsize == 2 else pa.uint32()
    schema = pa.schema({
        "input_ids": pa.list_(ids), "source": pa.dictionary(pa.int32(), pa.string()),
        "language": pa.dictionary(pa.int32(), pa.string()), "bytes": pa.uint32(),
    })  # fmt: skip
    with pa.OSFile(str(folder / f"{name}.arrow"), "wb") as file, pa.ipc.new_file(file, schema) as writer:
        for documents, tokens, found, stops in _runs(store, end):
            columns = [
                pa.ListArray.from_arrays(pa.array(stops, pa.int32()), pa.array(found, ids)),
                pa.DictionaryArray.from_arrays(store.sources[documents].astype(np.int32), names["sources"]),
                pa.DictionaryArray.from_arrays(store.languages[documents].astype(np.int32), names["languages"]),
                pa.array(store.document_bytes[documents]),
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema))
            advance(tokens)


LAYOUTS: dict[str, Writer] = {"megatron": write_megatron, "datatrove": write_datatrove, "arrow": write_arrow}


def _write_ids(store: TokenStore, file: BinaryIO, dtype: str, end: int | None, advance: Advance) -> None:
    for _, tokens, found, _ in _runs(store, end):
        file.write(found.astype(dtype, copy=False).data)
        advance(tokens)


def _runs(store: TokenStore, end: int | None) -> Iterator[tuple[slice, int, npt.NDArray[Any], npt.NDArray[np.int64]]]:
    """(documents, tokens of the store in them, their ids, where each begins and ends in these) of runs of documents."""
    for documents, tokens in store.runs(RUN_TOKENS):
        stops = np.concatenate(([0], store.ends[documents].astype(np.int64) - tokens.start))
        found = store.tokens[tokens]
        if end is not None:
            found = np.insert(found, stops[1:], end)
            stops += np.arange(len(stops))
        yield documents, tokens.stop - tokens.start, np.ascontiguousarray(found), stops


def _stops(store: TokenStore, end: int | None) -> Iterator[npt.NDArray[np.int64]]:
    """Where documents end among all ids, in parts; each part begins with the end of the document before it."""
    for first in range(0, len(store), RUN_DOCUMENTS):
        stops = store.ends[max(0, first - 1) : first + RUN_DOCUMENTS].astype(np.int64)
        if not first:
            stops = np.concatenate(([0], stops))
        yield stops + (first + np.arange(len(stops)) if end is not None else 0)
