"""Quantities, rates and times in words, and their widths on a terminal."""

from __future__ import annotations

import unicodedata

from danlu.workspace.disk import size_words
from danlu.workspace.messages import Language, table, text

PERIODS = (("second", 1), ("minute", 60), ("hour", 3600))


def quantity(value: float, unit: str, language: Language | None = None) -> str:
    """A number with its unit: `unit` is "B" for bytes, "" for none, else the last part of a key `progress.unit.*`."""
    if unit == "B":
        return size_words(value)
    key = f"progress.unit.{unit}"
    word = text(key, language) if key in table() else unit  # a stage of the user's may count what danlu has no word for
    return f"{value:,.{1 if value < 10 and value != int(value) else 0}f} {word}".rstrip()


def speed(rate: float, unit: str, language: Language | None = None) -> str:
    """A rate (units a second) as so many a second, a minute or an hour: the first in which it is one or more."""
    period, seconds = next((entry for entry in PERIODS if rate * entry[1] >= 1), PERIODS[-1])
    return text(f"progress.per.{period}", language, quantity=quantity(rate * seconds, unit, language))


def duration(seconds: float) -> str:
    """0:07, 12:30, 3:05:00, 2d 03:00."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 24:
        return f"{hours // 24}d {hours % 24:02}:{minutes:02}"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def cells(words: str) -> int:
    """Columns of a terminal that `words` takes: a Han character takes two, a combining mark none."""
    return sum(0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in words)


def pad(words: str, width: int) -> str:
    """`words` with blanks up to `width` columns; longer ones stay whole."""
    return words + " " * (width - cells(words))


def clip(words: str, width: int) -> str:
    """`words` in at most `width` columns, the end cut off where they are longer."""
    if cells(words) <= width:
        return words
    kept = ""
    for one in words:
        if cells(kept + one) > width - 1:
            break
        kept += one
    return kept + "…"


def owned(owner: str, words: str) -> str:
    """A line or label with the name of the stage that it belongs to."""
    return f"{owner}: {words}" if owner else words
