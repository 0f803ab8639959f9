"""Figures as SVG text: pure functions from numbers to strings, drawn for a column 360 units wide.

A figure is drawn at about the width of a phone's column, so its text keeps its size there; on a wide page figures stand side
by side instead of growing. Colours are CSS variables with a fallback, so that one file reads well in light and in dark, and a
figure cut out of the page still has colours. The palette (after Okabe and Ito) is safe for colour-blind eyes and never the
only sign: lines differ in marker and dash, and everything is labelled where it stands.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

WIDTH = 360.0
LABEL = 104.0  # most units of a line's name beside the panel
SIZE = 12.0  # of text, in units; about 11.5 px on a phone 375 px wide
TONES = ("#5f6670", "#b8400e", "#0067a5", "#00755a", "#8e3b76", "#7d5c00")  # 0: baselines; 1..5: models
DASHES = ("", "5 3", "2 3", "8 3 2 3")

Format = Callable[[float], str]


@dataclass(frozen=True)
class Line:
    """One line: points (x, y) in order of x; `band` holds (x, low, high); `tone` 0 is quiet, 1 to 5 are models."""

    name: str
    points: tuple[tuple[float, float], ...]
    band: tuple[tuple[float, float, float], ...] = ()
    tone: int = 0
    dash: int = 0
    markers: bool = False
    end: str = ""  # the number written after the name


@dataclass(frozen=True)
class Bar:
    """One bar with its interval; `text` is the number in words."""

    name: str
    value: float
    text: str
    interval: tuple[float, float] | None = None
    tone: int = 0
    strong: bool = False
    ghost: bool = False  # drawn as an outline: a number that is no result


@dataclass(frozen=True)
class Step:
    """One row of a flow: `start` and `end` on the scale of the whole; `kind` is all, gone or kept."""

    name: str
    start: float
    end: float
    text: str
    kind: str


@dataclass(frozen=True)
class Mark:
    """A place on the x axis that matters, with its words."""

    x: float
    text: str
    y: float | None = None


def text_width(text: str, size: float = SIZE) -> float:
    """About how wide a text is, in units: Han and other full-width letters are square, others somewhat over half of that."""
    wide = sum(1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.6 for letter in text)
    return wide * size


def fit(text: str, width: float, size: float = SIZE) -> str:
    """The text cut to `width` units, with an ellipsis where it was cut."""
    if text_width(text, size) <= width:
        return text
    room, kept = width - text_width("…", size), 0
    for letter in text:
        room -= text_width(letter, size)
        if room < 0:
            break
        kept += 1
    return text[:kept] + "…"


def linear_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) inside low..high, at most about `most`."""
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 12) for index in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten inside low..high; powers alone if there are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    inside = [tick for tick in fine if low * 0.999 <= tick <= high * 1.001]
    return inside if len(inside) <= 6 else [10.0**power for power in powers if low * 0.999 <= 10.0**power <= high * 1.001]


def thin(points: Sequence[tuple[float, float]], most: int = 160) -> tuple[tuple[float, float], ...]:
    """At most `most` points: means of runs of equal length; the first and the last point stay as they are."""
    if len(points) <= most:
        return tuple(points)
    inner = points[1:-1]
    runs = most - 2
    means = []
    for index in range(runs):
        part = inner[index * len(inner) // runs : (index + 1) * len(inner) // runs]
        means.append((sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)))
    return (points[0], *means, points[-1])


