"""Which documents may be similar: those that share a band of their signatures. Band by band, in bounded memory.

The members of a bucket are not compared all with all: each is linked to the first of them and to the one before it, so that
text copied a hundred thousand times makes two hundred thousand pairs, not five thousand million.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from danlu.workspace.run import Run

Packed = NDArray[np.uint64]
"""Pairs of ranks in one number each: first << 32 | second, first < second."""
NOBODY = np.uint32(0xFFFFFFFF)
"""The rank of a document that is not looked for: a copy of another, or one without words."""
BYTES = 80
"""Memory that a document takes while its band is sorted."""


def pack(first: NDArray[np.integer], second: NDArray[np.integer]) -> Packed:
    low, high = np.minimum(first, second).astype(np.uint64), np.maximum(first, second).astype(np.uint64)
    return np.asarray(low << np.uint64(32) | high, np.uint64)


def unpack(packed: Packed) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return (packed >> np.uint64(32)).astype(np.int64), (packed & np.uint64(NOBODY)).astype(np.int64)


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """Sorted, each once. (`np.unique` hashes integers, and packed pairs make it ten times as slow as sorting.)"""
    values = np.sort(values)
    new = np.ones(len(values), bool)
    new[1:] = values[1:] != values[:-1]
    return values[new]


def band_name(band: int) -> str:
    return f"band_{band:03d}"


def find_in_band(run: Run, files: Sequence[Path], band: int, known: int, budget: int) -> int:
    """The unit of work: the pairs of one band of all signatures, sorted, in scratch; how many.

    The ranks of the documents lie in scratch, in the order of the files. Documents of a rank below `known` are not
    compared with each other. `budget`: bytes; a band that needs more is sorted in several goes, by ranges of its hashes.
    """
    ranks: NDArray[np.uint32] = np.load(run.scratch / "ranks.npy", mmap_mode="r")
    passes = max(1, -(-len(ranks) * BYTES // budget))
    path = candidates_path(run, band)
    found = 0
    with path.open("wb") as file:
        for turn in range(passes):
            run.check()
            pairs = _pairs(*_read(files, band, ranks, turn, passes), known)
            found += len(pairs)
            pairs.tofile(file)
    if passes > 1:  # each go is sorted; the whole is to be
        whole = np.memmap(path, np.uint64, "r+") if found else np.zeros(0, np.uint64)
        whole.sort()
    return found


def candidates_path(run: Run, band: int) -> Path:
    return run.scratch / f"candidates-{band:03d}.u64"


def _read(
    files: Sequence[Path], band: int, ranks: NDArray[np.uint32], turn: int, passes: int
) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    """Hashes of a band and the ranks of their documents, those of one range of hashes."""
    width = np.uint64(0xFFFFFFFFFFFFFFFF // passes + 1) if passes > 1 else np.uint64(0)
    hashes, found, row = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint32)], 0
    for path in files:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=[band_name(band)]):
                own = ranks[row : row + batch.num_rows]
                row += batch.num_rows
                values = batch.column(0).to_numpy()
                chosen = own != NOBODY
                if passes > 1:
                    chosen &= values // width == turn
                hashes.append(values[chosen])
                found.append(own[chosen])
    return np.concatenate(hashes), np.concatenate(found)


def _pairs(hashes: NDArray[np.uint64], ranks: NDArray[np.uint32], known: int) -> Packed:
    order = np.lexsort((ranks, hashes))
    hashes, ranks = hashes[order], ranks[order]
    follows = np.zeros(len(hashes), bool)  # whether it is of the same bucket as the one before it
    follows[1:] = hashes[1:] == hashes[:-1]
    starts = np.flatnonzero(~follows)
    heads = np.repeat(ranks[starts], np.diff(np.append(starts, len(ranks))))
    members = np.flatnonzero(follows & (ranks >= known))
    return distinct(np.concatenate((pack(heads[members], ranks[members]), pack(ranks[members - 1], ranks[members]))))


def merge(files: Sequence[Path], into: Path, budget: int) -> int:
    """Write the distinct pairs of all files into one, sorted; how many. `budget`: bytes."""
    columns = [np.memmap(path, np.uint64, "r") for path in files if path.stat().st_size]
    total = sum(len(column) for column in columns)
    highest = max((int(column[-1]) for column in columns), default=0)
    passes = max(1, -(-total * 32 // budget))
    bounds = [np.uint64(highest // passes * turn) for turn in range(passes)]
    count = 0
    with into.open("wb") as file:
        for cuts in _slices(columns, bounds):
            pairs = distinct(np.concatenate((np.zeros(0, np.uint64), *cuts)))
            count += len(pairs)
            pairs.tofile(file)
    return count


def _slices(columns: Sequence[Packed], bounds: Sequence[np.uint64]) -> Iterator[list[Packed]]:
    places = [np.append(np.searchsorted(column, np.array(bounds, np.uint64)), len(column)) for column in columns]
    for turn in range(len(bounds)):
        yield [np.array(column[at[turn] : at[turn + 1]]) for column, at in zip(columns, places, strict=True)]
