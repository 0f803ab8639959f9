"""The log of how often a file was opened to measure models: a test set that is looked at often is one that is tuned on."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

from danlu.workspace.events import read_json_lines
from danlu.workspace.files import file_error

LOG = "openings.jsonl"


def earlier_openings(log: Path, data: str, split: str) -> tuple[int, int]:
    """How often the split of the file with the digest `data` was opened before, and by how many different models. A line that
    is damaged does not count."""
    mine = [entry for entry in read_json_lines(log) if (entry.get("data"), entry.get("split")) == (data, split)]
    return len(mine), len({model for entry in mine for model in entry.get("models", ())})


def log_opening(log: Path, file: Path, data: str, split: str, rows: int, models: Sequence[str]) -> None:
    """Add a line to the log: when, which file, which models by name and key. One write, so that two processes may do so.

    DanluError where it cannot be written: of a read-only copy of a workspace, say.
    """
    entry = {
        "time": round(time.time(), 3),
        "file": str(file),
        "data": data,
        "split": split,
        "rows": rows,
        "models": list(models),
    }
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(entry, ensure_ascii=False) + "\n")
    except OSError as error:
        raise file_error(error, log) from error
