"""The token store: documents as one flat array of token ids with the end of each document, read by memory map.

    tokens.bin     uint16 (uint32 where the vocabulary needs it): the ids of all documents, one after the other; no special
                   tokens, those are the business of packing
    ends.bin       uint64: where each document ends in tokens.bin (so it begins where the one before it ends)
    sources.bin    uint16: place of the document's source in header["sources"]
    languages.bin  uint8:  place of its language in header["languages"]
    bytes.bin      uint32: its UTF-8 bytes before tokenisation (the denominator of bits per byte)
    words.bin      only where `tokenize.words` asks for it: one bit a token, 1 where a word begins, the first token's in the
                   lowest bit of the first byte; header["words"] names what cut the words
    header.json    format, dtype, tokens, documents, bytes, sources, languages, digest of the tokenizer

All numbers are little-endian, so three lines of NumPy read a store without danlu:

    header = json.load(open("header.json"))
    ends = np.fromfile("ends.bin", "<u8")
    documents = np.split(np.fromfile("tokens.bin", header["dtype"]), ends[:-1].astype(int))
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from danlu.compute.machine_code import is_loaded
from danlu.tokens.bits import Bits, BitWriter, packed_size
from danlu.workspace.errors import DanluError
from danlu.workspace.files import read_json, write_json

FORMAT = "danlu-tokens-1"
HEADER = "header.json"
COLUMNS = {"ends": "<u8", "sources": "<u2", "languages": "u1", "bytes": "<u4"}
"""One value a document: name of the file (less `.bin`) -> dtype."""
WORDS = "words.bin"
READ_AT_ONCE = 1 << 20  # values


def token_dtype(vocabulary: int) -> str:
    """The smallest dtype that holds the ids of a vocabulary of that size."""
    return "<u2" if vocabulary <= 1 << 16 else "<u4"


@dataclass(frozen=True)
class TokenBatch:
    """Some documents in order. `tokens` and `starts` (whether a word begins, where that is kept) [sum of lengths]; the others
    [documents]."""

    tokens: npt.NDArray[Any]
    lengths: npt.NDArray[Any]
    sources: npt.NDArray[Any]
    languages: npt.NDArray[Any]
    document_bytes: npt.NDArray[Any]
    starts: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class TokenStore:
    """A store open for reading; every array is a read-only memory map (an empty array where the file is empty). `words` is None
    where it was not asked for."""

    path: Path
    header: Mapping[str, Any]
    tokens: npt.NDArray[Any]
    ends: npt.NDArray[np.uint64]
    sources: npt.NDArray[np.uint16]
    languages: npt.NDArray[np.uint8]
    document_bytes: npt.NDArray[np.uint32]
    words: Bits | None = None

    @classmethod
    def open(cls, directory: Path, tokenizer_digest: str | None = None) -> TokenStore:
        """Open `directory`; an error if it is broken, or made by another tokenizer than `tokenizer_digest` (if given)."""
        header = _read_header(directory)
        if tokenizer_digest is not None and header["tokenizer"] != tokenizer_digest:
            raise DanluError(
                "tokens.other-tokenizer", where=str(directory), found=header["tokenizer"][:12], expected=tokenizer_digest[:12]
            )
        tokens = _map(directory / "tokens.bin", header["dtype"], header["tokens"])
        columns = {name: _map(directory / f"{name}.bin", dtype, header["documents"]) for name, dtype in COLUMNS.items()}
        words = None
        if "words" in header:
            words = Bits(_map(directory / WORDS, "u1", packed_size(header["tokens"])), header["tokens"])
        ends, sources, languages, sizes = columns.values()
        return cls(directory, header, tokens, ends, sources, languages, sizes, words)

    def __len__(self) -> int:
        return len(self.ends)

    def document(self, index: int) -> npt.NDArray[Any]:
        """The token ids of one document."""
        start = int(self.ends[index - 1]) if index else 0
        return self.tokens[start : int(self.ends[index])]

    def runs(self, most: int) -> Iterator[tuple[slice, slice]]:
        """All documents in runs of at most `most` tokens, at least one document each: (documents, their tokens)."""
        first = start = 0
        while first < len(self):
            stop = max(first + 1, int(np.searchsorted(self.ends, np.uint64(start + most), side="right")))
            end = int(self.ends[stop - 1])
            yield slice(first, stop), slice(start, end)
            first, start = stop, end

    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens a document, [documents]."""
        stops = self.ends.astype(np.int64)
        stops[1:] -= stops[:-1].copy()
        return stops

    def counts(self, vocabulary: int) -> npt.NDArray[np.int64]:
        """How often each token occurs, [vocabulary]."""
        return count_tokens(self.path, self.header["dtype"], vocabulary)

    def columns(self) -> Iterator[tuple[npt.NDArray[Any], ...]]:
        """(lengths, sources, languages, bytes) of all documents in order, a part of them at a time."""
        end = np.zeros(1, np.uint64)
        parts = (read_values(self.path / f"{name}.bin", dtype) for name, dtype in COLUMNS.items())
        for ends, *others in zip(*parts, strict=True):
            yield np.diff(ends, prepend=end).astype(np.int64), *others
            end = ends[-1:]


