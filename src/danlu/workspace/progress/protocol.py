"""What stages say of how far they are, and the progress that says nothing."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, Self


class Task(Protocol):
    """One bar."""

    def advance(self, amount: float = 1) -> None:
        """So much more is done."""
        ...

    def note(self, key: str, /, **parameters: object) -> None:
        """A few words beside the bar (the loss so far), by message key."""
        ...

    def resize(self, total: float) -> None:
        """There is more or less to do than was thought."""
        ...


class Progress(Protocol):
    """Where stages tell how far they are. Words are made where they are shown, in the language of whoever watches."""

    def task(self, label: str, total: float | None, unit: str = "", *, done: float = 0) -> AbstractContextManager[Task]:
        """A bar named by the message key `label`, there while the block runs; bars of several threads stand side by side.

        `total` in `unit`s, None where unknown. `unit` is the last part of a message key `progress.unit.*`, or "B" for bytes.
        `done` is what an earlier run did already: it counts for the share, not for the rate.
        """
        ...

    def say(self, key: str, /, **parameters: object) -> None:
        """A line for the person who watches, by message key."""
        ...

    def warn(self, key: str, /, **parameters: object) -> None:
        """A line that the person should not miss: something works, but worse than it could."""
        ...

    def of(self, owner: str) -> Self:
        """The same display for one stage among several: its bars and lines carry the name `owner`."""
        ...


class SilentTask:
    """A bar that nobody sees."""

    def advance(self, amount: float = 1) -> None: ...

    def note(self, key: str, /, **parameters: object) -> None: ...

    def resize(self, total: float) -> None: ...


class SilentProgress:
    """Says nothing. Who listens for words only needs to replace `say`."""

    def task(self, label: str, total: float | None, unit: str = "", *, done: float = 0) -> AbstractContextManager[Task]:
        return nullcontext(SilentTask())

    def say(self, key: str, /, **parameters: object) -> None: ...

    def warn(self, key: str, /, **parameters: object) -> None:
        self.say(key, **parameters)

    def of(self, owner: str) -> Self:
        return self
