"""Decontamination by runs of words: items that a document quotes in part, or with changes, or with their answer.

A long item is known by all its runs of `SIZES` words; a document holds it if it has enough of them. A short one
(`LEAST_WORDS` and more) has no run that is rare enough: it counts only word for word and with its answer close by. Words are
compared by hashes of 64 bits, so case, punctuation and spaces do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from danlu.clean.overlap import ANSWER, OVERLAP, Finds, Item, Table, make_table
from danlu.text.buffers import string_buffers, word_hashes
from danlu.text.kernels.grams import find_grams, hash_grams

Words = NDArray[np.uint64]

LONG = 13  # words from which on an item is long (GPT-3's run); in Chinese `LONG_HAN` characters
LONG_HAN = 20  # 13 words of English are about as many characters of Chinese
# Words of a run, by length of the item: below `MANY` words, where one changed word would break most
# runs of 13, and from there on.
SIZES = (6, 13)
SIZES_HAN = (10, 16)
MANY = 100  # words of an item from which on the longer runs are used; in Chinese `MANY_HAN` characters
MANY_HAN = 160
COMMON = 8  # a run that more items have is a phrase of the set ("which of the following"), and tells none of them
KEY = 4  # words by which short items are looked for
LEAST_WORDS = 4  # of an item that counts with its answer
NEAR = 32  # words on either side of a short item in which its answer stands


class GramIndex(NamedTuple):
    """Items ready to be looked for."""

    items: tuple[Item, ...]
    words: tuple[Words, ...]  # of each item
    sizes: NDArray[np.int64]  # of runs that there are
    runs: Table
    owners: NDArray[np.int64]  # rows of items, by run
    first_owner: NDArray[np.int64]  # [runs + 1] into `owners`
    counts: NDArray[np.int64]  # [items], distinct runs
    keys: Table
    short: dict[bytes, list[int]]  # the hashes of a short item's words -> rows of items
    lengths: tuple[tuple[int, ...], ...]  # [keys], of the short items that begin so
    answers: dict[int, Words]  # of short items


def index_grams(items: Sequence[Item]) -> GramIndex:
    """An index of items; those too short for their length, or without an answer, are left to `danlu.clean.overlap`."""
    chosen = tuple(items)
    words = _words([item.text for item in chosen])
    answers = {row: found for row, found in enumerate(_words([item.answer for item in chosen])) if len(found)}
    hashes: list[Words] = []
    short: dict[bytes, list[int]] = {}
    sizes: set[int] = set()
    for row, (item, own) in enumerate(zip(chosen, words, strict=True)):
        size = _run_size(item.text, len(own))
        if size:
            sizes.add(size)
            made = np.unique(_grams(own, size))
        else:
            made = np.zeros(0, np.uint64)
            if len(own) >= LEAST_WORDS and row in answers and len(item.answer.strip()) > 1:
                short.setdefault(own.tobytes(), []).append(row)
        hashes.append(made)
    rows = np.repeat(np.arange(len(chosen)), [len(made) for made in hashes])
    distinct, which, shared = np.unique(
        np.concatenate([*hashes, np.zeros(0, np.uint64)]), return_inverse=True, return_counts=True
    )
    rare = shared[which] <= COMMON
    rare |= np.bincount(rows[rare], minlength=len(chosen))[rows] == 0  # an item of nothing but phrases keeps them
    rows, which = rows[rare], which[rare]
    order = np.argsort(which, kind="stable")
    begins = {words_of: _grams(np.frombuffer(words_of, np.uint64)[:KEY], KEY)[0] for words_of in short}
    keys = np.array(sorted(set(begins.values())), np.uint64)
    lengths: list[set[int]] = [set() for _ in keys]
    for words_of, begin in begins.items():
        lengths[int(np.searchsorted(keys, begin))].add(len(words_of) // 8)
    return GramIndex(
        chosen, tuple(words), np.array(sorted(sizes), np.int64), make_table(distinct), rows[order],
        np.searchsorted(which[order], np.arange(len(distinct) + 1)), np.bincount(rows, minlength=len(chosen)),
        make_table(keys), short, tuple(tuple(sorted(each)) for each in lengths), answers,
    )  # fmt: skip


def find_overlaps(index: GramIndex, words: Words, firsts: NDArray[np.int64], least: float) -> Finds:
    """The items that each document holds in part or with their answers, those of which it holds most first.

    `words` and `firsts` as of `word_hashes`; `least` is the share of an item's runs from which on a document holds it.
    """
    documents, _, runs = _hits(words, firsts, index.sizes, index.runs)
    every = len(index.first_owner)
    documents, runs = np.divmod(_distinct(documents * every + runs)[0], every)
    many = np.diff(index.first_owner)[runs]
    begins = np.repeat(index.first_owner[runs] - np.cumsum(many) + many, many)
    items = index.owners[begins + np.arange(len(begins))]
    both, counts = _distinct(np.repeat(documents, many) * len(index.items) + items)
    holders, items = np.divmod(both, max(1, len(index.items)))
    shares = counts / index.counts[items]
    holds = np.flatnonzero(shares >= least)
    holds = holds[np.argsort(-shares[holds], kind="stable")]
    documents, places, keys = _hits(words, firsts, np.array([KEY] if index.short else [], np.int64), index.keys)
    answered: list[tuple[int, int]] = []
    for document, place, key in zip(documents.tolist(), places.tolist(), keys.tolist(), strict=True):
        answered += [(document, row) for row in _answered(index, words[: firsts[document + 1]], place, firsts[document], key)]
    pairs = np.array(list(dict.fromkeys(answered)), np.int64).reshape(-1, 2)
    return Finds.join(
        [Finds.of(holders[holds], items[holds], OVERLAP, shares[holds]), Finds.of(pairs[:, 0], pairs[:, 1], ANSWER)]
    )


def _answered(index: GramIndex, words: Words, place: int, first: int, key: int) -> Iterator[int]:
    """The short items that stand at a place with their answer before or after it."""
    for length in index.lengths[key]:
        for row in index.short.get(words[place : place + length].tobytes(), ()):
            answer = index.answers[row]
            end = place + length
            if _holds(words[end : end + NEAR], answer) or _holds(words[max(first, place - NEAR) : place], answer):
                yield row


def _holds(words: Words, run: Words) -> bool:
    places = np.flatnonzero(words == run[0])
    return any(np.array_equal(words[place : place + len(run)], run) for place in places)


def _run_size(text: str, words: int) -> int:
    """Words of the runs that an item of so many words is known by; 0 for a short one."""
    if 2 * sum(letter >= "\u2e80" for letter in text) > words:
        return 0 if words < LONG_HAN else SIZES_HAN[words >= MANY_HAN]
    return 0 if words < LONG else SIZES[words >= MANY]


def _words(texts: Sequence[str]) -> list[Words]:
    hashes, firsts = word_hashes(*string_buffers(texts))
    return [hashes[low:high] for low, high in zip(firsts[:-1].tolist(), firsts[1:].tolist(), strict=True)]


def _grams(words: Words, size: int) -> Words:
    hashes = np.empty(max(0, len(words) - size + 1), np.uint64)
    hash_grams(words, size, hashes)
    return hashes


def _distinct(values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct values in order and how often each is there (by a sort: NumPy's own is by hash, and slower)."""
    values = np.sort(values)
    first = np.flatnonzero(np.concatenate([np.ones(min(1, len(values)), bool), values[1:] != values[:-1]]))
    return values[first], np.diff(np.append(first, len(values)))


def _hits(
    words: Words, firsts: NDArray[np.int64], sizes: NDArray[np.int64], table: Table
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Documents, words and values of all runs that are in the table."""
    room = (1 << 16) + len(words) // 4
    while len(sizes):
        documents, places, values = np.empty(room, np.int32), np.empty(room, np.int64), np.empty(room, np.int32)
        count = find_grams(words, firsts, sizes, *table, documents, places, values)
        if count <= room:
            return documents[:count].astype(np.int64), places[:count], values[:count].astype(np.int64)
        room = count
    return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
