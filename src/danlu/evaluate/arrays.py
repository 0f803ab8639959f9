"""Arrays kept between runs of a stage that was stopped."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt


def save_array(path: Path, table: npt.NDArray[np.float64]) -> None:
    """Write an array so that `path` is there only when it is whole and on disk."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.save(file, table)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
