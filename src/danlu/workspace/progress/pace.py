"""How fast a task goes now, and how long it will still take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

WINDOW_SECONDS = 20.0

Clock = Callable[[], float]


class Pace:
    """Units a second of late: what happened t seconds ago weighs e^(-t / WINDOW_SECONDS).

    A mean since the start would tell of a slow beginning (a compilation, a cold disk) for hours. Work that comes in rare
    large pieces looks steady between them; a silence longer than the longest of late counts as no work.
    """

    def __init__(self, now: float) -> None:
        self._last = now
        self._units = self._seconds = self._longest = 0.0

    def add(self, amount: float, now: float) -> None:
        """`amount` was done since the last call."""
        gap = max(0.0, now - self._last)
        fade, weight = _fading(gap)
        self._units = self._units * fade + amount * (weight / gap if gap else 1.0)
        self._seconds = self._seconds * fade + weight
        self._longest = max(gap, self._longest * fade)
        self._last = now

    def rate(self, now: float) -> float | None:
        """Units a second; None as long as nothing can be said."""
        fade, weight = _fading(max(0.0, now - self._last - self._longest))
        seconds = self._seconds * fade + weight
        return self._units * fade / seconds if self._seconds > 0 else None


def _fading(seconds: float) -> tuple[float, float]:
    """What is left of an old weight after so many seconds, and the weight of these seconds themselves."""
    fade = math.exp(-seconds / WINDOW_SECONDS)
    return fade, WINDOW_SECONDS * (1 - fade) if seconds > 1e-3 else seconds


class Meter:
    """One task as numbers: how much is done, at what rate, how long it will take."""

    def __init__(self, total: float | None, done: float = 0, clock: Clock = time.monotonic) -> None:
        self.total, self.done, self._clock = total, done, clock
        self._pace = Pace(clock())

    def advance(self, amount: float) -> None:
        self.done += amount
        self._pace.add(amount, self._clock())

    @property
    def share(self) -> float | None:
        """From 0 to 1; None where the total is unknown."""
        return None if not self.total else min(1.0, self.done / self.total)

    @property
    def rate(self) -> float | None:
        """Units a second of late."""
        return self._pace.rate(self._clock())

    @property
    def left(self) -> float | None:
        """Seconds; None where the total or the rate is unknown."""
        rate = self.rate
        return max(0.0, self.total - self.done) / rate if self.total and rate else None
