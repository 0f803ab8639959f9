"""Coordinates of places: pairs of latitude and longitude, in degrees with marks, in Chinese words, or as decimals."""

from __future__ import annotations

import re
from collections.abc import Iterator

from danlu.text.personal.span import Span

_MINUTES = r"(?:\s?\d{1,2}(?:\.\d{1,4})?\s?(?:[′'’分](?:\s?\d{1,2}(?:\.\d{1,4})?\s?(?:[″\"”秒]|''))?))?"
_ANGLE = r"\d{1,3}(?:\.\d{1,8})?\s?[°度]" + _MINUTES
_BETWEEN = r"\s?[,，;；、/]?\s?"
_MARKED = re.compile(
    rf"(?<![\w.])(?:{_ANGLE}\s?[NS]{_BETWEEN}{_ANGLE}\s?[EW](?![A-Za-z])|[NS]\s?{_ANGLE}{_BETWEEN}[EW]\s?{_ANGLE})"
    rf"|[北南][纬緯][:：约]?\s?{_ANGLE}{_BETWEEN}[和与]?[东東西][经經][:：约]?\s?{_ANGLE}"
    rf"|[东東西][经經][:：约]?\s?{_ANGLE}{_BETWEEN}[和与]?[北南][纬緯][:：约]?\s?{_ANGLE}",
    re.ASCII,
)
_DECIMAL = re.compile(
    r"(?<![\w.])-?\d{1,3}\.\d{3,12}\s?[,，]\s?-?\d{1,3}\.\d{3,12}(?![\w]|\.\d|\s?[,，]\s?-?\d+\.\d)", re.ASCII
)
_WORD = re.compile(
    r"(?:\blat(?:itude)?|\bcoord|\bGPS\b|\bgeo|location|maps?\b|坐标|座標|经纬|經緯|定位|位置)[^\n]{0,40}\Z|@\Z",
    re.ASCII | re.IGNORECASE,
)
_BEFORE = 60


def find_coordinates(text: str) -> Iterator[Span]:
    """Pairs of latitude and longitude; bare decimals only after a word that says so, and in their range."""
    for found in _MARKED.finditer(text):
        yield Span(*found.span(), "coordinates")
    for found in _DECIMAL.finditer(text):
        first, second = sorted(abs(float(number)) for number in re.split("[,，]", found[0]))
        if first <= 90 and second <= 180 and _WORD.search(text[max(0, found.start() - _BEFORE) : found.start()]):
            yield Span(*found.span(), "coordinates")
