"""Progress where there is no terminal (a log, a pipe): plain lines, seldom."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from danlu.workspace.messages import Language, current_language, text
from danlu.workspace.progress.pace import Clock, Meter
from danlu.workspace.progress.protocol import Task
from danlu.workspace.progress.words import duration, owned, pad, quantity, speed

INTERVAL_SECONDS = 15.0
LABEL_CELLS = 40


class LineProgress:
    """Says lines on standard error; of each task at most one every 15 seconds, so that short ones leave no trace."""

    def __init__(self, owner: str = "", language: Language | None = None, clock: Clock = time.monotonic) -> None:
        self._owner, self._clock = owner, clock
        self._language = language or current_language()  # threads that tell of progress do not know the choice

    def of(self, owner: str) -> LineProgress:
        return LineProgress(owner, self._language, self._clock)

    @contextmanager
    def task(self, label: str, total: float | None, unit: str = "", *, done: float = 0) -> Iterator[Task]:
        words = owned(self._owner, text(label, self._language))
        yield _LineTask(words, unit, Meter(total, done, self._clock), self._language, self._clock)

    def say(self, key: str, /, **parameters: object) -> None:
        _print(owned(self._owner, text(key, self._language, **parameters)))

    def warn(self, key: str, /, **parameters: object) -> None:
        words = text("progress.warning", self._language, words=text(key, self._language, **parameters))
        _print(owned(self._owner, words))


class _LineTask:
    def __init__(self, label: str, unit: str, meter: Meter, language: Language, clock: Clock) -> None:
        self._label, self._unit, self._meter, self._language, self._clock = label, unit, meter, language, clock
        self._words, self._told = "", clock()

    def advance(self, amount: float = 1) -> None:
        self._meter.advance(amount)
        now = self._clock()
        if now - self._told >= INTERVAL_SECONDS:
            self._told = now
            _print(describe(self._label, self._unit, self._meter, self._words, self._language))

    def note(self, key: str, /, **parameters: object) -> None:
        self._words = text(key, self._language, **parameters)

    def resize(self, total: float) -> None:
        self._meter.total = total


def describe(label: str, unit: str, meter: Meter, words: str, language: Language) -> str:
    """One line: label, share (or amount), rate, time left, note."""
    share, rate, left = meter.share, meter.rate, meter.left
    parts = [
        quantity(meter.done, unit, language) if share is None else f"{share:4.0%}",
        speed(rate, unit, language) if rate else "",
        text("progress.left", language, time=duration(left)) if left is not None else "",
        words,
    ]
    return f"{pad(label, LABEL_CELLS)} {', '.join(part for part in parts if part)}"


def _print(words: str) -> None:
    print(f"    {words}", file=sys.stderr, flush=True)
