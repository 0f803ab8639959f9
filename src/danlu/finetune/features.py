"""What a frozen encoder says of each text, computed once and kept on disk in parts, so that a killed run goes on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.inference.classify import forward_rows
from danlu.tasks.layers import without_head
from danlu.workspace.run import Run

PART = 512  # rows that are computed between two records

Features = npt.NDArray[np.float32]


def frozen_features(model: Any, rows: Sequence[Sequence[int]], pad: int, run: Run) -> Features:
    """The inputs of the head for rows of token ids: float32 [rows, width]."""
    order = sorted(range(len(rows)), key=lambda index: (-len(rows[index]), index))
    parts = [order[start : start + PART] for start in range(0, len(order), PART)]
    found: Features | None = None
    with without_head(model) as encoder, run.progress.task("finetune.features", len(rows), "rows") as task:
        for number, part in enumerate(parts):
            path = run.scratch / f"features-{number:05d}.npy"

            def work(part: list[int] = part, path: Path = path) -> None:
                save_array(path, forward_rows(encoder, [rows[index] for index in part], pad=pad))

            run.once(f"features-{number:05d}", work)
            values: Features = np.load(path)
            if found is None:
                found = np.zeros((len(rows), values.shape[1]), np.float32)
            found[part] = values
            task.advance(len(part))
    return np.zeros((0, 1), np.float32) if found is None else found


def save_array(path: Path, values: Features) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.save(file, values)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
