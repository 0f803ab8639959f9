"""Pieces taken out of texts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel

_BREAK = 0x0A


@kernel
def cut_spans(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    texts: NDArray[np.int64],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    out: NDArray[np.uint8],
    ends: NDArray[np.int64],
    places: NDArray[np.int32],
) -> None:
    """The texts `data[offsets[i]:offsets[i + 1]]` without some spans, written one after another into `out`; `ends` int64[texts]
    says where each ends there.

    Span j is of the text `texts[j]` (ascending), bytes `starts[j]` to `stops[j]` of it, in order and apart. Where spans reach
    the end of a text, the line breaks before them go too. `places` int32[spans, 2] are the spans in characters.
    """
    size = span = 0
    for text in range(len(offsets) - 1):
        low, high = offsets[text], offsets[text + 1]
        at, characters = low, 0
        while span < len(texts) and texts[span] == text:
            begin, stop = low + starts[span], low + stops[span]
            last, reach = span, stop
            while last + 1 < len(texts) and texts[last + 1] == text and low + starts[last + 1] == reach:
                last += 1
                reach = low + stops[last]
            while reach == high and begin > at and data[begin - 1] == _BREAK:
                begin -= 1
            for place in range(at, begin):
                out[size] = data[place]
                size += 1
                characters += data[place] & 0xC0 != 0x80
            places[span, 0] = characters
            for place in range(begin, stop):
                characters += data[place] & 0xC0 != 0x80
            places[span, 1] = characters
            at = stop
            span += 1
        for place in range(at, high):
            out[size] = data[place]
            size += 1
        ends[text] = size
