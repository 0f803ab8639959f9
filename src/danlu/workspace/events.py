"""Events and metrics as JSON lines: what happened when, for people who look later and for programs.

The lines are described in docs/events.md, which the tests hold them to.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

EVENTS, METRICS = "events.jsonl", "metrics.jsonl"
VERSION = 1
TAIL_BYTES = 1 << 12


class JsonLines:
    """Appends JSON objects to a file, one a line, each with the version of the schema, a running number and the time.

    A process that is killed while it writes leaves half a line. The next writer ends that line first, so it swallows
    nothing, and readers pass over it. One process at a time writes to a file (the lock of an artifact sees to that).
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, **fields: Any) -> None:
        """Append one line, in one piece. Numbers that JSON has no word for (infinity, not-a-number) become null."""
        with self.path.open("a+b", buffering=0) as file:
            number, torn = _end(file)
            line = {"v": VERSION, "seq": number + 1, "time": round(time.time(), 3), **fields}
            file.write((b"\n" if torn else b"") + _encode(line) + b"\n")


def _end(file: Any) -> tuple[int, bool]:
    """The running number of the last whole line of an open file, and whether half a line stands after it."""
    size = file.seek(0, 2)
    start = size
    while start:
        start = max(0, size - 2 * (size - start) - TAIL_BYTES)
        file.seek(start)
        tail: bytes = file.read(size - start)
        lines = tail.split(b"\n")
        for line in reversed(lines if start == 0 else lines[1:]):
            number = _number(line)
            if number is not None:
                return number, not tail.endswith(b"\n")
    return 0, bool(size) and not tail.endswith(b"\n")


def _number(line: bytes) -> int | None:
    row = _decode(line)
    return None if row is None else int(row.get("seq", 0))


def _encode(line: dict[str, Any]) -> bytes:
    try:
        words = json.dumps(line, ensure_ascii=False, allow_nan=False, default=str)
    except ValueError:
        words = json.dumps(_finite(line), ensure_ascii=False, default=str)
    return words.encode("utf-8", errors="replace")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value


def _decode(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:  # the line that a kill cut short, in the middle of a character perhaps
        return None
    return row if isinstance(row, dict) else None


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """All whole lines of a file of JSON objects, in order; an empty list if there is no file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    return [row for line in content.split(b"\n") if (row := _decode(line)) is not None]
