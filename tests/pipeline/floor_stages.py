"""Stages for the tests of the floor; they run in processes of their own."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.run import Run


def sleep(inputs: dict[str, Artifact], *, config: Any, run: Run) -> None:
    start = time.time()
    time.sleep(1.0)
    (run.output / "span.txt").write_text(f"{start} {time.time()}")
    (run.output / "share.txt").write_text(f"{run.workers} {run.threads} {run.memory_bytes}")


def go_on(inputs: dict[str, Artifact], *, config: Any, run: Run) -> None:
    run.facts["goes_on_from"] = {"artifact": "another", "step": 1}
    sleep(inputs, config=config, run=run)


def turn_the_clock_back(inputs: dict[str, Artifact], *, config: Any, run: Run) -> None:
    """From now on it is yesterday in this process, as after a correction by the network."""
    now = time.time
    time.time = lambda: now() - 86_400
    (run.output / "turned.txt").write_text(str(run.once("unit", lambda: "whole")))


def die_once(inputs: dict[str, Artifact], *, config: Any, run: Run) -> None:
    first = run.once("first", lambda: "first")
    if not (run.scratch / "died").exists():
        (run.scratch / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    (run.output / "units.txt").write_text(f"{first} {run.once('second', lambda: 'second')}")


def die(inputs: dict[str, Artifact], *, config: Any, run: Run) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def until_stopped(inputs: dict[str, Artifact], *, config: Any, run: Run) -> None:
    for _ in range(3000):
        time.sleep(0.01)
        run.check()


def fail(inputs: dict[str, Artifact], *, config: Any, run: Run) -> None:
    time.sleep(0.5)
    raise DanluError("workspace.disk-full", where="here")


def defect(inputs: dict[str, Artifact], *, config: Any, run: Run) -> None:
    raise ZeroDivisionError("a mistake of ours")
