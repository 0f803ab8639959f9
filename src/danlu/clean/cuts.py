"""Which of repeated lines or paragraphs go: of those with one form, all but the first of the document that is worth most."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Cuts(NamedTuple):
    """Spans that go, in the order of documents and places. [cuts]"""

    documents: Ints  # rows
    starts: Ints  # bytes of the text
    stops: Ints
    twins: Ints  # the row of the document in which the same stays

    def of(self, first: int, stop: int) -> Cuts:
        """Those of the documents `first` to `stop`, which count from 0."""
        low, high = np.searchsorted(self.documents, (first, stop))
        return Cuts(self.documents[low:high] - first, *(column[low:high] for column in self[1:]))


NO_CUTS = Cuts(*(np.zeros(0, np.int64) for _ in Cuts._fields))


def choose_cuts(
    units: pa.Table, passing: NDArray[np.bool_], spared: NDArray[np.bool_], sizes: Ints, ids: pa.StringArray, keep: str
) -> Cuts:
    """What goes of the pieces of `clean.units` in the documents that are kept, `passing`, bool[documents].

    `spared` documents lose nothing, and their pieces stay before any other's. Then those of the longer document do (`sizes`,
    bytes), then by id, so that the order of parts does not matter; with `keep: first` by the order of documents.
    """
    units = units.filter(pa.array(passing[units["document"].to_numpy()]))
    rows, starts, stops = (units[name].to_numpy() for name in ("document", "start", "stop"))
    documents, which = np.unique(rows, return_inverse=True)
    if keep == "first":
        order = np.lexsort((documents, ~spared[documents]))
    else:
        by_id = np.argsort(pc.sort_indices(ids.take(pa.array(documents))).to_numpy())
        order = np.lexsort((by_id, -sizes[documents], ~spared[documents]))
    merit = np.empty(len(documents), np.int64)
    merit[order] = np.arange(len(documents))
    high, low = units["form_high"].to_numpy(), units["form_low"].to_numpy()
    order = np.lexsort((starts, merit[which], low, high))
    new = np.ones(len(order), bool)
    new[1:] = (high[order[1:]] != high[order[:-1]]) | (low[order[1:]] != low[order[:-1]])
    first = order[np.flatnonzero(new)][np.cumsum(new) - 1]  # of each piece in that order, the one that stays
    twins = np.empty(len(order), np.int64)
    twins[order] = rows[first]
    gone = np.zeros(len(order), bool)
    gone[order] = ~new
    gone &= ~spared[rows]
    cut = np.flatnonzero(gone)
    cut = cut[np.lexsort((starts[cut], rows[cut]))]
    return Cuts(rows[cut], starts[cut], stops[cut], twins[cut])
