"""Personal data among the repairs: which texts are searched, what is masked or recorded, and examples that show none of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from danlu.clean.rewrite import Rewritten
from danlu.recipe.personal import KINDS, Action
from danlu.text.edits import Edit, apply_edits, compose
from danlu.text.personal.find import LONGEST, REASON, candidates, find, masks, placeholder
from danlu.text.personal.span import Span
from danlu.text.repair import Repair

PERSONAL: pa.Schema = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),  # characters of the repaired text
        pa.field("end", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
    ]
)
CONTEXT = 40  # characters shown on either side of an edit
SHOWN = 400  # of an example at most


class Treated(NamedTuple):
    """What the pass for personal data did."""

    found: list[tuple[Span, ...]]  # of each text with any, what the recipe asks for: masked or recorded
    recorded: list[tuple[int, Span]]  # row and span in the text as it is now, where it stays as it is
    searched: int  # texts that patterns were run on


def treat_columns(
    made: Rewritten, texts: pa.ChunkedArray, actions: Mapping[str, Action], spared: NDArray[np.bool_]
) -> tuple[Rewritten, Treated]:
    """Mask or record what the recipe asks for in each text as it is after `made`, but in those that are spared.

    `actions` by kind; `drop` records. Only texts in which something is found become Python strings.
    """

    def repaired(row: int) -> Repair:
        now = str(texts[row])
        return Repair(now, made.edits.of(row, now))

    changed, treated = _treat(texts, repaired, actions, spared)
    return made.replaced(changed), treated


def treat(repairs: Sequence[Repair], actions: Mapping[str, Action]) -> tuple[list[Repair], Treated]:
    """The same of repairs one by one."""
    texts = pa.array([each.text for each in repairs], pa.large_string())
    changed, treated = _treat(texts, repairs.__getitem__, actions, np.zeros(len(repairs), bool))
    return [changed.get(row, each) for row, each in enumerate(repairs)], treated


def _treat(
    texts: Any, repaired: Callable[[int], Repair], actions: Mapping[str, Action], spared: NDArray[np.bool_]
) -> tuple[dict[int, Repair], Treated]:
    """The texts, by row, in which something was masked, as what `repaired` gives and then the masks."""
    changed: dict[int, Repair] = {}
    treated = Treated([], [], 0)
    if not actions:
        return changed, treated
    asked = candidates(texts)
    rows = np.flatnonzero((asked.flags > 0) & ~spared).tolist()
    for row in rows:
        spans = tuple(span for span in asked.find(row) if span.kind in actions)
        if not spans:
            continue
        treated.found.append(spans)
        edits = masks([span for span in spans if actions[span.kind] == "mask"])
        if edits:
            changed[row] = masked(repaired(row), edits)
        for span in spans:
            if actions[span.kind] != "mask":
                treated.recorded.append((row, Span(_place(span.start, edits), _place(span.end, edits), span.kind)))
    return changed, treated._replace(searched=len(rows))


def masked(repaired: Repair, edits: list[Edit]) -> Repair:
    """A repair and then these edits of its text."""
    return Repair(apply_edits(repaired.text, edits), compose(repaired.edits, repaired.text, edits))


def example(before: str, edit: Edit, edits: Sequence[Edit], source: str) -> dict[str, str]:
    """An edit in its context, as it was and as it is now with what is around it repaired too; personal data is masked on both
    sides, whatever the recipe does with it. `edits` are all of the text `before`."""
    low, high = max(0, edit.start - LONGEST), min(len(before), edit.end + LONGEST)
    for other in edits:
        if other.start < low < other.end:
            low = other.end
        if other.start < high < other.end:
            high = other.start
    piece = before[low:high]
    inner = [_moved(other, -low) for other in edits if low <= other.start and other.end <= high]
    repaired = apply_edits(piece, inner)
    after = compose(inner, repaired, masks(find(repaired)))
    seen = masks(find(piece))
    hidden = _joined([*seen, *(each for each in after if REASON in each.reason and _hides_more(each, seen))])
    start = max(0, edit.start - low - CONTEXT)
    end = min(len(piece), edit.end - low + CONTEXT, start + SHOWN)
    return {
        "reason": edit.reason,
        "before": _cut(piece, hidden, start, end),
        "after": _cut(piece, after, start, end),
        "source": source,
    }


def _hides_more(edit: Edit, seen: Sequence[Edit]) -> bool:
    """Whether an edit masks more values than are seen where it stands, because repair brought them to light (`&#64;`,
    full-width digits)."""
    here = sum(other.start < edit.end and edit.start < other.end for other in seen)
    return sum(edit.text.count(placeholder(kind)) for kind in KINDS) > here


def _joined(edits: list[Edit]) -> list[Edit]:
    """The edits by place; of those that overlap one, over all their characters."""
    result: list[Edit] = []
    for edit in sorted(edits):
        if result and edit.start < result[-1].end:
            result[-1] = result[-1]._replace(end=max(result[-1].end, edit.end))
        else:
            result.append(edit)
    return result


def _cut(text: str, edits: Sequence[Edit], start: int, end: int) -> str:
    """What becomes of characters `start` to `end` of a text; an edit that a border cuts is there whole."""
    whole = [edit for edit in edits if (edit.end > start and edit.start < end) or start <= edit.start == edit.end <= end]
    low = min([start, *(edit.start for edit in whole)])
    high = max([end, *(edit.end for edit in whole)])
    return apply_edits(text[low:high], [_moved(edit, -low) for edit in whole])[: 2 * SHOWN]


def _place(position: int, edits: Sequence[Edit]) -> int:
    """Where a position outside of the edits stands after them."""
    return position + sum(len(edit.text) - (edit.end - edit.start) for edit in edits if edit.end <= position)


def _moved(edit: Edit, offset: int) -> Edit:
    return edit._replace(start=edit.start + offset, end=edit.end + offset)
