"""One owner of a partial directory at a time; the lock of a dead owner is taken over."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from danlu.workspace.errors import DanluError
from danlu.workspace.files import read_json, write_json

HEARTBEAT_SECONDS = 5.0
STALE_SECONDS = 60.0


def _started(pid: int) -> str:
    """The kernel's start time of a process: tells a live owner from another process with its number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _alive(owner: dict[str, Any]) -> bool:
    if owner.get("host") == socket.gethostname():
        try:
            os.kill(owner["pid"], 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return bool(owner.get("started", "") == _started(owner["pid"]))
    return time.time() - float(owner.get("beat", 0)) < STALE_SECONDS


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold `path` as a lock with a heartbeat. An error that names the owner if a live process holds it."""
    mine = {"pid": os.getpid(), "host": socket.gethostname(), "started": _started(os.getpid()), "beat": time.time()}
    while True:
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            os.close(descriptor)
            write_json(path, mine)
            break
        except FileExistsError:
            try:
                owner = read_json(path)
            except (OSError, ValueError):  # the owner was killed between making and filling the file
                owner = {"host": "", "beat": path.stat().st_mtime if path.exists() else 0}
                if time.time() - float(owner["beat"]) > 1:
                    path.unlink(missing_ok=True)
                time.sleep(0.2)
                continue
            if _alive(owner):
                raise DanluError("workspace.locked", where=str(path), pid=owner["pid"], host=owner["host"]) from None
            path.unlink(missing_ok=True)
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(HEARTBEAT_SECONDS):
            if path.exists():
                write_json(path, {**mine, "beat": time.time()})

    thread = threading.Thread(target=beat, daemon=True, name="danlu-heartbeat")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        path.unlink(missing_ok=True)
