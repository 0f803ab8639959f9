"""What happens to a stage while it runs, written to its events."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from danlu.workspace.errors import DanluError, Interrupted
from danlu.workspace.events import JsonLines, read_json_lines
from danlu.workspace.progress import Progress, Task
from danlu.workspace.progress.forward import plain
from danlu.workspace.run import Run


class RecordedProgress:
    """Shows everything on another progress, and keeps what was said as events."""

    def __init__(self, shown: Progress, events: JsonLines) -> None:
        self._shown, self._events = shown, events

    def of(self, owner: str) -> RecordedProgress:
        return RecordedProgress(self._shown.of(owner), self._events)

    def task(self, label: str, total: float | None, unit: str = "", *, done: float = 0) -> AbstractContextManager[Task]:
        return self._shown.task(label, total, unit, done=done)

    def say(self, key: str, /, **parameters: object) -> None:
        self._events.write(kind="said", key=key, params=plain(parameters))
        self._shown.say(key, **parameters)

    def warn(self, key: str, /, **parameters: object) -> None:
        self._events.write(kind="warning", key=key, params=plain(parameters))
        self._shown.warn(key, **parameters)


@contextmanager
def recorded(run: Run) -> Iterator[None]:
    """Write to `run.events` that the stage started or resumed, what it says meanwhile, and how it ended if it failed.

    Within the block `run.progress` shows everything under the stage's name. `unit` lines are written by `Run.once`, the line
    `published` when the artifact is made. An error passes through.
    """
    earlier = [row.get("kind") for row in read_json_lines(run.events.path)]
    attempts = sum(kind in ("started", "resumed") for kind in earlier)
    facts: dict[str, Any] = {
        "stage": run.stage, "seed": run.seed, "threads": run.threads, "memory_bytes": run.memory_bytes,
        "process": os.getpid(),
    }  # fmt: skip
    if attempts:
        run.events.write(kind="resumed", **facts, attempt=attempts + 1, units=earlier.count("unit"))
    else:
        run.events.write(kind="started", **facts)
    shown = run.progress
    run.progress = RecordedProgress(shown.of(run.stage), run.events)
    try:
        yield
    except (Interrupted, KeyboardInterrupt):
        _write_last(run, kind="stopped")
        raise
    except DanluError as error:
        _write_last(run, kind="failed", error=error.key, where=error.where, params=plain(error.parameters))
        raise
    except Exception as error:
        params = {"error": f"{type(error).__name__}: {error}"}
        _write_last(run, kind="failed", error="pipeline.defect", where=run.stage, params=params)
        raise
    finally:
        run.progress = shown


def _write_last(run: Run, **fields: Any) -> None:
    with suppress(OSError):  # a full disk is what is being told of
        run.events.write(**fields)