class StoreWriter:
    """Appends documents to a store.

    A writer opened at (documents, tokens) first cuts the files back to that point, so that a stage which was killed in
    the middle of a unit of work goes on from the last finished one. With `words` every batch must say where words begin.
    `close` flushes to disk; `write_header` comes last.
    """

    def __init__(self, directory: Path, dtype: str, documents: int = 0, tokens: int = 0, *, words: bool = False) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.dtype = np.dtype(dtype)
        self.documents, self.tokens = documents, tokens
        self._files = {"tokens": _open_at(directory / "tokens.bin", tokens * self.dtype.itemsize)}
        for name, kind in COLUMNS.items():
            self._files[name] = _open_at(directory / f"{name}.bin", documents * np.dtype(kind).itemsize)
        self._words: BitWriter | None = None
        if words:
            self._files["words"] = _open_at(directory / WORDS, packed_size(tokens))
            self._words = BitWriter(self._files["words"], tokens)

    def append(self, batch: TokenBatch) -> None:
        ends = self.tokens + np.cumsum(batch.lengths, dtype=np.uint64)
        self._put("tokens", batch.tokens, self.dtype)
        for name, values in (
            ("ends", ends), ("sources", batch.sources), ("languages", batch.languages), ("bytes", batch.document_bytes),
        ):  # fmt: skip
            self._put(name, values, np.dtype(COLUMNS[name]))
        if self._words is not None:
            if batch.starts is None:
                raise ValueError("this store keeps where words begin, and the batch does not say it")
            self._words.append(batch.starts)
        self.tokens += len(batch.tokens)
        self.documents += len(batch.lengths)

    def _put(self, name: str, values: npt.NDArray[Any], dtype: np.dtype[Any]) -> None:
        self._files[name].write(np.ascontiguousarray(values, dtype=dtype).data)

    def flush(self) -> None:
        """What was appended is on disk."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        self.flush()
        for file in self._files.values():
            file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def write_header(
    directory: Path,
    *,
    dtype: str,
    sources: Sequence[str],
    languages: Sequence[str],
    tokenizer_digest: str,
    words: str | None = None,
) -> dict[str, Any]:
    """Write `header.json` from the files that are there, and return it. A directory without it is no store.

    `words` names what cut the words of `words.bin`; None: there is none.
    """
    documents = size = 0
    for sizes in read_values(directory / "bytes.bin", COLUMNS["bytes"]):
        documents, size = documents + len(sizes), size + int(sizes.sum(dtype=np.uint64))
    header = {
        "format": FORMAT,
        "dtype": dtype,
        "tokens": (directory / "tokens.bin").stat().st_size // np.dtype(dtype).itemsize,
        "documents": documents,
        "bytes": size,
        "sources": list(sources),
        "languages": list(languages),
        "tokenizer": tokenizer_digest,
        **({} if words is None else {"words": words}),
    }
    write_json(directory / HEADER, header)
    return header


def write_store(
    directory: Path,
    batches: Iterable[TokenBatch],
    *,
    vocabulary: int,
    sources: Sequence[str],
    languages: Sequence[str],
    tokenizer_digest: str,
) -> dict[str, Any]:
    """Write a whole store in one go; returns its header."""
    dtype = token_dtype(vocabulary)
    with StoreWriter(directory, dtype) as writer:
        for batch in batches:
            writer.append(batch)
    return write_header(directory, dtype=dtype, sources=sources, languages=languages, tokenizer_digest=tokenizer_digest)


def count_tokens(directory: Path, dtype: str, vocabulary: int) -> npt.NDArray[np.int64]:
    """How often each token occurs in `tokens.bin`, [vocabulary]."""
    found = np.zeros(vocabulary, np.int64)
    for tokens in read_values(directory / "tokens.bin", dtype):
        add_counts(tokens, found)
    return found


def add_counts(tokens: npt.NDArray[Any], counts: npt.NDArray[np.int64]) -> None:
    """Add the occurrences of `tokens` to `counts` [vocabulary]; by a kernel where there are some: NumPy copies to 64 bits."""
    if is_loaded():
        from danlu.tokens.kernels.counts import count

        count(tokens, counts)
    else:
        counts += np.bincount(tokens, minlength=len(counts))


def read_values(path: Path, dtype: str) -> Iterator[npt.NDArray[Any]]:
    """All values of a file, a part at a time. Of a memory map all that was read would count as memory of the process."""
    with path.open("rb") as file:
        while len(values := np.fromfile(file, dtype, READ_AT_ONCE)):
            yield values


def _read_header(directory: Path) -> dict[str, Any]:
    try:
        header = read_json(directory / HEADER)
        found = header["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DanluError("tokens.no-store", where=str(directory)) from error
    if found != FORMAT:
        raise DanluError("tokens.format", where=str(directory), found=found, expected=FORMAT)
    return header  # type: ignore[no-any-return]


def _map(path: Path, dtype: str, count: int) -> npt.NDArray[Any]:
    expected = count * np.dtype(dtype).itemsize
    found = path.stat().st_size if path.exists() else 0
    if found != expected:
        raise DanluError("tokens.truncated", where=str(path), found=found, expected=expected)
    if not count:  # an empty file cannot be mapped
        return np.empty(0, dtype)
    return np.asarray(np.memmap(path, dtype, mode="r", shape=(count,)))  # a plain array on the map: slices are made faster


def _open_at(path: Path, size: int) -> BinaryIO:
    if size and (not path.exists() or path.stat().st_size < size):
        raise DanluError("tokens.truncated", where=str(path), found=path.stat().st_size if path.exists() else 0, expected=size)
    file = path.open("r+b" if size else "wb")
    file.truncate(size)
    file.seek(size)
    return file
