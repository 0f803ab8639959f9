"""The parts of the data that every number is also given for: all of it, and each language."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from danlu.metrics.slices import FEWEST, Mask, Slice, parts


def slices(languages: npt.NDArray[np.str_], dataset: str | None = None, fewest: int = FEWEST) -> Iterator[tuple[Slice, Mask]]:
    """({}, all) and ({"language": tag}, those) for each language with enough items; `dataset` is added where one is named."""
    return parts({"language": languages}, len(languages), {"dataset": dataset} if dataset else {}, fewest)


def language_of(slice: Slice) -> str:
    """The name of the slice in label curves: a language's tag or `all`."""
    return slice.get("language", "all")
