"""The parts of the data that every number is also given for: all of it, and each language."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

FEWEST = 20  # items: fewer give an interval that says nothing
Mask = npt.NDArray[np.bool_]
Slice = dict[str, str]


def slices(languages: npt.NDArray[np.str_], dataset: str | None = None, fewest: int = FEWEST) -> Iterator[tuple[Slice, Mask]]:
    """({}, all) and ({"language": tag}, those) for each language with enough items; `dataset` is added where one is named."""
    named = {"dataset": dataset} if dataset else {}
    yield dict(named), np.ones(len(languages), np.bool_)
    for tag in sorted(set(languages.tolist())):
        mask = languages == tag
        if mask.sum() >= fewest:
            yield {"language": tag, **named}, mask


def language_of(slice: Slice) -> str:
    """The name of the slice in label curves: a language's tag or `all`."""
    return slice.get("language", "all")
