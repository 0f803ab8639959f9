"""Edits: what was replaced in a text, by offsets; and how edits of edits become edits of the first text.

All offsets count characters (code points). A list of edits is sorted and its spans do not overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple


class Edit(NamedTuple):
    """Characters `start` to `end` of a text become `text`, for `reason`."""

    start: int
    end: int
    text: str
    reason: str


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """The text after the edits."""
    pieces: list[str] = []
    position = 0
    for edit in edits:
        pieces += (text[position : edit.start], edit.text)
        position = edit.end
    pieces.append(text[position:])
    return "".join(pieces)


def compose(first: list[Edit], middle: str, second: list[Edit]) -> list[Edit]:
    """The edits that do at once what `first` and then `second` do. `middle` is the text after `first`.

    Edits of `second` that touch what `first` wrote are joined with it into one edit, whose reason names both
    (`markup+space`), because the offsets of the second have no counterpart in the first text.
    """
    if not first or not second:
        return first or second
    result: list[Edit] = []
    i = j = shift = 0  # an offset of the middle text less `shift` is an offset of the first text
    while i < len(first) or j < len(second):
        if j == len(second):
            result.append(first[i])
            i += 1
            continue
        if i == len(first):
            result.append(_moved(second[j], -shift))
            j += 1
            continue
        start, end = first[i].start + shift, first[i].start + shift + len(first[i].text)
        if second[j].end < start:
            result.append(_moved(second[j], -shift))
            j += 1
        elif end < second[j].start:
            result.append(first[i])
            shift += _growth(first[i])
            i += 1
        else:
            # A cluster: grow it while either side has an edit that meets it.
            low, high = min(start, second[j].start), max(end, second[j].end)
            source, target, before = i, j, shift
            growing = True
            while growing:
                growing = False
                while i < len(first) and first[i].start + shift <= high:
                    high = max(high, first[i].start + shift + len(first[i].text))
                    shift += _growth(first[i])
                    i += 1
                    growing = True
                while j < len(second) and second[j].start <= high:
                    high = max(high, second[j].end)
                    j += 1
                    growing = True
            parts = [_moved(edit, -low) for edit in second[target:j]]
            reasons = dict.fromkeys(name for edit in (*first[source:i], *parts) for name in edit.reason.split("+"))
            result.append(Edit(low - before, high - shift, apply_edits(middle[low:high], parts), "+".join(reasons)))
    return result


def trimmed(start: int, before: str, after: str, reason: str) -> Edit:
    """The edit of `before` (which begins at `start`) to `after`, without the ends that are equal."""
    most = min(len(before), len(after))
    head = _largest(most, lambda size: before[:size] == after[:size])
    tail = _largest(most - head, lambda size: not size or before[-size:] == after[-size:])
    return Edit(start + head, start + len(before) - tail, after[head : len(after) - tail], reason)


def _largest(most: int, equal: Callable[[int], bool]) -> int:
    """The largest size up to `most` for which the ends are equal, by bisection."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if equal(middle) else (low, middle - 1)
    return low


def _moved(edit: Edit, offset: int) -> Edit:
    return Edit(edit.start + offset, edit.end + offset, edit.text, edit.reason)


def _growth(edit: Edit) -> int:
    return len(edit.text) - (edit.end - edit.start)
