"""Progress on a terminal: one live display for all bars of this process, lines said above it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from danlu.workspace.messages import Language, current_language, text
from danlu.workspace.progress.pace import Meter
from danlu.workspace.progress.protocol import Task
from danlu.workspace.progress.words import clip, duration, owned, quantity, speed

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

Justify = Literal["left", "right"]
REFRESHES_PER_SECOND = 5
WIDE = 100  # columns from which on a terminal has room for longer bars, labels and words


class BarProgress:
    """Bars on standard error. Those of several threads, or forwarded by several processes, stand under each other."""

    def __init__(self, language: Language | None = None, console: Console | None = None) -> None:
        # The display is drawn by a thread of its own, which does not know the chosen language.
        self._display, self._owner = _Display(language or current_language(), console), ""

    def of(self, owner: str) -> BarProgress:
        other = object.__new__(BarProgress)
        other._display, other._owner = self._display, owner
        return other

    @contextmanager
    def task(self, label: str, total: float | None, unit: str = "", *, done: float = 0) -> Iterator[Task]:
        words = owned(self._owner, text(label, self._display.language))
        with self._display.bar(words, unit, Meter(total, done)) as bar:
            yield bar

    def say(self, key: str, /, **parameters: object) -> None:
        self._display.line(owned(self._owner, text(key, self._display.language, **parameters)))

    def warn(self, key: str, /, **parameters: object) -> None:
        language = self._display.language
        words = text("progress.warning", language, words=text(key, language, **parameters))
        self._display.line(owned(self._owner, words), "yellow")


@dataclass
class _Display:
    """The live display: there while at least one bar is open."""

    language: Language
    console: Console | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _bars: Bars | None = None
    _open: int = 0

    @contextmanager
    def bar(self, label: str, unit: str, meter: Meter) -> Iterator[Task]:
        with self._lock:
            if self._bars is None:
                self.console, self._bars = _make_bars(self.console, self.language)
            bars = self._bars
            if self._open == 0:
                bars.start()
            self._open += 1
            number = bars.add_task(label, total=meter.total, completed=int(meter.done), meter=meter, unit=unit, words="")
        try:
            yield _Bar(bars, number, meter, self.language)
        finally:
            with self._lock:
                bars.remove_task(number)
                self._open -= 1
                if self._open == 0:
                    bars.stop()

    def line(self, words: str, style: str = "") -> None:
        from rich.console import Console
        from rich.text import Text

        with self._lock:
            if self.console is None:
                self.console = Console(stderr=True)
        self.console.print(Text(f"    {words}", style=style), soft_wrap=True)


@dataclass(frozen=True)
class _Bar:
    bars: Bars
    number: TaskID
    meter: Meter
    language: Language

    def advance(self, amount: float = 1) -> None:
        self.meter.advance(amount)
        self.bars.update(self.number, completed=self.meter.done)

    def note(self, key: str, /, **parameters: object) -> None:
        self.bars.update(self.number, words=text(key, self.language, **parameters))

    def resize(self, total: float) -> None:
        self.meter.total = total
        self.bars.update(self.number, total=total)


def _make_bars(console: Console | None, language: Language) -> tuple[Console, Bars]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn
    from rich.progress import Task as Shown
    from rich.table import Column
    from rich.text import Text

    shown_on = console or Console(stderr=True)

    def wide() -> bool:
        return shown_on.width >= WIDE  # asked at each drawing: windows change their size

    class Words(ProgressColumn):
        """A column of words that never takes two lines."""

        def __init__(self, words: Callable[[Shown], str], style: str = "", justify: Justify = "left") -> None:
            self._words, self._style = words, style
            super().__init__(Column(no_wrap=words is not label, justify=justify))  # a full line takes room from the label

        def render(self, task: Shown) -> Text:
            return Text(self._words(task), style=self._style, no_wrap=True, overflow="ellipsis")

    def label(task: Shown) -> str:
        return "  " + clip(task.description, 44)

    def share(task: Shown) -> str:
        meter: Meter = task.fields["meter"]
        return quantity(meter.done, task.fields["unit"], language) if meter.share is None else f"{meter.share:4.0%}"

    def rate(task: Shown) -> str:
        found = task.fields["meter"].rate
        return speed(found, task.fields["unit"], language) if found else ""

    def left(task: Shown) -> str:
        seconds = task.fields["meter"].left
        if seconds is None:
            return ""
        return text("progress.left", language, time=duration(seconds)) if wide() else duration(seconds)

    columns = (
        Words(label),
        BarColumn(bar_width=24 if wide() else 10),
        Words(share, "progress.percentage", "right"),
        Words(rate, "", "right"),
        Words(left, "progress.remaining", "right"),
        Words(lambda task: str(task.fields["words"])),
    )
    return shown_on, Progress(*columns, console=shown_on, transient=True, refresh_per_second=REFRESHES_PER_SECOND)
