"""How many shingles the candidates really share: their sets are compared, whole, in bounded memory.

What two sets share is the sum of what they share in each range of hashes. So the sets are written by ranges that fit into
memory, and a range is a unit of work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from danlu.clean.candidates import Packed, unpack
from danlu.clean.parts import Part, row_groups
from danlu.text.kernels.minhash import count_shared
from danlu.text.shingles import Scheme, sets_of
from danlu.workspace.run import Run

BYTES = 10
"""Memory that a shingle takes while its range is compared."""
CHUNK = 1 << 20  # pairs compared together
_KINDS: dict[type, str] = {np.uint64: "u64", np.int64: "i64"}


class Source(NamedTuple):
    """A part whose documents have signatures, and where in the list of all documents it begins."""

    name: str  # of its files in scratch
    part: Part
    start: int


def write_sets(run: Run, source: Source, scheme: Scheme, ranges: int) -> int:
    """The unit of work: the shingles of the documents of a part that are in a pair, by range; how many documents those are.

    `wanted.npy` in scratch says which documents those are, `shingles.npy` how many shingles each document has at most.
    """
    wanted: NDArray[np.bool_] = np.load(run.scratch / "wanted.npy", mmap_mode="r")
    most: NDArray[np.int64] = np.load(run.scratch / "shingles.npy", mmap_mode="r")
    files = [(_path(run, source, turn, "u64").open("wb"), _path(run, source, turn, "i64").open("wb")) for turn in range(ranges)]
    row, found = source.start, 0
    try:
        for table in row_groups(source.part.path, ["text"]):
            run.check()
            run.bar.advance(table.nbytes)
            rows = np.flatnonzero(wanted[row : row + table.num_rows])
            if len(rows):
                sets, sizes = sets_of(table["text"], rows, int(most[row + rows].sum()), scheme)
                for (values, counts), (cut, cut_sizes) in zip(files, _cut(sets, sizes, ranges), strict=True):
                    cut.tofile(values)
                    cut_sizes.tofile(counts)
            row += table.num_rows
            found += len(rows)
    finally:
        for pair in files:
            for file in pair:
                file.close()
    return found


def _cut(
    sets: NDArray[np.uint64], sizes: NDArray[np.int64], ranges: int
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
    """The members of each range of hashes, and how many each set has of them."""
    if ranges == 1:
        yield sets, sizes
        return
    owners = np.repeat(np.arange(len(sizes)), sizes)
    turns = (sets // np.uint64(0xFFFFFFFFFFFFFFFF // ranges + 1)).astype(np.int64)
    for turn in range(ranges):
        chosen = turns == turn
        yield sets[chosen], np.bincount(owners[chosen], minlength=len(sizes))


def compare(run: Run, sources: Sequence[Source], turn: int, name: str) -> int:
    """The unit of work: for every pair of `name`, how many shingles of one range its documents share; in scratch."""
    values = _joined(run, sources, turn, np.uint64)
    firsts = np.concatenate(([0], np.cumsum(sizes_of(run, sources, turn))))
    places: NDArray[np.int64] = np.load(run.scratch / "places.npy", mmap_mode="r")
    pairs = read_pairs(run, name)
    with shared_path(run, name, turn).open("wb") as file:
        for start in range(0, len(pairs), CHUNK):
            run.check()
            one, other = unpack(np.array(pairs[start : start + CHUNK]))
            shared = np.zeros(len(one), np.int64)
            count_shared(values, firsts, np.stack((places[one], places[other]), 1), shared)
            shared.tofile(file)
    return len(pairs)


def sizes_of(run: Run, sources: Sequence[Source], turn: int) -> NDArray[np.int64]:
    """How many shingles of one range each document in a pair has, those of one part after those of another."""
    return _joined(run, sources, turn, np.int64)


def _joined(run: Run, sources: Sequence[Source], turn: int, kind: type[np.integer[Any]]) -> NDArray[Any]:
    found = [np.fromfile(_path(run, source, turn, _KINDS[kind]), kind) for source in sources]
    return np.concatenate((np.zeros(0, kind), *found))


def read_pairs(run: Run, name: str) -> Packed:
    path = pairs_path(run, name)
    return np.memmap(path, np.uint64, "r") if path.stat().st_size else np.zeros(0, np.uint64)


def pairs_path(run: Run, name: str) -> Path:
    return run.scratch / f"{name}.u64"


def shared_path(run: Run, name: str, turn: int) -> Path:
    return run.scratch / f"shared-{name}-{turn}.i64"


def _path(run: Run, source: Source, turn: int, kind: str) -> Path:
    return run.scratch / f"sets-{source.name}-{turn}.{kind}"
