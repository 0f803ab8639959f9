"""Two batches side by side, each with half of the threads.

All threads on one batch wait for each other after each of its many small steps, and for Python in between. Two batches wait
for nothing: torch lets go of Python's lock while it computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch

AT_A_TIME = 2
UNSTEADY = ("dynamic", "longrope")
"""Rotary positions that stretch with the longest text of a batch, which they keep in the model."""

Batch = TypeVar("Batch")
Result = TypeVar("Result")


def side_by_side(model: Any, work: Callable[[Batch], Result], batches: Sequence[Batch]) -> Iterator[Result]:
    """What `work` gives for each batch, in their order. One after another on a GPU and with one thread."""
    threads = torch.get_num_threads()
    if threads < AT_A_TIME or len(batches) < AT_A_TIME or not _can_share(model):
        yield from map(work, batches)
        return
    try:
        with ThreadPoolExecutor(AT_A_TIME, "danlu-batch", torch.set_num_threads, (threads // AT_A_TIME,)) as pool:
            yield from pool.map(work, batches)
    finally:
        torch.set_num_threads(threads)  # theirs is also what new threads begin with


def _can_share(model: Any) -> bool:
    """Whether two batches can go through the model at once: it is on the CPU, and keeps nothing of one batch for the next."""
    if next(model.parameters()).device.type != "cpu":
        return False
    kinds = [kind for module in model.modules() if (kind := getattr(module, "rope_type", None)) is not None]
    names = {name for kind in kinds for name in (kind.values() if isinstance(kind, dict) else (kind,))}
    return not names & {*UNSTEADY}
