"""Copies of short texts (items) within long ones (documents), exact and near. Every find is compared, letter by letter.

Near: of the item's distinct runs of characters (10 of an alphabet, 4 where most characters are Han, kana or the like), at least
`threshold` occur in one stretch of the document that is at most twice as long and lies where the item would. No such
find is missed: an item whose similarity reaches the threshold must share one of any (1 - threshold) of its runs, so only the
runs that are rarest in the documents are looked up, and what they find is compared in full (prefix filtering, Chaudhuri et
al. 2006). An item with fewer than 8 distinct runs is too short for that: it is found where it stands as it is, and one that has
no run at all only where a document equals it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from danlu.text.characters import ALONE, code_points, kinds_table
from danlu.text.hashing import Hashes, mix

SIZES = {"alphabet": 10, "alone": 4}  # characters of a run
FEWEST = 8  # distinct runs of an item that can be near something
THRESHOLD = 0.7
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_BATCH = 1_000_000  # characters
_SEPARATOR = "\0"  # no canonical text has it, so no run of an item reaches over the end of a document

Ints = NDArray[np.int64]
Documents = Callable[[], Iterable[str]]


@dataclass(frozen=True)
class Copy:
    """The best find of an item: the number of the document, how much of the item is there, and whether it is there as it is."""

    item: int
    document: int
    similarity: float
    exact: bool


class Reach(Enum):
    """How an item can be found: also nearly; as it is within a document; only where a document equals it."""

    NEAR = "near"
    WITHIN = "within"
    WHOLE = "whole"


def reach(item: str) -> Reach:
    """How an item in canonical form is looked for."""
    runs = len(set(_runs(item, _size(item))))
    return Reach.NEAR if runs >= FEWEST else Reach.WITHIN if runs else Reach.WHOLE


def find_copies(items: Sequence[str], documents: Documents, threshold: float = THRESHOLD) -> list[Copy]:
    """The items that the documents hold, in the items' order. All texts are in canonical form (`text.canonical`).

    `documents` is called twice and must give the same texts both times, so a corpus need not fit into memory.
    """
    groups: dict[int, list[int]] = {size: [] for size in SIZES.values()}
    for place, item in enumerate(items):
        groups[_size(item)].append(place)
    runs = [_Runs.of(items, chosen, size) for size, chosen in groups.items() if chosen]
    wholes: dict[str, list[int]] = {}
    for place, item in enumerate(items):
        if item:
            wholes.setdefault(item, []).append(place)
    best: dict[int, Copy] = {}
    for first, forms in _batches(documents()):
        joined = code_points(_SEPARATOR.join(forms))
        for part in runs:
            part.count(joined)
        for number, form in enumerate(forms, first):
            for place in wholes.get(form, ()):
                best.setdefault(place, Copy(place, number, 1.0, True))
    searches = [part.rarest(threshold) for part in runs]
    if any(len(search.hashes) for search in searches):
        for first, forms in _batches(documents()):
            joined = code_points(_SEPARATOR.join(forms))
            for search in searches:
                search.look(items, first, forms, joined, threshold, best)
    return [best[place] for place in sorted(best)]


def _size(item: str) -> int:
    kinds = kinds_table()[code_points(item)]
    return SIZES["alone"] if 2 * int((kinds & ALONE != 0).sum()) > len(item) else SIZES["alphabet"]


def _batches(documents: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """The number of the first document, and documents of about `_BATCH` characters."""
    batch: list[str] = []
    first = characters = 0
    for document in documents:
        batch.append(document)
        characters += len(document)
        if characters >= _BATCH:
            yield first, batch
            first, batch, characters = first + len(batch), [], 0
    if batch:
        yield first, batch


def run_hashes(codes: NDArray[np.uint32], size: int) -> Hashes:
    """Hash of each run of `size` characters, uint64[max(0, len(codes) - size + 1)]: a polynomial of the mixed characters."""
    count = max(0, len(codes) - size + 1)
    values = mix(codes.astype(np.uint64) + _FACTOR)
    total = values[:count].copy()
    for place in range(1, size):
        total *= _FACTOR
        total += values[place : place + count]
    return mix(total)


class _Table:
    """Sorted hashes, with a table of their first bits that tells most others apart at once."""

    def __init__(self, hashes: Hashes) -> None:
        self.hashes = hashes
        bits = min(27, max(12, (16 * len(hashes)).bit_length()))
        self._shift = np.uint64(64 - bits)
        self._table = np.zeros(1 << bits, np.bool_)
        self._table[hashes >> self._shift] = True

    def places(self, hashes: Hashes) -> Ints:
        """Where in `hashes` something is that may be in the table."""
        return np.flatnonzero(self._table[hashes >> self._shift])


@dataclass
class _Runs:
    """The distinct runs of some items: run `kind[i]` (a place in `table.hashes`) of item `item[i]` stands at `offset[i]`."""

    size: int
    table: _Table
    kind: Ints
    item: Ints
    offset: Ints
    counts: Ints = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros(len(self.table.hashes), np.int64)

    @classmethod
    def of(cls, items: Sequence[str], chosen: Sequence[int], size: int) -> _Runs:
        hashes = run_hashes(code_points(_SEPARATOR.join(items[place] for place in chosen)), size)
        lengths = np.array([len(items[place]) for place in chosen], np.int64)
        many = np.maximum(0, lengths - size + 1)
        starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths + 1)[:-1]))
        owner = np.repeat(np.arange(len(chosen)), many)
        offset = np.arange(len(owner)) - np.repeat(np.cumsum(many) - many, many)
        mine = hashes[starts[owner] + offset]
        order = np.lexsort((offset, mine, owner))
        new = np.ones(len(order), np.bool_)
        new[1:] = (owner[order][1:] != owner[order][:-1]) | (mine[order][1:] != mine[order][:-1])
        order = order[new]
        found, kind = np.unique(mine[order], return_inverse=True)
        return cls(size, _Table(found), kind, np.asarray(chosen, np.int64)[owner[order]], offset[order])

    def count(self, codes: NDArray[np.uint32]) -> None:
        """How often each run occurs in these documents is added to `counts`."""
        known = self.table.hashes
        if not len(known):
            return
        hashes = run_hashes(codes, self.size)
        found = hashes[self.table.places(hashes)]
        places = np.minimum(np.searchsorted(known, found), len(known) - 1)
        self.counts += np.bincount(places[known[places] == found], minlength=len(known))

    def rarest(self, threshold: float) -> _Search:
        """Of each item's n runs the n - ceil(threshold n) + 1 rarest, as far as they occur: the others cannot suffice alone. Of
        an item that must be there as it is, the rarest."""
        many = np.bincount(self.item, minlength=int(self.item.max(initial=-1)) + 1)
        order = np.lexsort((self.counts[self.kind], self.item))
        firsts = np.cumsum(many) - many
        rank = np.arange(len(order)) - firsts[self.item[order]]
        needed = np.where(many < FEWEST, many, np.ceil(threshold * many - 1e-9).astype(np.int64))
        chosen = order[(rank <= (many - needed)[self.item[order]]) & (self.counts[self.kind[order]] > 0)]
        chosen = chosen[np.argsort(self.kind[chosen], kind="stable")]
        return _Search(self.size, self.table.hashes[self.kind[chosen]], self.item[chosen], self.offset[chosen])


@dataclass
class _Search:
    """The runs to look up: `hashes` sorted, each with its item and its offset there."""

    size: int
    hashes: Hashes
    item: Ints
    offset: Ints
    _known: dict[int, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._table = _Table(self.hashes)

    def look(
        self, items: Sequence[str], first: int, forms: Sequence[str], codes: NDArray[np.uint32], threshold: float,
        best: dict[int, Copy],
    ) -> None:  # fmt: skip
        """Compare what the documents `forms`, numbered from `first`, share with the items, and keep the best of each."""
        starts = np.cumsum([0, *(len(form) + 1 for form in forms)])
        for document, item, start in self._candidates(starts, codes):
            known = best.get(item)
            if known is None or not known.exact:
                found = self._compare(items[item], item, forms[document], start)
                if found >= threshold - 1e-9 and (known is None or found > known.similarity):
                    best[item] = Copy(item, first + document, min(found, 1.0), found > 1)

    def _candidates(self, starts: Ints, codes: NDArray[np.uint32]) -> list[tuple[int, int, int]]:
        """(document, item, where in the document the item would begin), each once."""
        hashes = run_hashes(codes, self.size)
        places = self._table.places(hashes)
        low, high = (np.searchsorted(self.hashes, hashes[places], side) for side in ("left", "right"))
        many = high - low
        entry = np.repeat(low - (np.cumsum(many) - many), many) + np.arange(int(many.sum()))
        place = np.repeat(places, many)
        document = np.searchsorted(starts, place, "right") - 1
        rows = np.stack((document, self.item[entry], place - self.offset[entry] - starts[document]), 1)
        found: list[tuple[int, int, int]] = [tuple(row) for row in np.unique(rows, axis=0).tolist()]
        return found

    def _compare(self, text: str, item: int, document: str, start: int) -> float:
        """The share of the item's distinct runs in the stretch of the document; 2 if it is there as it is; 0 if it is not and
        has too few runs."""
        half = len(text) // 2
        stretch = document[max(0, start - half) : start + len(text) + half]
        if text in stretch:
            return 2.0
        if item not in self._known:
            self._known[item] = frozenset(_runs(text, self.size))
        mine = self._known[item]
        if len(mine) < FEWEST:
            return 0.0
        return len(mine.intersection(_runs(stretch, self.size))) / len(mine)


def _runs(text: str, size: int) -> Iterator[str]:
    return (text[place : place + size] for place in range(len(text) - size + 1))
