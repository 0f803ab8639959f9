"""Decontamination: which documents hold a text that must not be seen in training. Exact: every find is compared.

A document holds an item if its canonical form equals the item's; or a line of it does; or, for items of at least 40 canonical
characters, if the item stands anywhere in it. For the last, each item is known by the hash of one window of 40
characters; all windows of a document are hashed at once and looked up, and the few that are found are compared in full.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from danlu.text.canonical import canonical
from danlu.text.characters import code_points
from danlu.text.hashing import Hashes, mix

WINDOW = 40  # canonical characters
LINE_WEIGHT = 8  # a line is an item from here on: four Han or eight letters; the answer "Yes." does not cost a book its place
BATCH_CHARACTERS = 1_000_000
_TABLE_BITS = 20
_CHOICES = 8  # windows of an item among which the rarest is chosen, so that a common beginning does not slow the search
_LINE_START = 160  # of a line without mark-up this much is looked at first: it shows whether the line is short
_FACTORS = tuple(
    np.uint64(value)
    for value in (
        0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5, 0x85EBCA77C2B2AE63, 0xD6E8FEB86659FD93,
    )
)  # fmt: skip


@dataclass(frozen=True)
class HeldOut:
    """Canonical items and whose they are, ready to be looked for."""

    owners: dict[str, str]  # item -> the first name that it came with
    items: tuple[str, ...]  # items long enough for a window
    offsets: NDArray[np.int64]  # [items], where the window begins in the item
    hashes: Hashes  # [items], sorted, of the windows
    table: NDArray[np.bool_]  # [2**20], whether any hash has these top bits


def index_items(items: Iterable[tuple[str, str]]) -> HeldOut:
    """An index of (name, canonical text) pairs; a text that came with two names belongs to the first."""
    owners: dict[str, str] = {}
    for name, item in items:
        if item:
            owners.setdefault(item, name)
    long = [item for item in owners if len(item) >= WINDOW]
    spots = [np.unique(np.linspace(0, len(item) - WINDOW, _CHOICES).astype(np.int64)) for item in long]
    hashed = _hash_spots(long, spots)
    values, counts = np.unique(np.concatenate(hashed) if hashed else np.zeros(0, np.uint64), return_counts=True)
    choice = [int(np.argmin(counts[np.searchsorted(values, found)])) for found in hashed]
    offsets = np.array([spot[index] for spot, index in zip(spots, choice, strict=True)], np.int64)
    hashes = np.array([found[index] for found, index in zip(hashed, choice, strict=True)], np.uint64)
    order = np.argsort(hashes, kind="stable")
    table = np.zeros(1 << _TABLE_BITS, bool)
    table[hashes >> np.uint64(64 - _TABLE_BITS)] = True
    return HeldOut(owners, tuple(long[index] for index in order), offsets[order], hashes[order], table)


def find_owners(held: HeldOut, texts: Sequence[str], forms: Sequence[str]) -> list[str]:
    """For each text the name of the first held-out item that it holds, or "". `forms` are the texts' canonical forms."""
    found = [held.owners.get(form, "") or _line_owner(held, text) for text, form in zip(texts, forms, strict=True)]
    for batch in _batches(forms, [row for row, form in enumerate(forms) if not found[row] and len(form) > WINDOW]):
        for index, owner in _search(held, [forms[row] for row in batch]).items():
            found[batch[index]] = owner
    return found


def window_hashes(codes: NDArray[np.uint32]) -> Hashes:
    """Hash of each window of `WINDOW` characters, uint64[max(0, len(codes) - WINDOW + 1)]: of two, then four, ... at a time."""
    if len(codes) < WINDOW:
        return np.zeros(0, np.uint64)
    hashes = mix(codes.astype(np.uint64) + _FACTORS[0])
    eight = hashes
    for level in range(5):
        hashes = hashes[: -(1 << level)] * _FACTORS[level] + hashes[1 << level :]
        eight = hashes if level == 2 else eight
    return mix(hashes[: len(codes) - WINDOW + 1] * _FACTORS[5] + eight[32 : 32 + len(codes) - WINDOW + 1])


def _hash_spots(items: Sequence[str], spots: Sequence[NDArray[np.int64]]) -> list[Hashes]:
    """For each item the hashes of its windows that begin at `spots`."""
    result: list[Hashes] = []
    for rows in _batches(items, range(len(items))):
        hashes = window_hashes(code_points("".join(items[row] for row in rows)))
        starts = np.cumsum([0, *(len(items[row]) for row in rows)])
        result += [hashes[start + spots[row]] for start, row in zip(starts.tolist(), rows, strict=False)]
    return result


def _batches(texts: Sequence[str], rows: Iterable[int]) -> Iterator[list[int]]:
    """The rows in groups of about `BATCH_CHARACTERS`."""
    batch: list[int] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += len(texts[row])
        if characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _search(held: HeldOut, forms: list[str]) -> dict[int, str]:
    """Which of the canonical texts contain an item, and its owner: the item that comes first in the text."""
    if not held.items:
        return {}
    starts = np.cumsum([0, *(len(form) for form in forms)])
    hashes = window_hashes(code_points("".join(forms)))
    places = np.flatnonzero(held.table[hashes >> np.uint64(64 - _TABLE_BITS)])
    first = np.searchsorted(held.hashes, hashes[places], "left")
    last = np.searchsorted(held.hashes, hashes[places], "right")
    result: dict[int, str] = {}
    hits = np.flatnonzero(last > first)
    texts = np.searchsorted(starts, places[hits], "right") - 1
    for hit, index in zip(hits.tolist(), texts.tolist(), strict=True):
        if index in result:
            continue
        place = int(places[hit] - starts[index])
        for number in range(int(first[hit]), int(last[hit])):
            begin = place - int(held.offsets[number])
            if begin >= 0 and forms[index].startswith(held.items[number], begin):
                result[index] = held.owners[held.items[number]]
                break
    return result


def _line_owner(held: HeldOut, text: str) -> str:
    """The owner of an item shorter than a window that is a whole line of the text."""
    if "\n" not in text:
        return ""
    for line in text.split("\n"):
        plain = "<" not in line and "&" not in line
        # A long line's beginning alone tells that it is longer than a window (8 to spare for what composes at the cut).
        if plain and len(line) > _LINE_START and len(canonical(line[:_LINE_START])) > WINDOW + 8:
            continue
        form = canonical(line)
        if form in held.owners and sum(2 if letter >= "\u2e80" else 1 for letter in form) >= LINE_WEIGHT:
            return held.owners[form]
    return ""
