"""Rows of tokens of unequal length, put together so that little is spent on padding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

Tokens = npt.NDArray[np.integer]
Advance = Callable[[int], None]
"""Is told how much was done: tokens or rows."""


def unheard(amount: int) -> None:
    """For whoever shows no progress."""


def token_batches(lengths: Sequence[int], most_tokens: int) -> Iterator[list[int]]:
    """Indexes of rows, the longest first, in batches of at most `most_tokens` tokens with padding (at least one row each).

    The longest come first so that a lack of memory shows at once and the rate shown only rises.
    """
    batch: list[int] = []
    longest = 1
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        if batch and (len(batch) + 1) * longest > most_tokens:
            yield batch
            batch = []
        if not batch:
            longest = max(1, lengths[index])
        batch.append(index)
    if batch:
        yield batch


def pad_rows(rows: Sequence[Sequence[int] | Tokens], fill: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask, int64 [rows, longest], padded on the right with `fill`."""
    longest = max(len(row) for row in rows)
    ids = np.full((len(rows), longest), fill, dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
        mask[index, : len(row)] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)
