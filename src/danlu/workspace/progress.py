"""Progress of a unit of work: bars with rate and time left on a terminal, plain lines elsewhere, silence in tests."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from danlu.workspace.messages import text


class Task(Protocol):
    """One bar."""

    def advance(self, amount: float = 1) -> None: ...

    def note(self, words: str) -> None: ...

    def resize(self, total: float) -> None:
        """There is more or less to do than was thought."""
        ...


class Progress(Protocol):
    """Where stages tell how far they are."""

    @contextmanager
    def task(self, label: str, total: float | None, unit: str = "") -> Iterator[Task]:
        """A bar named by the message key `label`; `total` in `unit`s, None where unknown."""
        ...

    def say(self, key: str, **parameters: object) -> None:
        """A line for the person who watches, by message key."""
        ...


def quantity(value: float, unit: str) -> str:
    """A quantity in words: bytes as megabytes, small numbers with a digit after the point."""
    if unit == "B":
        value, unit = value / 1e6, "MB"
    return f"{value:,.1f} {unit}".strip() if value < 10 else f"{value:,.0f} {unit}".strip()


class _Silent:
    def advance(self, amount: float = 1) -> None: ...

    def note(self, words: str) -> None: ...

    def resize(self, total: float) -> None: ...


class SilentProgress:
    """Says nothing."""

    @contextmanager
    def task(self, label: str, total: float | None, unit: str = "") -> Iterator[Task]:
        yield _Silent()

    def say(self, key: str, **parameters: object) -> None: ...


class _Lines:
    """Prints a line at most every `interval` seconds."""

    def __init__(self, label: str, total: float | None, unit: str, interval: float = 15.0) -> None:
        self.label, self.total, self.unit, self.interval = label, total, unit, interval
        self.done, self.words = 0.0, ""
        self.start = self.last = time.monotonic()

    def advance(self, amount: float = 1) -> None:
        self.done += amount
        now = time.monotonic()
        if now - self.last >= self.interval:
            self.last = now
            rate = self.done / (now - self.start)
            share = f"{self.done / self.total:4.0%}" if self.total else quantity(self.done, self.unit)
            left = (
                f", {text('progress.left', seconds=f'{(self.total - self.done) / rate:.0f}')}"
                if self.total and rate > 0
                else ""
            )
            print(
                f"    {self.label}: {share}, {quantity(rate, self.unit)}/s{left} {self.words}".rstrip(),
                file=sys.stderr,
                flush=True,
            )

    def note(self, words: str) -> None:
        self.words = words

    def resize(self, total: float) -> None:
        self.total = total


class LineProgress:
    """For logs and pipes: plain lines on standard error."""

    @contextmanager
    def task(self, label: str, total: float | None, unit: str = "") -> Iterator[Task]:
        yield _Lines(text(label), total, unit)

    def say(self, key: str, **parameters: object) -> None:
        print(f"    {text(key, **parameters)}", file=sys.stderr, flush=True)


class _Bar:
    def __init__(self, bars: object, task: object) -> None:
        self.bars, self.identity = bars, task

    def advance(self, amount: float = 1) -> None:
        self.bars.advance(self.identity, amount)  # type: ignore[attr-defined]

    def note(self, words: str) -> None:
        self.bars.update(self.identity, words=words)  # type: ignore[attr-defined]

    def resize(self, total: float) -> None:
        self.bars.update(self.identity, total=total)  # type: ignore[attr-defined]


class BarProgress:
    """For terminals: rich bars on standard error."""

    @contextmanager
    def task(self, label: str, total: float | None, unit: str = "") -> Iterator[Task]:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = (
            TextColumn("    {task.description}"), BarColumn(bar_width=28), TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[words]}"),
        )  # fmt: skip
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            yield _Bar(bars, bars.add_task(text(label), total=total, words=""))

    def say(self, key: str, **parameters: object) -> None:
        print(f"    {text(key, **parameters)}", file=sys.stderr, flush=True)


def progress_for_terminal() -> Progress:
    """Bars where standard error is a terminal, lines elsewhere."""
    return BarProgress() if sys.stderr.isatty() else LineProgress()
