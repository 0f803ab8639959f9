"""Processor cores lent to runs, machine-wide: several runs at once take turns instead of halving each other's speed.

One file a core in a folder of the user's cache; whoever holds the kernel's lock on it has the core, and a process that dies
gives its cores back. Whoever asks takes a place in the queue (a lock of its own) until it has all the cores it needs, so that
many small requests cannot starve a large one.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from danlu.workspace.cache import user_cache

POLL_SECONDS = 0.05


def leases_path() -> Path:
    """Where the locks of this user's runs lie."""
    return user_cache() / "cores"


@contextmanager
def lease(
    count: int,
    total: int,
    *,
    check: Callable[[], None] = lambda: None,
    waiting: Callable[[], None] = lambda: None,
    folder: Path | None = None,
) -> Iterator[None]:
    """Hold `count` of the machine's `total` cores (at most all) within the block.

    `waiting` is called once if there is anything to wait for, `check` while waiting (it may raise). Where the folder cannot
    be written, nothing is held: sharing cores is a courtesy, not a condition.
    """
    wanted = max(1, min(count, total))
    place = leases_path() if folder is None else folder
    with ExitStack() as held:
        try:
            place.mkdir(parents=True, exist_ok=True)
            queue = held.enter_context((place / "queue").open("a"))
            cores = [held.enter_context((place / f"core-{number}").open("a")) for number in range(total)]
        except OSError:
            yield
            return
        told = False

        def pause() -> None:
            nonlocal told
            if not told:
                waiting()
                told = True
            check()
            time.sleep(POLL_SECONDS)

        while not _lock(queue):
            pause()
        mine: set[int] = set()
        while True:
            for number, core in enumerate(cores):
                if number not in mine and len(mine) < wanted and _lock(core):
                    mine.add(number)
            if len(mine) == wanted:
                break
            pause()
        fcntl.flock(queue, fcntl.LOCK_UN)
        yield  # leaving the block closes the files, and with them the locks go


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
