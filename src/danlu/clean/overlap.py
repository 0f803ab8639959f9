"""Decontamination, word for word: which documents hold a text that must not be seen in training. Every find is compared.

A document holds an item if its canonical form equals the item's; or a line of it does; or, for items of at least 40 canonical
characters, if the item stands anywhere in it. Forms and lines are compared by their digests of 128 bits; for the last, each
item is known by the hash of one window of 40 bytes, and what has such a window is compared in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from danlu.text.buffers import string_buffers, text_buffers
from danlu.text.forms import canonical_forms, digests, find_digests
from danlu.text.kernels.grams import EMPTY, fill_table
from danlu.text.kernels.windows import find_windows, hash_windows

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

WINDOW = 40  # canonical characters of an item that is looked for everywhere; bytes of its window
LINE_WEIGHT = 8  # a line is an item from here on: four Han or eight letters; the answer "Yes." does not cost a book its place
WAYS = ("equal", "line", "contained", "overlap", "answer")  # how a document holds an item, the surest first
EQUAL, LINE, CONTAINED, OVERLAP, ANSWER = range(len(WAYS))
MOST_BITS = 1 << 23  # of the filter before a table: a megabyte
_CHOICES = 8  # windows of an item among which the rarest is chosen, so that a common beginning does not slow the search


class Item(NamedTuple):
    """A text that must not be trained on, whose it is, its answer where it has one, and the id of the held-out document that
    it is the text of ("" for an item of a dataset or a file)."""

    owner: str
    text: str
    answer: str = ""
    document: str = ""


class Finds(NamedTuple):
    """Documents that hold items, sorted by document and how sure the find is (`WAYS`), then by place or by share. [finds]"""

    documents: Ints  # rows
    items: Ints
    ways: NDArray[np.uint8]
    shares: NDArray[np.float64]  # of an item's runs of words; 1 where it is there whole

    @classmethod
    def of(cls, documents: Any, items: Any, way: int, shares: Any = None) -> Finds:
        """Finds of one way in the order given."""
        rows = np.asarray(documents, np.int64)
        filled = np.ones(len(rows)) if shares is None else np.asarray(shares, np.float64)
        return cls(rows, np.asarray(items, np.int64), np.full(len(rows), way, np.uint8), filled)

    @classmethod
    def join(cls, some: Sequence[Finds]) -> Finds:
        """All finds of a document together: those of the surest way first, else in the order given."""
        both = cls(
            np.concatenate([one.documents for one in some]), np.concatenate([one.items for one in some]),
            np.concatenate([one.ways for one in some]), np.concatenate([one.shares for one in some]),
        )  # fmt: skip
        return both.chosen(np.lexsort((both.ways, both.documents)))

    def chosen(self, which: NDArray[Any]) -> Finds:
        return Finds(self.documents[which], self.items[which], self.ways[which], self.shares[which])


class Table(NamedTuple):
    """Distinct hashes and their numbers (`danlu.text.kernels.grams.fill_table`)."""

    hashes: Words  # [places], a power of two
    values: NDArray[np.int32]
    bits: Words  # a filter before it


class HeldOut(NamedTuple):
    """Canonical items, ready to be looked for."""

    digests: Words  # [forms, 2], sorted
    items: Ints  # [forms], the item of each
    heavy: NDArray[np.bool_]  # [forms], whether a line of that form counts
    table: Table  # of windows
    firsts: Ints  # [windows + 1] into `members`
    members: Ints  # numbers among the items that have a window
    inside: Ints  # [items with a window], bytes before it
    data: NDArray[np.uint8]  # their forms
    ends: Ints  # [items with a window + 1] into `data`
    long: Ints  # [items with a window], which item each is


def make_table(hashes: Words) -> Table:
    places = 1 << max(4, int(4 * len(hashes)).bit_length())
    filtered = min(max(1, places // 16), MOST_BITS // 64)
    table = Table(np.zeros(places, np.uint64), np.full(places, EMPTY, np.int32), np.zeros(filtered, np.uint64))
    fill_table(hashes, *table)
    return table


def index_items(forms: Sequence[str]) -> HeldOut:
    """An index of items by their canonical forms; of equal ones the first counts, an empty one is none."""
    distinct = {form: item for item, form in reversed(list(enumerate(forms))) if form}
    data, ends = string_buffers(list(distinct))
    keys, items = digests(data, ends), np.array(list(distinct.values()), np.int64)
    heavy = np.array([sum(2 if letter >= "\u2e80" else 1 for letter in form) >= LINE_WEIGHT for form in distinct], bool)
    order = np.lexsort((keys[:, 1], keys[:, 0]))
    long = {form: item for form, item in distinct.items() if len(form) >= WINDOW}
    data, ends = string_buffers(list(long))
    spots = [np.unique(np.linspace(0, size - WINDOW, _CHOICES).astype(np.int64)) for size in np.diff(ends).tolist()]
    hashes = np.empty(sum(map(len, spots)), np.uint64)
    begins = [start + spot for start, spot in zip(ends.tolist(), spots, strict=False)]
    hash_windows(data, np.concatenate([*begins, np.zeros(0, np.int64)]), WINDOW, hashes)
    found = np.split(hashes, np.cumsum([len(spot) for spot in spots])[:-1]) if spots else []
    values, counts = np.unique(hashes, return_counts=True)
    choice = [int(np.argmin(counts[np.searchsorted(values, one)])) for one in found]
    inside = np.array([spot[index] for spot, index in zip(spots, choice, strict=True)], np.int64)
    windows = np.array([one[index] for one, index in zip(found, choice, strict=True)], np.uint64)
    windows, which = np.unique(windows, return_inverse=True)
    members = np.argsort(which, kind="stable")
    firsts = np.searchsorted(which[members], np.arange(len(windows) + 1))
    return HeldOut(
        keys[order], items[order], heavy[order], make_table(windows), firsts, members, inside, data, ends,
        np.array(list(long.values()), np.int64),
    )  # fmt: skip


def find_items(held: HeldOut, texts: Any, forms: NDArray[np.uint8], ends: Ints, keys: Words) -> Finds:
    """Which of the texts, an Arrow column, hold which items word for word.

    `forms` and `ends` are the texts' canonical forms (`canonical_forms`), `keys` uint64[texts, 2] the digests of these.
    """
    whole = find_digests(held.digests, keys)
    rows = np.flatnonzero(whole >= 0)
    lines = _lines(held, texts)
    return Finds.join([Finds.of(rows, held.items[whole[rows]], EQUAL), lines, _contained(held, forms, ends)])


def _lines(held: HeldOut, texts: Any) -> Finds:
    """Finds of whole lines, in texts that have several."""
    rows = np.flatnonzero(pc.match_substring(texts, "\n").to_numpy())
    data, offsets = text_buffers(texts.take(pa.array(rows)))
    spans = np.union1d(offsets, np.flatnonzero(data[: offsets[-1]] == 0x0A) + 1)  # each line with its break
    found = find_digests(held.digests, digests(*canonical_forms(data, spans)))
    lines = np.flatnonzero(found >= 0)
    lines = lines[held.heavy[found[lines]]]
    documents = rows[np.searchsorted(offsets, spans[lines], "right") - 1]
    return Finds.of(documents, held.items[found[lines]], LINE)


def _contained(held: HeldOut, forms: NDArray[np.uint8], ends: Ints) -> Finds:
    room = 1 << 12
    while len(held.long):
        found = np.empty((room, 2), np.int64)
        count = find_windows(
            forms, ends, WINDOW, *held.table, held.firsts, held.members, held.inside, held.data, held.ends, found
        )
        if count <= room:
            return Finds.of(found[:count, 0], held.long[found[:count, 1]], CONTAINED)
        room = count
    return Finds.of([], [], CONTAINED)
