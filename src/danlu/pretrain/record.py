"""What the two parts of a pretraining leave beside their payloads: what they cost, and the curve from its first step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from danlu.training.plan import TrainResult
from danlu.workspace.events import METRICS
from danlu.workspace.files import write_atomic
from danlu.workspace.run import Run


def record(result: TrainResult, flops: float, seconds: float) -> dict[str, Any]:
    """What it cost on this machine; `flops` of a token become those of all tokens that the model has read."""
    return {
        "seconds": round(seconds, 1), "training_seconds": round(result.seconds, 1),
        "tokens_per_second": round(result.tokens_per_second, 1), "flops": flops * result.tokens,
        "flops_per_second": round(flops * result.tokens_per_second), "compiled": result.compiled,
    }  # fmt: skip


def carry_metrics(earlier: Path, run: Run) -> None:
    """Begin the metrics with those of the artifact that this one goes on from: the curve of a model stands in one file."""
    before, path = earlier / METRICS, run.output / METRICS
    if before.exists() and not path.exists():
        write_atomic(path, before.read_text(encoding="utf-8"))
