"""Repair of many texts: the passes of `danlu.text.repair`, each only for the texts that ask for it.

After a pass the texts that it changed are looked at again, so every text gets what `repair` gives, and most get nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from danlu.text.asks import NAMES, Asks, Look, ask
from danlu.text.buffers import read_only, text_buffers
from danlu.text.edits import Edit, apply_edits, compose
from danlu.text.kernels.spaces import write_spaces
from danlu.text.repair import PASSES, REVEALING, ROUNDS, Pass, Repair, repair_spaces

_BECOMES = ("", " ", "\n\n")  # as `kernels.spaces` counts


class Spaced(NamedTuple):
    """Texts with their spaces put right, and the edits."""

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]  # [texts + 1]
    texts: NDArray[np.int32]  # [edits], which text
    starts: NDArray[np.int32]  # [edits], characters of the text as it came
    ends: NDArray[np.int32]
    lengths: NDArray[np.int32]  # [edits], characters that stand there now


def repair_texts(texts: Sequence[str], asks: Asks, look: Look, passes: Sequence[Pass] = PASSES) -> tuple[list[Repair], Asks]:
    """Repair each text as `danlu.text.repair.repair` does; and what the repaired texts ask for, uint16[texts].

    `asks` is what `danlu.text.asks.ask` says of the texts when it looks as `look` says.
    """
    now, edits = list(texts), [list[Edit]() for _ in texts]
    wanted = asks.tolist()
    rows = list(range(len(now)))
    for _ in range(ROUNDS):
        again: set[int] = set()
        for repair_pass in passes:
            asking = [row for row in rows if wanted[row] & NAMES[repair_pass.asks]]
            changed = []
            for row, found in zip(asking, _edits([now[row] for row in asking], repair_pass), strict=True):
                if found:
                    edits[row] = compose(edits[row], now[row], found)
                    now[row] = apply_edits(now[row], found)
                    changed.append(row)
            if changed:
                looked = ask(*buffers_of([now[row] for row in changed]), look)
                for row, value in zip(changed, looked.tolist(), strict=True):
                    wanted[row] = value
                if repair_pass in REVEALING:
                    again.update(changed)
        rows = sorted(again)
        if not rows:
            break
    return [Repair(*pair) for pair in zip(now, edits, strict=True)], np.array(wanted, np.uint16)


def space_texts(data: NDArray[np.uint8], offsets: NDArray[np.int64], rows: NDArray[np.int64]) -> Spaced:
    """The texts of these rows with their spaces put right; `texts` of the result counts places in `rows`."""
    most = int((offsets[rows + 1] - offsets[rows]).sum())
    out, ends, edits = np.empty(most, np.uint8), np.zeros(len(rows) + 1, np.int64), np.empty((4, most), np.int32)
    count = write_spaces(data, offsets, rows, out, ends[1:], edits)
    texts, starts, stops, lengths = edits[:, :count].copy()
    return Spaced(read_only(out[: ends[-1]]), read_only(ends), texts, starts, stops, lengths)


def buffers_of(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Python strings as `text_buffers` gives a column."""
    return text_buffers(pa.array(texts, pa.large_string()))


def _edits(texts: list[str], repair_pass: Pass) -> list[list[Edit]]:
    if repair_pass.edits is not repair_spaces:
        return [repair_pass.edits(text) for text in texts]
    found = [list[Edit]() for _ in texts]
    if texts:
        spaced = space_texts(*buffers_of(texts), np.arange(len(texts)))
        columns = (column.tolist() for column in spaced[2:])
        for text, start, end, length in zip(*columns, strict=True):
            found[text].append(Edit(start, end, _BECOMES[length], "space"))
    return found
