"""Packing: documents of a token store laid into windows of a fixed length, without losing a token.

A document longer than a window is cut into full pieces and a tail; the tails and the short documents are put together by
best-fit-decreasing, each into the fullest window that still has room. Every token of the store is in exactly one window of
an epoch. Each (seed, epoch) shuffles which documents meet and the order of windows, by a counter-based generator: window i
of epoch e is a pure function of (ends, length, marks, seed, e), so a run resumes at any window without reading the ones before.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from danlu.tokens.bits import Bits
from danlu.tokens.random import random_keys
from danlu.tokens.special import BOS_ID, CLS_ID, EOS_ID, PAD_ID, SEP_ID

_PIECES, _WINDOWS = 0, 1  # purposes of the random streams


@dataclass(frozen=True)
class Marks:
    """The special tokens that packing puts around documents.

    `begin` stands before every piece, so that each real token of a window is predicted from something. `end` stands after
    every piece if `close_pieces`, else only where the document ends: a causal model must not learn that texts end at cuts.
    (A document whose last piece fills its window to the brim has no room for `end` and goes without.)
    """

    begin: int | None
    end: int | None
    close_pieces: bool


CAUSAL = Marks(BOS_ID, EOS_ID, close_pieces=False)
MASKED = Marks(CLS_ID, SEP_ID, close_pieces=True)
PLAIN = Marks(None, None, close_pieces=False)


@dataclass(frozen=True)
class PackingPlan:
    """Which piece of the store stands where. Pieces are sorted by window.

    `offsets` [windows + 1]: the pieces of window i are `offsets[i]` to `offsets[i + 1]`. `starts`, `stops` [pieces]: where the
    piece lies in the store's tokens. `closed` [pieces]: whether the `end` mark follows it.
    """

    length: int
    marks: Marks
    offsets: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]
    closed: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        """Number of windows in the epoch."""
        return len(self.offsets) - 1

    @property
    def tokens(self) -> int:
        """Real tokens, marks not counted."""
        return int((self.stops - self.starts).sum())

    @property
    def fill(self) -> float:
        """The share of the windows' places that hold a token or a mark; the rest is padding."""
        begin = len(self.starts) * (self.marks.begin is not None)
        return (self.tokens + begin + int(self.closed.sum())) / max(1, len(self) * self.length)

    def window(self, index: int, tokens: npt.NDArray[np.generic]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Window `index` as (ids [length], segments [length]).

        `tokens` is the store's flat array. Segments number the pieces of the window from 1; padding has id PAD, segment 0.
        """
        ids, segments = self.windows((index,), tokens)
        return ids[0], segments[0]

    def windows(
        self, indices: Sequence[int] | npt.NDArray[np.integer], tokens: npt.NDArray[np.generic] | Bits
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Several windows at once: (ids [n, length], segments [n, length]); of bits of the tokens as of their ids."""
        ids = np.full((len(indices), self.length), PAD_ID, np.int64)
        segments = np.zeros((len(indices), self.length), np.int32)
        begin, end = self.marks.begin, self.marks.end
        for row, index in enumerate(indices):
            place = 0
            for number, piece in enumerate(range(self.offsets[index], self.offsets[index + 1]), start=1):
                first = place
                if begin is not None:
                    ids[row, place] = begin
                    place += 1
                start, stop = int(self.starts[piece]), int(self.stops[piece])
                ids[row, place : place + stop - start] = tokens[start:stop]
                place += stop - start
                if end is not None and self.closed[piece]:
                    ids[row, place] = end
                    place += 1
                segments[row, first:place] = number
        return ids, segments


def pack(
    ends: npt.NDArray[np.integer],
    length: int,
    *,
    seed: int = 0,
    epoch: int = 0,
    marks: Marks = CAUSAL,
    only: npt.NDArray[np.integer] | None = None,
) -> PackingPlan:
    """Plan an epoch over the documents that end at `ends` [documents], in windows of `length` places.

    `only` [chosen] are the places of the documents to take (default: all). The number of windows is that of every epoch and
    seed, since best-fit-decreasing knows nothing of a document but its length.
    """
    starts, stops, closed = cut_documents(ends, length, marks, only)
    cost = stops - starts + (marks.begin is not None) + closed
    keys = random_keys(len(cost), seed=seed, epoch=epoch, purpose=_PIECES)
    order = np.lexsort((keys, -cost))
    bins = best_fit_decreasing(cost[order], length)
    count = int(bins.max()) + 1 if len(bins) else 0
    rank = np.empty(count, np.int64)  # the shuffled place of each bin
    rank[np.argsort(random_keys(count, seed=seed, epoch=epoch, purpose=_WINDOWS), kind="stable")] = np.arange(count)
    window = rank[bins]
    by_window = np.lexsort((keys[order], window))
    order = order[by_window]
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(window, minlength=count), out=offsets[1:])
    return PackingPlan(length, marks, offsets, starts[order], stops[order], closed[order])


