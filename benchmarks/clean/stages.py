"""Stages of clean as a run calls them, in a process whose kernels are compiled: from Parquet to Parquet, on one core."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from danlu.clean.pairs import pairs
from danlu.clean.score import score
from danlu.recipe.clean import CleanConfig
from danlu.workspace.artifact import Artifact
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run

Stage = Callable[[Artifact, CleanConfig, Run], None]


def score_stage(documents: str, output: str, settings: dict[str, Any]) -> dict[str, float]:
    """All scores of repaired documents (the folder of a `clean.normalise`)."""
    return _timed(
        "clean.score", lambda artifact, config, run: score(artifact, config=config, run=run), documents, output, settings
    )


def pairs_stage(documents: str, output: str, settings: dict[str, Any]) -> dict[str, float]:
    """MinHash to verified pairs and clusters of repaired documents."""

    def work(artifact: Artifact, config: CleanConfig, run: Run) -> None:
        pairs(artifact, {}, {}, config=config, run=run)

    return _timed("clean.pairs", work, documents, output, settings)


def _timed(name: str, work: Stage, documents: str, output: str, settings: dict[str, Any]) -> dict[str, float]:
    """The second of two runs: the first loads the kernels' code."""
    artifact, config = Artifact("clean.normalise", "", Path(documents)), CleanConfig.model_validate(settings)
    found: dict[str, float] = {}
    for attempt in ("warm", "timed"):
        run = _run_of(name, Path(output) / attempt)
        start, before = time.perf_counter(), time.process_time()
        work(artifact, config, run)
        found = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - before}
    size = sum(_text_bytes(path) for path in Path(documents, "documents").glob("part-*.parquet"))
    return {**found, "megabytes_per_second": size / found["seconds"] / 1e6}


def _run_of(stage: str, output: Path) -> Run:
    output.mkdir(parents=True)
    return Run(stage=stage, output=output, ledger=Ledger(output / "ledger.sqlite", stage))


def _text_bytes(path: Path) -> int:
    import pyarrow.compute as pc

    return int(pc.sum(pc.binary_length(pq.read_table(path, columns=["text"])["text"])).as_py() or 0)