def spread(places: Sequence[float], heights: Sequence[float], low: float, high: float) -> list[float]:
    """Middles of labels of some heights, moved as little as needed so that none overlaps and all stand inside low..high."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    out = [min(max(place, low), high) for place in places]

    def gap(one: int, other: int) -> float:
        return (heights[one] + heights[other]) / 2

    for before, after in pairwise(order):
        out[after] = max(out[after], out[before] + gap(before, after))
    if order and out[order[-1]] > high:
        out[order[-1]] = high
        for after, before in pairwise(reversed(order)):
            out[before] = min(out[before], out[after] - gap(before, after))
    return out


def two_lines(name: str, end: str, most: float) -> list[str]:
    """A label as one line if it fits `most` units, else as two: broken at a hyphen or space, or before the number."""
    if text_width(f"{name} {end}") <= most or not (name and end):
        return [fit(f"{name} {end}".strip(), most)]
    breaks = [index + 1 for index, letter in enumerate(name) if letter in "- _·" and 0 < index < len(name) - 1]
    for place in breaks:
        head, tail = name[:place].rstrip(), f"{name[place:]} {end}"
        if text_width(head) <= most and text_width(tail) <= most:
            return [head, tail]
    return [fit(name, most), end]


def line_chart(
    lines: Sequence[Line], *, title: str, description: str, x_label: str, y_label: str, x_format: Format, y_format: Format,
    log_x: bool = False, ticks_x: Sequence[float] | None = None, y_range: tuple[float, float] | None = None,
    mark: Mark | None = None, height: float = 264.0, heading: str = "", headroom: bool = False,
) -> str:  # fmt: skip
    """Lines with their names at their ends, interval bands, an optional mark.

    `heading` is written above the panel; `headroom` leaves room for a mark, so that panels beside a marked one line up.
    """
    lines = [line for line in lines if line.points and (not log_x or line.points[0][0] > 0)]
    if not lines:
        return ""
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points] + [edge for line in lines for _, *edges in line.band for edge in edges]
    low, high = y_range or _padded(min(ys), max(ys))
    labels = [two_lines(line.name, line.end, LABEL) for line in lines]
    right = max(text_width(row) for label in labels for row in label) + 12
    marks = linear_ticks(low, high)
    left = max(text_width(y_format(tick)) for tick in marks) + 8
    top, bottom = (46.0 if heading else 28.0) + (14.0 if mark or headroom else 0.0), height - 40
    x_low, x_high = min(xs), max(xs)
    warp: Callable[[float], float] = math.log10 if log_x else float

    def place_x(x: float) -> float:
        span = warp(x_high) - warp(x_low)
        share = (warp(x) - warp(x_low)) / span if span else 0.5
        return left + 6 + share * (WIDTH - right - left - 12)

    def place_y(y: float) -> float:
        return bottom - (min(max(y, low), high) - low) / (high - low) * (bottom - top)

    parts = []
    if heading:
        parts.append(_text(0, 15, heading, anchor="start", style="font-weight:600", size=14))
    parts.append(_text(0, (33 if heading else 15), y_label, anchor="start", tone="faint"))
    for tick in marks:
        y = place_y(tick)
        parts.append(_rule(left, y, WIDTH - right, y, "grid"))
        parts.append(_text(left - 6, y + 4, y_format(tick), anchor="end", tone="faint"))
    parts.append(_rule(left, bottom, WIDTH - right, bottom, "axis"))
    edge = -math.inf
    for tick in ticks_x if ticks_x is not None else log_ticks(x_low, x_high) if log_x else linear_ticks(x_low, x_high, 4):
        x, half = place_x(tick), text_width(x_format(tick)) / 2
        x_text = min(max(x, left + half - 6), WIDTH - half)
        parts.append(_rule(x, bottom, x, bottom + 4, "axis"))
        if x_text - half > edge + 6:
            parts.append(_text(x_text, bottom + 17, x_format(tick), tone="faint"))
            edge = x_text + half
    parts.append(_text((left + WIDTH - right) / 2, height - 6, fit(x_label, WIDTH - right - left + 40), tone="faint"))
    for line in lines:
        if len(line.band) > 1:
            upper = [f"{place_x(x):.1f},{place_y(top_edge):.1f}" for x, _, top_edge in line.band]
            lower = [f"{place_x(x):.1f},{place_y(low_edge):.1f}" for x, low_edge, _ in reversed(line.band)]
            parts.append(f'<polygon points="{" ".join(upper + lower)}" style="fill:{_colour(line.tone)};opacity:.13"/>')
    if mark is not None and x_low <= mark.x <= x_high:
        x = place_x(mark.x)
        parts.append(_rule(x, top - 6, x, bottom, "mark"))
        half = text_width(mark.text) / 2
        parts.append(_text(min(max(x, half), WIDTH - half), top - 11, mark.text, style="font-weight:600"))
        if mark.y is not None:
            parts.append(
                f'<circle cx="{x:.1f}" cy="{place_y(mark.y):.1f}" r="6" style="fill:none;stroke:{_ink()};stroke-width:1.6"/>'
            )
    for index, line in enumerate(lines):
        path = " ".join(f"{place_x(x):.1f},{place_y(y):.1f}" for x, y in line.points)
        dash = f";stroke-dasharray:{DASHES[line.dash % len(DASHES)]}" if line.dash else ""
        width = 2.4 if line.tone else 1.7
        if len(line.points) > 1:
            parts.append(
                f'<polyline points="{path}" style="fill:none;stroke:{_colour(line.tone)};stroke-width:{width}{dash};'
                'stroke-linejoin:round;stroke-linecap:round"/>'
            )
        if line.markers or len(line.points) == 1:
            parts += [_marker(place_x(x), place_y(y), line.tone, index) for x, y in line.points]
    ends = spread(
        [place_y(line.points[-1][1]) for line in lines], [(SIZE + 2) * len(label) + 2 for label in labels], top + 4, bottom
    )
    for line, label, y in zip(lines, labels, ends, strict=True):
        weight = ";font-weight:600" if line.tone else ""
        for row, words in enumerate(label):
            shift = 4 + (row - (len(label) - 1) / 2) * (SIZE + 2)
            parts.append(_text(WIDTH - right + 8, y + shift, words, anchor="start", style=f"fill:{_colour(line.tone)}{weight}"))
    return _svg(parts, WIDTH, height, title, description)


def bar_chart(
    bars: Sequence[Bar], *, title: str, description: str, heading: str = "", note: str = "", most: float | None = None
) -> str:
    """Bars from zero, one a row: the name and the number stand above the bar, so that long names have room on a phone.

    The interval is a whisker over the bar's end. `most` is the value of a full bar.
    """
    if not bars:
        return ""
    top = 26.0 if heading else 4.0
    row = 36.0
    height = top + row * len(bars) + (18 if note else 0)
    limit = most or max(max(bar.value, *(bar.interval or (0, 0))) for bar in bars) or 1.0
    parts = [_text(0, 15, heading, anchor="start", style="font-weight:600", size=14)] if heading else []

    def place(value: float) -> float:
        return min(max(value / limit, 0.0), 1.0) * (WIDTH - 8)

    for index, bar in enumerate(bars):
        y = top + row * index
        weight = "font-weight:600" if bar.strong else ""
        number = text_width(bar.text)
        parts.append(_text(0, y + 13, fit(bar.name, WIDTH - number - 10), anchor="start", style=weight))
        parts.append(_text(WIDTH, y + 13, bar.text, anchor="end", style=weight))
        parts.append(f'<rect x="0" y="{y + 19:.1f}" width="{WIDTH - 8:.1f}" height="9" style="fill:{_grid()};opacity:.55"/>')
        look = (
            f"fill:none;stroke:{_colour(bar.tone)};stroke-width:1.4;stroke-dasharray:4 2"
            if bar.ghost
            else f"fill:{_colour(bar.tone)}"
        )
        parts.append(f'<rect x="0.7" y="{y + 19:.1f}" width="{place(bar.value):.1f}" height="9" style="{look}"/>')
        if bar.interval:
            low, high = place(bar.interval[0]), place(bar.interval[1])
            middle = y + 23.5
            path = f"M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 5}v10M{high:.1f} {middle - 5}v10"
            parts.append(f'<path d="{path}" style="fill:none;stroke:{_paper()};stroke-width:4"/>')
            parts.append(f'<path d="{path}" style="fill:none;stroke:{_ink()};stroke-width:1.5"/>')
    if note:
        parts.append(_text(0, height - 4, fit(note, WIDTH), anchor="start", tone="faint"))
    return _svg(parts, WIDTH, height, title, description)


def flow(steps: Sequence[Step], *, title: str, description: str) -> str:
    """What stays of a whole, step by step: each row begins where the last one ended (a waterfall laid on its side)."""
    if not steps:
        return ""
    whole = max(max(step.start, step.end) for step in steps) or 1.0
    row = 34.0
    parts = []
    tones = {"all": TONES[0], "gone": TONES[1], "kept": TONES[2]}
    names = {"all": "--quiet", "gone": "--s1", "kept": "--s2"}
    for index, step in enumerate(steps):
        y = row * index
        low, high = sorted((step.start, step.end))
        left = low / whole * WIDTH
        width = max((high - low) / whole * WIDTH, 1.2)
        left = min(left, WIDTH - width)
        weight = "" if step.kind == "gone" else "font-weight:600"
        parts.append(_text(0, y + 13, fit(step.name, WIDTH - text_width(step.text) - 10), anchor="start", style=weight))
        parts.append(_text(WIDTH, y + 13, step.text, anchor="end", style=weight))
        parts.append(f'<rect x="0" y="{y + 18:.1f}" width="{WIDTH:.0f}" height="9" style="fill:{_grid()};opacity:.45"/>')
        colour = f"var({names[step.kind]},{tones[step.kind]})"
        parts.append(f'<rect x="{left:.1f}" y="{y + 18:.1f}" width="{width:.1f}" height="9" style="fill:{colour}"/>')
    return _svg(parts, WIDTH, row * len(steps) - 2, title, description)


def threshold_chart(
    counts: Sequence[int], *, place: int, ends: tuple[str, str], fails_above: bool, title: str, description: str, heading: str
) -> str:
    """How many documents lie in each cell between thresholds, the heights in logarithms, and the side of `place` that fails.

    A page may move the parts `fails` (a rectangle) and `line` along: the chart has one cell more than there are thresholds, and
    threshold i stands at the right end of cell i.
    """
    top, bottom, width = 26.0, 96.0, WIDTH / len(counts)
    most = math.log1p(max(counts)) or 1.0
    bars = []
    for index, amount in enumerate(counts):
        if amount:
            height = max(1.5, (bottom - top) * math.log1p(amount) / most)
            bars.append(f"M{index * width:.1f} {bottom:g}v{-height:.1f}h{width:.2f}v{height:.1f}z")
    edge = (place + 1) * width
    left, right = (edge, WIDTH) if fails_above else (0.0, edge)
    parts = [
        _text(0, 14, fit(heading, WIDTH), anchor="start", style="font-weight:600"),
        f'<rect class="fails" x="{left:.1f}" y="{top:g}" width="{right - left:.1f}" height="{bottom - top:g}" '
        'style="fill:var(--gone,#fbe4da)"/>',
        f'<path d="{"".join(bars)}" style="fill:var(--quiet,{TONES[0]})"/>',
        _rule(0, bottom, WIDTH, bottom, "axis"),
        f'<path class="line" d="M0 {top - 4:g}V{bottom + 4:g}" transform="translate({edge:.1f} 0)" '
        f'style="stroke:{_colour(1)};stroke-width:2;fill:none"/>',
        _text(0, bottom + 15, ends[0], anchor="start", tone="faint"),
        _text(WIDTH, bottom + 15, ends[1], anchor="end", tone="faint"),
    ]
    return _svg(parts, WIDTH, bottom + 18, title, description)


def share_bar(shares: Sequence[tuple[float, int]], *, title: str, description: str) -> str:
    """One bar cut into shares (value, tone); the caller names them beside it, in the same tones."""
    total = sum(value for value, _ in shares)
    if total <= 0:
        return ""
    parts = []
    left = 0.0
    for value, tone in shares:
        width = value / total * WIDTH
        parts.append(f'<rect x="{left:.1f}" y="0" width="{max(width - 1, 0.6):.1f}" height="10" style="fill:{_colour(tone)}"/>')
        left += width
    return _svg(parts, WIDTH, 10, title, description)


def _padded(low: float, high: float) -> tuple[float, float]:
    pad = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return low - pad, high + pad


def _colour(tone: int) -> str:
    index = 0 if tone <= 0 else (tone - 1) % (len(TONES) - 1) + 1
    return f"var({f'--s{index}' if index else '--quiet'},{TONES[index]})"


def _ink() -> str:
    return "var(--ink,#16181d)"


def _paper() -> str:
    return "var(--paper,#fff)"


def _grid() -> str:
    return "var(--grid,#e3e5e8)"


def _rule(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    look = {
        "grid": f"stroke:{_grid()};stroke-width:1",
        "axis": "stroke:var(--axis,#9aa0a8);stroke-width:1",
        "mark": f"stroke:{_ink()};stroke-width:1.2;stroke-dasharray:3 3",
    }[kind]
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" style="{look}"/>'


def _text(
    x: float, y: float, words: str, *, anchor: str = "middle", style: str = "", tone: str = "ink", size: float = SIZE
) -> str:
    fill = "" if "fill:" in style else ("fill:var(--faint,#5f6670);" if tone == "faint" else f"fill:{_ink()};")
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:g}"'
    return f'<text {place} style="{fill}{style}">{_clean(words)}</text>'


def _marker(x: float, y: float, tone: int, shape: int) -> str:
    style = f'style="fill:{_colour(tone)};stroke:{_paper()};stroke-width:1.2"'
    match shape % 4:
        case 0:
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" {style}/>'
        case 1:
            return f'<rect x="{x - 3.6:.1f}" y="{y - 3.6:.1f}" width="7.2" height="7.2" {style}/>'
        case 2:
            return f'<path d="M{x:.1f} {y - 4.6:.1f}l4.6 8h-9.2z" {style}/>'
        case _:
            return f'<path d="M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5-5z" {style}/>'


def _clean(words: str) -> str:
    """Escaped, and without the control characters that no markup language allows."""
    return escape("".join(letter if letter >= " " and not 0xD800 <= ord(letter) <= 0xDFFF else " " for letter in words))


def _svg(parts: Sequence[str], width: float, height: float, title: str, description: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" class="figure" font-family="inherit" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{_clean(title)}</title><desc>{_clean(description)}</desc>{"".join(parts)}</svg>'
    )
