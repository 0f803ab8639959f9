"""Simplified and traditional Chinese, one made into the other by OpenCC, on request."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from danlu.text.edits import Edit, trimmed
from danlu.text.repair import HAN
from danlu.workspace.errors import DanluError

Script = Literal["simplified", "traditional"]
TAGS: dict[Script, str] = {"simplified": "zh-Hans", "traditional": "zh-Hant"}
_CONFIGURATIONS: dict[Script, str] = {"simplified": "t2s", "traditional": "s2t"}
_RUN = re.compile(f"{HAN.pattern}+")


def converter(script: Script) -> Callable[[str], list[Edit]]:
    """A pass of repair that gives the edits (reason `chinese`) that bring a text into the script.

    A phrase decides which of several characters is meant (头发 -> 頭髮, 发展 -> 發展). DanluError if OpenCC is not installed.
    """
    try:
        import opencc  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise DanluError("clean.no-opencc", where="clean.chinese", script=script) from error
    convert: Callable[[str], str] = opencc.OpenCC(_CONFIGURATIONS[script]).convert

    def edits(text: str) -> list[Edit]:
        after = convert(text)
        return [] if after == text else _differences(text, after)

    return edits


def _differences(before: str, after: str) -> list[Edit]:
    """Nearly always one character stands for one; else runs of Han are compared."""
    if len(before) == len(after):
        return _by_character(before, after, 0)
    runs, converted = list(_RUN.finditer(before)), _RUN.findall(after)
    if len(runs) != len(converted):
        return [trimmed(0, before, after, "chinese")]
    edits: list[Edit] = []
    for run, now in zip(runs, converted, strict=True):
        if len(run[0]) == len(now):
            edits += _by_character(run[0], now, run.start())
        elif run[0] != now:
            edits.append(trimmed(run.start(), run[0], now, "chinese"))
    return edits


def _by_character(before: str, after: str, start: int) -> list[Edit]:
    """An edit for each run of characters that differ."""
    edits: list[Edit] = []
    for place, (was, now) in enumerate(zip(before, after, strict=True), start):
        if was == now:
            continue
        if edits and edits[-1].end == place:
            edits[-1] = edits[-1]._replace(end=place + 1, text=edits[-1].text + now)
        else:
            edits.append(Edit(place, place + 1, now, "chinese"))
    return edits
