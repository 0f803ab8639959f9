"""What a run costs: the peak memory of the process tree, sampled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

INTERVAL_SECONDS = 0.5


@dataclass
class Peak:
    """Highest proportional set size seen (bytes): memory shared by several processes counts once."""

    bytes: int = 0


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *_children(int(child))]
    return found


def tree_pss_bytes(pid: int) -> int:
    """Proportional set size of a process and its descendants; 0 where the system does not tell."""
    total = 0
    try:
        processes = [pid, *_children(pid)]
    except OSError:
        processes = [pid]
    for process in processes:
        try:
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) << 10
        except OSError:  # it has ended meanwhile
            continue
    return total


@contextmanager
def peak_memory(pid: int) -> Iterator[Peak]:
    """Sample the tree of `pid` every half second while the block runs."""
    peak, stop = Peak(tree_pss_bytes(pid)), threading.Event()

    def sample() -> None:
        while not stop.wait(INTERVAL_SECONDS):
            peak.bytes = max(peak.bytes, tree_pss_bytes(pid))

    thread = threading.Thread(target=sample, daemon=True, name="danlu-memory")
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()
        peak.bytes = max(peak.bytes, tree_pss_bytes(pid))
