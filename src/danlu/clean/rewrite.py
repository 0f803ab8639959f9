"""Texts treated column by column: what asks for nothing stays in Arrow's memory and never becomes a Python string."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from danlu.clean.lines import drop_lines
from danlu.clean.treatment import Treatment
from danlu.text.asks import LINES, Asks, ask
from danlu.text.buffers import text_buffers
from danlu.text.edits import Edit
from danlu.text.forms import form_column
from danlu.text.kernels.asks import CHINESE, SPACE
from danlu.text.repair import Repair
from danlu.text.repairs import Spaced, space_texts

Integers = NDArray[np.int64]


class Edits(NamedTuple):
    """Edits of many texts, in the order of the texts and of their places."""

    rows: Integers  # [edits], which text
    starts: NDArray[np.int32]  # [edits], characters of the text as it came
    ends: NDArray[np.int32]
    lengths: NDArray[np.int32]  # [edits], characters that stand there now
    reasons: NDArray[np.int32]  # [edits], places in `names`
    names: tuple[str, ...]

    def of(self, row: int, now: str) -> list[Edit]:
        """Those of one text, which is `now` after them."""
        first, stop = np.searchsorted(self.rows, (row, row + 1)).tolist()
        found: list[Edit] = []
        grown = 0
        for start, end, length, code in zip(
            *(column[first:stop].tolist() for column in (self.starts, self.ends, self.lengths, self.reasons)), strict=True
        ):
            found.append(Edit(start, end, now[start + grown : start + grown + length], self.names[code]))
            grown += length - (end - start)
        return found


class Rewritten(NamedTuple):
    """Which texts changed, what they are now, and the edits."""

    rows: Integers  # [changed], in order
    texts: pa.LargeStringArray  # [changed]
    edits: Edits
    asks: Asks  # [texts]
    slow: NDArray[np.bool_]  # [texts], which Python looked at

    def replaced(self, repairs: Mapping[int, Repair]) -> Rewritten:
        """With these texts, by row, and their edits in place of what was there."""
        if not repairs:
            return self
        edits, codes = self.edits, {name: code for code, name in enumerate(self.edits.names)}
        added = [
            (row, start, end, len(after), codes.setdefault(reason, len(codes)))
            for row, repaired in repairs.items()
            for start, end, after, reason in repaired.edits
        ]
        columns = np.array(added, np.int64).reshape(-1, 5).T
        left = np.isin(edits.rows, list(repairs), invert=True)
        every = np.concatenate([edits.rows[left], columns[0]])
        order = np.argsort(every, kind="stable")

        def joined(old: NDArray[np.int32], new: NDArray[np.int64]) -> NDArray[np.int32]:
            return np.concatenate([old[left], new.astype(np.int32)])[order]

        kept = np.isin(self.rows, list(repairs), invert=True)
        rows = np.concatenate([self.rows[kept], np.array(list(repairs), np.int64)])
        texts = pa.concat_arrays(
            [self.texts.filter(pa.array(kept)), pa.array([each.text for each in repairs.values()], pa.large_string())]
        )
        places = np.argsort(rows, kind="stable")
        changed = Edits(
            every[order],
            joined(edits.starts, columns[1]),
            joined(edits.ends, columns[2]),
            joined(edits.lengths, columns[3]),
            joined(edits.reasons, columns[4]),
            tuple(codes),
        )
        return self._replace(rows=rows[places], texts=texts.take(pa.array(places)), edits=changed)


def rewrite(
    data: NDArray[np.uint8], offsets: Integers, treatment: Treatment, spared: NDArray[np.bool_], chinese: NDArray[np.bool_]
) -> Rewritten:
    """Treat the texts `data[offsets[i]:offsets[i + 1]]` but those that are spared, bool[texts].

    `chinese`, bool[texts]: which texts a conversion of Chinese is for.
    """
    look = treatment.look
    asks = ask(data, offsets, look)
    asks[spared] = 0
    asks[~chinese] &= ~np.uint16(CHINESE)
    asked = asks & np.uint16(treatment.repairs)
    slow = asked & ~np.uint16(SPACE) != 0
    rows = np.flatnonzero(asked == SPACE)
    spaced = space_texts(data, offsets, rows)
    # Lines are judged as repair leaves them. Few are dropped: such a text is treated from its beginning.
    lines = np.full(len(asks), treatment.every_line) & ~spared & ~slow
    lines |= (asks & LINES != 0) & ~slow
    now = np.full(len(asks), -1)
    now[rows] = np.arange(len(rows))
    # Only where spaces became one can a line ask that did not before.
    joined = np.unique(spaced.texts[spaced.lengths == 1])
    again = form_column(spaced.data, spaced.offsets).take(pa.array(joined))
    lines[rows[joined]] |= ask(*text_buffers(again), look) & LINES != 0
    for row in np.flatnonzero(lines).tolist():
        place = int(now[row])
        text = _text(data, offsets, row) if place < 0 else _text(spaced.data, spaced.offsets, place)
        slow[row] = bool(drop_lines(text, treatment.thresholds))
    chosen, treated = np.zeros(0, np.int64), list[Repair]()
    for rows_of, how in ((slow & chinese, treatment), (slow & ~chinese, treatment.unconverted)):
        some = np.flatnonzero(rows_of)
        chosen = np.concatenate([chosen, some])
        treated += how.treat([_text(data, offsets, row) for row in some.tolist()], asks[some])
    return _join(rows, spaced, slow, chosen, treated)._replace(asks=asks, slow=slow | lines)


def _join(rows: Integers, spaced: Spaced, slow: NDArray[np.bool_], chosen: Integers, treated: list[Repair]) -> Rewritten:
    """One set of changed texts and edits of those from the kernel and those from Python (which hold where both are)."""
    codes = {"space": 0}
    found: list[tuple[int, int, int, int, int]] = []
    changed, texts = [], []
    for row, (text, made) in zip(chosen.tolist(), treated, strict=True):
        if made:
            changed.append(row)
            texts.append(text)
            for start, end, after, reason in made:
                found.append((row, start, end, len(after), codes.setdefault(reason, len(codes))))
    columns = np.fromiter(chain.from_iterable(found), np.int32).reshape(-1, 5).T
    places = np.unique(spaced.texts)  # texts of the kernel that it changed
    places = places[~slow[rows[places]]]
    by_kernel = np.isin(spaced.texts, places)
    edited = np.concatenate([rows[spaced.texts[by_kernel]], columns[0].astype(np.int64)])
    order = np.argsort(edited, kind="stable")

    def joined(kernel: NDArray[np.int32], python: NDArray[np.int32]) -> NDArray[np.int32]:
        return np.concatenate([kernel[by_kernel], python])[order]

    edits = Edits(
        edited[order],
        joined(spaced.starts, columns[1]),
        joined(spaced.ends, columns[2]),
        joined(spaced.lengths, columns[3]),
        joined(np.zeros_like(spaced.starts), columns[4]),
        tuple(codes),
    )
    every = np.concatenate([rows[places], np.array(changed, np.int64)])
    order = np.argsort(every, kind="stable")
    column = form_column(spaced.data, spaced.offsets)
    if len(places) < len(rows):
        column = column.take(pa.array(places))
    if not changed:
        return Rewritten(every, column, edits, np.zeros(len(slow), np.uint16), slow)
    column = pa.concat_arrays([column, pa.array(texts, pa.large_string())]).take(pa.array(order))
    return Rewritten(every[order], column, edits, np.zeros(len(slow), np.uint16), slow)


def _text(data: NDArray[np.uint8], offsets: Integers, row: int) -> str:
    return data[offsets[row] : offsets[row + 1]].tobytes().decode()
