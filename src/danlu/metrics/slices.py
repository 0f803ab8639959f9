"""Parts of the data that a number is also given for: all of it, each language, label, source, length."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

FEWEST = 20  # items: fewer give an interval that says nothing
BOUNDS = (50, 200, 1000)  # characters
Mask = npt.NDArray[np.bool_]
Slice = dict[str, str]


def parts(
    attributes: Mapping[str, npt.NDArray[np.str_]], items: int, named: Mapping[str, str] | None = None, fewest: int = FEWEST
) -> Iterator[tuple[Slice, Mask]]:
    """({}, all) and ({attribute: value}, those) for each value of each attribute that has enough items.

    `attributes` has (items,) values each: `language` (BCP-47), `label`, `source`, `length`. `named` is added to every part.
    """
    named = named or {}
    yield dict(named), np.ones(items, np.bool_)
    for attribute, values in attributes.items():
        for value in sorted(set(values.tolist()), key=_place):
            mask = values == value
            if mask.sum() >= fewest:
                yield {attribute: value, **named}, mask


def lengths(texts: Sequence[str], bounds: Sequence[int] = BOUNDS) -> npt.NDArray[np.str_]:
    """(items,) the range of characters that each text's length is in: `0-49`, `50-199`, `200-999`, `1000+`."""
    edges = [0, *bounds]
    names = [f"{low}-{high - 1}" for low, high in zip(edges, bounds, strict=False)] + [f"{edges[-1]}+"]
    return np.array([names[bisect_right(bounds, len(text))] for text in texts], dtype=np.str_)


def _place(value: str) -> tuple[int, str]:
    """Ranges of numbers by where they begin, everything else by name."""
    start = re.match(r"\d+(?=[-+])", value)
    return (int(start[0]) if start else 0, value)
