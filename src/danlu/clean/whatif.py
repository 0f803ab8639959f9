"""Thresholds tried out: each score reduced to its place among the thresholds that a page offers, without losing a verdict.

A slider can only stand on one of a rule's `cuts`. Whether a score fails at a cut depends only on how many cuts it lies beyond:
this number, one byte a document, is all that a page needs to say exactly which documents fail at every place of the slider.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from danlu.clean.duplicates import Pairs
from danlu.clean.judged import Judged
from danlu.clean.preset import FAMILIES, Direction, Family, Rule
from danlu.clean.verdicts import KEPT, REPEAT

NOT_ASKED = 255
STEPS = 100  # of a slider, about
MOST_TRIED = 100_000  # documents of which a page tries out thresholds; of more, so many chosen by their ids (which are hashes)
JUDGED, GONE, STAYS, LEADS = 0, 1, 2, 4  # state of a document: by rules; whatever they say (2); flag: near copies of it went


class Asked(NamedTuple):
    """A rule in a language family: its threshold, the thresholds to try in ascending order float32[cuts], and of each document
    uint8[documents] how many of these its score lies beyond (`NOT_ASKED` where the rule says nothing of it)."""

    rule: str
    family: Family
    direction: Direction
    threshold: float
    cuts: NDArray[np.float32]
    codes: NDArray[np.uint8]

    @property
    def place(self) -> int:
        """Which of the cuts is the threshold."""
        return int(np.flatnonzero(self.cuts == np.float32(self.threshold))[0])

    def fails(self, place: int) -> NDArray[np.bool_]:
        """Which documents fail at a cut, bool[documents]."""
        beyond = self.codes > place if self.direction == "most" else self.codes <= place
        return np.asarray(beyond & (self.codes != NOT_ASKED))


def ask(
    name: str, rule: Rule, values: NDArray[np.float32], families: NDArray[np.uint8], words: NDArray[Any], lines: NDArray[Any]
) -> list[Asked]:
    """A rule in every family where it has a threshold and is asked of a document. `values` are its scores, `families` indices
    into `FAMILIES`, `words` and `lines` how many a document has. All [documents]."""
    found = []
    for index, family in enumerate(FAMILIES):
        threshold = rule.threshold(family)
        if threshold is None:
            continue
        asked = (families == index) & (words >= rule.least_words(family)) & (lines >= rule.lines) & ~np.isnan(values)
        if asked.any():
            cuts = choose_cuts(values[asked], threshold)
            codes = np.full(len(values), NOT_ASKED, np.uint8)
            codes[asked] = _place(values[asked], cuts, rule.direction)
            found.append(Asked(name, family, rule.direction, threshold, cuts, codes))
    return found


def choose_cuts(values: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """About `STEPS` round numbers, ascending, over the range of nearly all values and on both sides of the threshold, which is
    one of them."""
    low, high = (float(edge) for edge in np.quantile(values, (0.001, 0.999)))
    whole = bool(np.all(values == np.round(values)))
    if threshold >= 10 * high > 0:  # a limit that nothing comes near: the values alone are worth looking at
        low, high = min(low, high), high
    else:
        low, high = min(low, threshold / 2), max(high, threshold * 1.5)
        if max(threshold, values.max()) <= 1:  # a share
            high = min(high, 1.0)
    if whole and high > STEPS:  # counts of a wide range: what matters are the small ones
        cuts = np.array(
            [math.floor(max(low, 0.0)), *(float(f"{value:.2g}") // 1 for value in np.geomspace(max(low, 1.0), high, STEPS))]
        )
    else:
        step = _round_step((high - low) / STEPS, 1.0 if whole else 0.0)
        cuts = np.arange(math.floor(low / step), math.ceil(high / step) + 1) * step
    return np.unique(np.append(np.round(cuts, 10), threshold).astype(np.float32))


def _round_step(least: float, whole: float) -> float:
    """The next number of the form 1, 2 or 5 times a power of ten; at least `whole`."""
    if least <= 0:
        return whole or 0.01
    power = 10.0 ** math.floor(math.log10(least))
    return max(whole, next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * 0.999))


def _place(values: NDArray[np.float32], cuts: NDArray[np.float32], direction: Direction) -> NDArray[np.uint8]:
    """How many cuts a score lies beyond: above them if it may be at most so much, at or above them if at least."""
    return np.searchsorted(cuts, values, "left" if direction == "most" else "right").astype(np.uint8)


def choose_tried(ids: pa.ChunkedArray) -> NDArray[np.int64]:
    """Rows of the documents that a page tries thresholds on: all, or about `MOST_TRIED` by chance, the same ones always."""
    if len(ids) <= MOST_TRIED:
        return np.arange(len(ids))
    # Ids are hashes. Not by their beginnings: of equal documents the one with the least id may be the one that stays.
    limit = f"{int(2**64 * MOST_TRIED / len(ids)):016x}"
    return np.flatnonzero(pc.less(pc.utf8_slice_codeunits(ids, 16), limit).to_numpy())


def tried(
    table: Judged,
    fails: NDArray[np.bool_],
    codes: Mapping[str, NDArray[np.uint8]],
    rows: NDArray[np.int64],
    pairs: Pairs,
    keep: str = "first",
) -> dict[str, Any]:
    """What thresholds are tried out on: `state` and `bytes` of documents, `groups` (row, number of its group of equal ones; in
    the order in which they would stay, by `keep` of the recipe), `codes` by rule; `of` is how many documents they stand for.
    `fails`: whether a document fails any rule, bool[documents]; `codes` and what is returned are of the documents at `rows`.

    A document is judged by rules alone where its verdict says what the rules say, and of equal ones the best that passes
    stays; any other (protected, near to another, of a test text, not scored) is what it was whatever the thresholds.
    """
    count = len(fails)
    kept, exact, by_rule = (table.reasons.among(*names) for names in ((KEPT,), (REPEAT,), tuple(codes)))
    state = np.where(kept, STAYS, GONE).astype(np.uint8)
    state[((kept & ~fails) | (by_rule & fails)) & ~table.protected] = JUDGED
    groups = np.zeros(count, np.uint32)
    equal = exact[pairs.goes]
    if len(rows) == count:  # of a sample, the best of a group may be missing
        groups[pairs.stays[equal]] = groups[pairs.goes[equal]] = pairs.stays[equal] + 1
        leader = state[np.maximum(groups.astype(np.int64) - 1, 0)]
        state[exact & (groups > 0) & ~fails & (leader != GONE)] = JUDGED
    paired = np.flatnonzero((groups > 0) & (state != GONE))
    names = np.array(table.ids.take(pa.array(paired)).to_pylist(), np.str_)
    merit = paired if keep == "first" else -table.bytes[paired]
    paired = paired[np.lexsort((names, merit, ~table.protected[paired]))]
    leads = np.zeros(count, bool)
    leads[pairs.stays[~equal]] = True
    state[leads & kept] |= LEADS
    return {
        "of": count,
        "kept": int(kept.sum()),
        "rows": len(rows),
        "state": state[rows],
        "bytes": np.minimum(table.bytes[rows], 2**32 - 1).astype(np.uint32),
        "groups": np.stack((paired, groups[paired])).astype(np.uint32),
        "families": table.families[rows],
        "codes": dict(codes),
    }


def merged(panels: Sequence[Asked]) -> NDArray[np.uint8]:
    """The codes of a rule in all families, uint8[documents]: no document is of two."""
    return np.asarray(np.minimum.reduce([one.codes for one in panels]))
