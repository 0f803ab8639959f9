"""Progress across processes: a stage in a child tells its parent in messages, and the parent shows them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple
from uuid import uuid4

from danlu.workspace.progress.protocol import Progress, Task

GATHER_SECONDS = 0.2  # a bar needs no more; thousands of small steps a second become a few messages


class Told(NamedTuple):
    """One message: a call of `Progress` or `Task`, of plain values only, so that it can be pickled.

    `task` names a bar, unlike that of any other process; it is "" for words and for steps of a bar of
    the listener's. `values` are the arguments of the call.
    """

    verb: Literal["open", "advance", "note", "resize", "close", "say", "warn"]
    task: str
    owner: str
    values: dict[str, Any]


class ForwardedProgress:
    """Gives every call on as a `Told` to `send`, in order; what a bar advances is gathered for a fraction of a second."""

    def __init__(self, send: Callable[[Told], object]) -> None:
        self._send, self._sender, self._numbers, self._owner = send, uuid4().hex, itertools.count(), ""

    def of(self, owner: str) -> ForwardedProgress:
        other = ForwardedProgress(self._send)
        other._owner = owner
        return other

    @contextmanager
    def task(self, label: str, total: float | None, unit: str = "", *, done: float = 0) -> Iterator[Task]:
        name = f"{self._sender}-{next(self._numbers)}"
        values = {"label": label, "total": total, "unit": unit, "done": done}
        self._send(Told("open", name, self._owner, values))
        bar = _ForwardedTask(self._send, name, self._owner)
        try:
            yield bar
        finally:
            bar.flush()
            self._send(Told("close", name, self._owner, {}))

    def steps(self) -> _ForwardedTask:
        """A bar without a name, for steps that the listener adds to a bar of its own; `flush` it at the end."""
        return _ForwardedTask(self._send, "", self._owner)

    def say(self, key: str, /, **parameters: object) -> None:
        self._send(Told("say", "", self._owner, {"key": key, "parameters": plain(parameters)}))

    def warn(self, key: str, /, **parameters: object) -> None:
        self._send(Told("warn", "", self._owner, {"key": key, "parameters": plain(parameters)}))


class _ForwardedTask:
    def __init__(self, send: Callable[[Told], object], name: str, owner: str) -> None:
        self._send, self._name, self._owner = send, name, owner
        self._gathered, self._sent = 0.0, time.monotonic()

    def advance(self, amount: float = 1) -> None:
        self._gathered += amount
        if time.monotonic() - self._sent >= GATHER_SECONDS:
            self.flush()

    def flush(self) -> None:
        if self._gathered:
            self._send(Told("advance", self._name, self._owner, {"amount": self._gathered}))
        self._gathered, self._sent = 0.0, time.monotonic()

    def note(self, key: str, /, **parameters: object) -> None:
        self._send(Told("note", self._name, self._owner, {"key": key, "parameters": plain(parameters)}))

    def resize(self, total: float) -> None:
        self._send(Told("resize", self._name, self._owner, {"total": total}))


def plain(parameters: dict[str, object]) -> dict[str, Any]:
    """Parameters of a sentence as values that any process and JSON can read; numbers stay numbers."""
    return {name: _plain(value) for name, value in parameters.items()}


def _plain(value: object) -> str | int | float | bool | None:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Integral):  # of numpy
        return int(value)
    return float(value) if isinstance(value, Real) else str(value)


class Replay:
    """Applies the messages of any number of `ForwardedProgress` to `progress`, those of each in their order."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self._bars: dict[str, _Open] = {}

    def apply(self, message: Told) -> None:
        """Do what the sender did. What belongs to a bar that is gone does nothing."""
        verb, name, owner, values = message
        progress = self.progress.of(owner) if owner else self.progress
        if verb == "say":
            progress.say(values["key"], **values["parameters"])
        elif verb == "warn":
            progress.warn(values["key"], **values["parameters"])
        elif verb == "open":
            stack = ExitStack()
            bar = stack.enter_context(progress.task(values["label"], values["total"], values["unit"], done=values["done"]))
            self._bars[name] = _Open(owner, bar, stack)
        elif name in self._bars:
            self._move(name, verb, values)

    def _move(self, name: str, verb: str, values: dict[str, Any]) -> None:
        bar = self._bars[name].bar
        if verb == "advance":
            bar.advance(values["amount"])
        elif verb == "note":
            bar.note(values["key"], **values["parameters"])
        elif verb == "resize":
            bar.resize(values["total"])
        else:
            self._bars.pop(name).stack.close()

    def forget(self, owner: str) -> None:
        """Take away the bars that the process of `owner` left open when it died."""
        for name in [name for name, bar in self._bars.items() if bar.owner == owner]:
            self._bars.pop(name).stack.close()

    def close(self) -> None:
        """Take away every bar."""
        while self._bars:
            self._bars.popitem()[1].stack.close()


class _Open(NamedTuple):
    owner: str
    bar: Task
    stack: ExitStack
