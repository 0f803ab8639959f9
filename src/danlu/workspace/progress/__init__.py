"""Progress of a unit of work: bars with rate and time left on a terminal, plain lines elsewhere, silence in tests."""

from __future__ import annotations

import os
import sys

from danlu.workspace.progress.bars import BarProgress
from danlu.workspace.progress.forward import ForwardedProgress, Replay, Told
from danlu.workspace.progress.lines import LineProgress
from danlu.workspace.progress.protocol import Progress, SilentProgress, SilentTask, Task

__all__ = [
    "BarProgress",
    "ForwardedProgress",
    "LineProgress",
    "Progress",
    "Replay",
    "SilentProgress",
    "SilentTask",
    "Task",
    "Told",
    "progress_for_terminal",
]


def progress_for_terminal() -> Progress:
    """Bars where standard error is a terminal that can move its cursor, lines elsewhere."""
    able = sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
    return BarProgress() if able else LineProgress()
