"""What the token store's readers cost: packing ten million documents, finding any step of a mixture, writing other layouts.

Lengths are drawn: lognormal with a mean of about 600 tokens and a long tail, as web pages have. `fill` is the share of the
windows' places that are no padding; every token of the store is in one window. All in one process on one core.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from danlu.tokens.export import export_stores
from danlu.tokens.interleave import interleave
from danlu.tokens.layouts import LAYOUTS
from danlu.tokens.packing import CAUSAL, MASKED, pack
from danlu.tokens.store import TokenBatch, write_store
from danlu.tokens.stream import Stream
from danlu.training.mixture import MixtureSource
from danlu.workspace.progress import SilentProgress

LENGTHS = (512, 2048)
WEIGHTS = tuple(1 / rank**1.1 for rank in range(1, 21))
"""Of twenty sources, falling like frequencies of words: awkward fractions, a few large and many small."""
STEP = 32  # windows


def drawn_ends(documents: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.cumsum(np.random.default_rng(0).lognormal(5.5, 1.3, documents).astype(np.int64) + 1)


def packing(documents: int) -> dict[str, Any]:
    """Seconds to plan an epoch, and how full its windows are."""
    ends, found = drawn_ends(documents), {}
    for length in LENGTHS:
        for name, marks in (("causal", CAUSAL), ("masked", MASKED)):
            start = time.perf_counter()
            plan = pack(ends, length, marks=marks)
            found[f"{name} {length}"] = {
                "seconds": time.perf_counter() - start, "windows": len(plan), "fill": plan.fill,
                "pieces_a_document": len(plan.starts) / documents,
            }  # fmt: skip
    return {"documents": documents, "tokens": int(ends[-1]), **found}


def alike(documents: int) -> dict[str, float]:
    """How full windows are where packing has least to choose from: documents of 40% to 100% of a window each."""
    shares = np.random.default_rng(3).uniform(0.4, 1, documents)
    return {str(length): pack(np.cumsum((shares * length).astype(np.int64)), length).fill for length in LENGTHS}


def mixture(documents: int) -> dict[str, Any]:
    """Seconds from nothing to a step far on in a mixture of twenty sources, and to the one after it; how far the share of a
    source is ever from its weight, in windows."""
    ends = drawn_ends(documents)
    tokens = np.broadcast_to(np.uint16(300), int(ends[-1]))
    place = np.random.default_rng(1).integers(0, len(WEIGHTS), documents)
    started = time.perf_counter()
    pattern = interleave(WEIGHTS)
    patterned = time.perf_counter() - started
    streams = {
        f"{source:02d}": Stream(tokens, ends, LENGTHS[0], CAUSAL, 0, only=np.flatnonzero(place == source))
        for source in range(len(WEIGHTS))
    }
    source = MixtureSource(streams, dict(zip(streams, WEIGHTS, strict=True)), STEP, STEP)
    started = time.perf_counter()
    source.batches(7, source.steps_per_epoch // 2)
    resumed = time.perf_counter() - started
    started = time.perf_counter()
    for step in range(source.steps_per_epoch // 2 + 1, source.steps_per_epoch // 2 + 11):
        source.batches(7, step)
    each = (time.perf_counter() - started) / 10
    order, _ = pattern.locate(np.arange(10 * len(pattern.streams) // STEP * STEP))
    steps = order.reshape(-1, STEP)
    shares = np.array(WEIGHTS) / sum(WEIGHTS)
    worst = max(float(np.abs((steps == one).sum(axis=1) - STEP * share).max()) for one, share in enumerate(shares))
    return {
        "pattern_seconds": patterned, "resume_seconds": resumed, "step_seconds": each,
        "windows_a_second": STEP / each, "worst_step_in_windows": worst,
    }  # fmt: skip


def exporting(documents: int) -> dict[str, Any]:
    """Megabytes of token ids a second, to files in the page cache."""
    ends = drawn_ends(documents)
    lengths, nothing = np.diff(ends, prepend=0), np.zeros(documents, np.int64)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ids = np.random.default_rng(2).integers(110, 32_000, int(ends[-1]), np.uint16)
        batch = TokenBatch(ids, lengths, nothing, nothing, lengths * 4)
        write_store(folder / "s", [batch], vocabulary=32_000, sources=["s"], languages=["en"], tokenizer_digest="none")
        found = {}
        for layout in LAYOUTS:
            start = time.perf_counter()
            export_stores({"s": folder / "s"}, None, folder / layout, layout, SilentProgress())
            found[layout] = ids.nbytes / 1e6 / (time.perf_counter() - start)
    return {"megabytes": ids.nbytes / 1e6, "megabytes_a_second": found}
