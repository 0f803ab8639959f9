"""What else a model class may want of packed windows: positions, borders without padding, who may see whom.

All are pure functions of (ids, segments) as `PackingPlan.windows` gives them, so nothing here is kept on disk or decided anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]
Segments = npt.NDArray[np.int32]


@dataclass(frozen=True)
class FlatBatch:
    """Windows one after the other without their padding: what kernels for sequences of unequal length take.

    `ids`, `positions` [tokens]; `borders` [pieces + 1] (`cu_seqlens`): piece i is `borders[i]` to `borders[i + 1]`;
    `longest` is the length of the longest piece (`max_seqlen`).
    """

    ids: Ids
    positions: Ids
    borders: npt.NDArray[np.int32]
    longest: int


def positions(segments: Segments) -> Ids:
    """The place of each token in its piece, [n, length]: it starts at 0 at each border (`position_ids`); of padding 0."""
    places = np.broadcast_to(np.arange(segments.shape[1]), segments.shape)
    first = np.diff(segments, axis=1, prepend=0) != 0
    found = places - np.maximum.accumulate(np.where(first, places, 0), axis=1)
    return np.where(segments > 0, found, 0).astype(np.int64)


def flatten(ids: Ids, segments: Segments) -> FlatBatch:
    """Windows (ids, segments: [n, length]) as one row without padding, whose pieces do not see each other."""
    real = segments > 0
    places = positions(segments)[real]
    borders = np.append(np.flatnonzero(places == 0), len(places)).astype(np.int32)
    return FlatBatch(ids[real], places, borders, int(np.diff(borders).max(initial=0)))


def attention_within_documents(segments: Segments, *, causal: bool) -> npt.NDArray[np.bool_]:
    """[n, 1, length, length]: whether the token of a row may see that of a column; `causal`: only itself and those before it.

    Tokens see their own piece. Padding sees itself alone: a softmax over nothing would be no number. Without such a mask the
    pieces of a window see each other, as most pretrainings have it.
    """
    found = (segments[:, :, None] == segments[:, None, :]) & (segments > 0)[:, :, None]
    if causal:
        found &= np.tri(segments.shape[1], dtype=bool)
    found |= np.eye(segments.shape[1], dtype=bool)
    return np.asarray(found[:, None])
