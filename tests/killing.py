"""Kills a worker of a stage that runs in this process, as the system does when memory is short."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forked import WORKER


def workers() -> list[int]:
    """Process numbers of the workers of this process."""
    children = [int(number) for task in Path("/proc/self/task").glob("*/children") for number in task.read_text().split()]
    return [child for child in children if is_worker(Path(f"/proc/{child}"))]


def is_worker(process: Path) -> bool:
    return b"danlu.compute.child" in (process / "cmdline").read_bytes() or (process / "comm").read_text().strip() == WORKER


@contextmanager
def one_worker_killed() -> Iterator[None]:
    """SIGKILL to the first worker that is started within the block; an error if there was none."""
    killed, over = threading.Event(), threading.Event()

    def watch() -> None:
        while not over.is_set():
            for child in workers()[:1]:
                os.kill(child, signal.SIGKILL)
                killed.set()
                return
            time.sleep(0.002)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert killed.is_set()
