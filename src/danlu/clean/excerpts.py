"""Pieces of texts fit to be shown: short, with what matters in them marked.

A piece is a list of [mark, text]: 0 as it is, 1 marked, 2 left out (the text is empty).
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np

from danlu.text.decisive import Span, decisive_spans

Pieces = list[tuple[int, str]]

PLAIN, MARKED, LEFT_OUT = 0, 1, 2
SHOWN = 480  # characters of an example
BEFORE = 60  # of them before the first mark
COMPARED = 360  # characters of each of two texts side by side
_TRIED = 200  # marks among which the best beginning is chosen


def excerpt(text: str, rule: str, *, chinese: bool) -> Pieces:
    """The part of a text that shows most of what a rule objects to, marked."""
    spans = decisive_spans(rule, text, chinese=chinese)
    return cut(text, spans, _beginning(text, spans), SHOWN)


def cut(text: str, spans: Sequence[Span], begin: int, most: int) -> Pieces:
    """`most` characters from `begin` on, with the spans in them marked."""
    end = min(len(text), begin + most)
    pieces: Pieces = [(LEFT_OUT, "")] if begin else []
    place = begin
    for start, stop in spans:
        start, stop = max(start, place), min(stop, end)
        if start < stop:
            if place < start:
                pieces.append((PLAIN, text[place:start]))
            pieces.append((MARKED, text[start:stop]))
            place = stop
    if place < end:
        pieces.append((PLAIN, text[place:end]))
    return pieces + ([(LEFT_OUT, "")] if end < len(text) else [])


def pair_excerpts(first: str, second: str) -> tuple[Pieces, Pieces]:
    """Two similar texts from a little before their first difference on, what differs marked in both."""
    same = next((place for place, (one, other) in enumerate(zip(first, second, strict=False)) if one != other), -1)
    same = min(len(first), len(second)) if same < 0 and len(first) != len(second) else same
    begin = max(0, same - BEFORE) if same > COMPARED // 2 else 0
    left, right = first[begin : begin + COMPARED], second[begin : begin + COMPARED]
    gone: list[Span] = []
    come: list[Span] = []
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind != "equal":
            gone.append((begin + i1, begin + i2))
            come.append((begin + j1, begin + j2))
    return cut(first, gone, begin, COMPARED), cut(second, come, begin, COMPARED)


def _beginning(text: str, spans: Sequence[Span]) -> int:
    """Where to begin so that most of what is marked is seen."""
    if len(text) <= SHOWN or not spans:
        return 0
    begins = np.clip(np.array([start - BEFORE for start, _ in spans[:_TRIED]]), 0, len(text) - SHOWN)
    starts, stops = np.array(spans[: 2 * _TRIED]).T
    seen = np.minimum(stops, begins[:, None] + SHOWN) - np.maximum(starts, begins[:, None])
    return int(begins[np.argmax(np.maximum(seen, 0).sum(axis=1))])  # the first of equals
