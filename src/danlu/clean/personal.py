"""Personal data among the repairs: which texts are searched, what is masked or recorded, and examples that show none of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

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
    """Texts after the pass for personal data."""

    repairs: list[Repair]
    found: list[tuple[Span, ...]]  # of each text, what the recipe asks for: masked or recorded
    recorded: list[tuple[int, Span]]  # row and span in the text as it is now, where it stays as it is
    searched: int  # texts that patterns were run on


def treat(repairs: Sequence[Repair], actions: Mapping[str, Action]) -> Treated:
    """Mask or record what the recipe asks for in each text. `actions` by kind; `drop` records."""
    result = Treated(list(repairs), [()] * len(repairs), [], 0)
    if not actions:
        return result
    flags = candidates(pa.array([each.text for each in repairs], pa.large_string()))
    rows = np.flatnonzero(flags).tolist()
    for row in rows:
        spans = tuple(span for span in find(repairs[row].text, int(flags[row])) if span.kind in actions)
        result.found[row] = spans
        edits = masks([span for span in spans if actions[span.kind] == "mask"])
        result.repairs[row] = masked(repairs[row], edits)
        for span in spans:
            if actions[span.kind] != "mask":
                result.recorded.append((row, Span(_place(span.start, edits), _place(span.end, edits), span.kind)))
    return result._replace(searched=len(rows))


def treat_columns(
    made: Rewritten, texts: pa.ChunkedArray, actions: Mapping[str, Action], spared: NDArray[np.bool_]
) -> tuple[Rewritten, Treated]:
    """The same of many texts as they are after `made`, but those that are spared: only those that may hold something become
    Python strings. What was treated has the rows of `texts`."""
    rows = np.flatnonzero((candidates(texts) > 0) & ~spared).tolist() if actions else []
    repairs = [Repair(now, made.edits.of(row, now)) for row in rows for now in [str(texts[row])]]
    treated = treat(repairs, actions)
    changed = {row: now for row, was, now in zip(rows, repairs, treated.repairs, strict=True) if now is not was}
    return made.replaced(changed), treated._replace(recorded=[(rows[place], span) for place, span in treated.recorded])


def masked(repaired: Repair, edits: list[Edit]) -> Repair:
    """A repair and then these edits of its text."""
    if not edits:
        return repaired
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
