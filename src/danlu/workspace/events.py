"""Events and metrics as JSON lines: what happened when, for people who look later and for programs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any


class JsonLines:
    """Appends JSON objects to a file, one a line, each with the time; a torn last line is dropped on reading."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, **fields: Any) -> None:
        line = json.dumps({"time": round(time.time(), 3), **fields}, ensure_ascii=False)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """All whole lines of a file of JSON objects; an empty list if there is no file."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:  # the line that a kill cut short
            continue
    return rows