def cut_documents(
    ends: npt.NDArray[np.integer], length: int, marks: Marks, only: npt.NDArray[np.integer] | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Cut documents (`only` those at these places) into pieces that fit a window with their marks: (starts, stops, closed),
    each [pieces], in order. An empty document has no piece."""
    stops = ends.astype(np.int64)
    begins = np.concatenate(([0], stops[:-1])) if len(stops) else stops
    if only is not None:
        begins, stops = begins[only], stops[only]
    has_end = marks.end is not None
    full = length - (marks.begin is not None) - (has_end and marks.close_pieces)  # room of a piece with another after it
    last = length - (marks.begin is not None) - has_end  # room of a last piece
    if last < 1:
        raise ValueError(f"a window of {length} has no room for a token beside its marks")
    sizes = stops - begins
    # as few full pieces as leave a rest that fits with its end mark; the rest is empty only if `full` > `last` and the
    # document fills its pieces to the brim: then there is no last piece, and no end mark
    fulls = np.maximum(0, -((last - sizes) // full))
    rest = sizes - fulls * full
    pieces = fulls + (rest > 0)
    document = np.repeat(np.arange(len(sizes)), pieces)
    number = np.arange(len(document)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    piece_starts = begins[document] + number * full
    is_last = number == fulls[document]
    piece_stops = np.where(is_last, stops[document], piece_starts + full)
    closed = np.full(len(document), has_end) if marks.close_pieces else is_last & has_end
    return piece_starts, piece_stops, closed


def best_fit_decreasing(sizes: npt.NDArray[np.int64], capacity: int) -> npt.NDArray[np.int64]:
    """The bin of each item, for `sizes` [items] in falling order, each at most `capacity`: bins are numbered as they open.

    Each item goes into the bin with the least room that still holds it. Items of one size go in one step a class of bins with
    equal room: a bin that took one of them is now the fullest that may hold the next, so it takes as many as fit. A step at
    least halves the room of the bins it touches, so there are few steps, and each is a slice.
    """
    bins = np.empty(len(sizes), np.int64)
    open_bins: dict[int, npt.NDArray[np.int64]] = {}  # room -> bins, in the order they came to it
    rooms: list[int] = []  # the keys of open_bins, rising
    opened = 0

    def put(room: int, those: npt.NDArray[np.int64]) -> None:
        if room and len(those):
            if room in open_bins:
                open_bins[room] = np.concatenate((open_bins[room], those))
            else:
                open_bins[room] = those
                insort(rooms, room)

    borders = np.flatnonzero(np.diff(sizes, prepend=-1, append=-1))
    for item, stop in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True):
        size = int(sizes[item])
        place = bisect_left(rooms, size)
        while item < stop:
            if place < len(rooms):
                room = rooms.pop(place)
                those = open_bins.pop(room)
            else:  # no open bin has room: open as many as the rest needs
                room = capacity
                those = opened + np.arange(-(-(stop - item) // (capacity // size)))
                opened += len(those)
            each = room // size
            taken = min(len(those), (stop - item) // each)
            bins[item : item + taken * each] = np.repeat(those[:taken], each)
            item += taken * each
            left = those[taken:]
            if len(left) and item < stop:  # fewer items than fit are left: one bin takes them
                bins[item:stop] = left[0]
                put(room - (stop - item) * size, left[:1])
                item, left = stop, left[1:]
            put(room, left)
            put(room - each * size, those[:taken])
            place = bisect_left(rooms, size)
    return bins
