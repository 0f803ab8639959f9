"""One thread that does all the models' work, a step of each request in turn.

Torch uses all cores for one step already, so more threads would only make requests wait for each other in the dark. A job
is an iterator that does a little work before each item (one token, one batch of texts): steps of different requests never
overlap, so they cannot corrupt each other, and a long generation does not hold up a short one.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch

from danlu.serve.errors import ApiError

Item = TypeVar("Item")
MOST_JOBS = 64


@dataclass
class _Job:
    """A request's work, and how to hand what it makes to the event loop."""

    start: Callable[[], Iterator[Any]]
    deliver: Callable[[str, Any], None]
    steps: Iterator[Any] | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)


class Worker:
    """Runs jobs by turns until it is stopped; refuses more than `most` at a time."""

    def __init__(self, most: int = MOST_JOBS) -> None:
        self.most = most
        self._jobs: deque[_Job] = deque()
        self._running: _Job | None = None
        self._changed = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    @property
    def active(self) -> int:
        """Jobs that run or wait."""
        with self._changed:
            return len(self._jobs) + (self._running is not None)

    def start(self) -> None:
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="danlu-models", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Cancel what there is and wait for the step under way."""
        with self._changed:
            self._stopped = True
            for job in (*self._jobs, *([self._running] if self._running else ())):
                job.cancelled.set()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    async def stream(self, start: Callable[[], Iterator[Item]]) -> AsyncIterator[Item]:
        """The items of a job as they are made. Leaving the iteration early (a client who went away) cancels the job."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

        def deliver(kind: str, value: Any) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(arrived.put_nowait, (kind, value))

        job = _Job(start, deliver)
        self._enter(job)
        try:
            while True:
                kind, value = await arrived.get()
                if kind == "item":
                    yield value
                elif kind == "error":
                    raise value
                else:
                    return
        finally:
            job.cancelled.set()

    def _enter(self, job: _Job) -> None:
        with self._changed:
            if self._stopped or self._thread is None:
                raise ApiError("serve.stopping", 503)
            waiting = len(self._jobs) + (self._running is not None)
            if waiting >= self.most:
                raise ApiError("serve.busy", 429, count=waiting)
            self._jobs.append(job)
            self._changed.notify()

    def _next(self) -> _Job | None:
        with self._changed:
            while not self._jobs and not self._stopped:
                self._changed.wait()
            self._running = self._jobs.popleft() if self._jobs else None
            return self._running

    def _work(self) -> None:
        # Inference mode holds around all steps: a job that entered and left it by itself, between two steps, would
        # otherwise leave it switched on or off for the jobs in between.
        with torch.inference_mode():
            while (job := self._next()) is not None:
                goes_on = self._step(job)
                with self._changed:
                    self._running = None
                    if goes_on:
                        self._jobs.append(job)

    def _step(self, job: _Job) -> bool:
        """One step of a job; whether there is more to do."""
        try:
            if job.cancelled.is_set():
                if job.steps is not None and hasattr(job.steps, "close"):
                    job.steps.close()
                if self._stopped:
                    job.deliver("error", ApiError("serve.stopping", 503))
                return False
            if job.steps is None:
                job.steps = job.start()
            job.deliver("item", next(job.steps))
        except StopIteration:
            job.deliver("end", None)
            return False
        except Exception as error:  # handed to the request that caused it; the worker lives on
            job.deliver("error", error)
            return False
        return True
