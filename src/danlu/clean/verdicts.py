"""Verdicts from columns: which rule a document fails first, which documents to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from danlu.clean.preset import FAMILIES, Rule

KEPT, EMPTY, REPEAT, NEAR, HELDOUT = "", "empty", "repeat", "near", "heldout"
UNIT = "repeat_"  # with `line` or `paragraph`: all of a document stands elsewhere
LOST = "quarantine"  # of a part that killed whoever scored, searched or wrote it
BORDERLINE = 3  # examples of each reason and language nearest to the threshold
TYPICAL = 3  # and others, by digest


class Verdicts(NamedTuple):
    """Why each document goes, "" where it stays; the score that failed and its threshold, NaN where there is none."""

    reasons: NDArray[np.object_]  # [documents] of str
    values: NDArray[np.float64]
    thresholds: NDArray[np.float64]


class Fails:
    """Every reason for which each document could go, however many: as columns of (row, reason), filled reason by reason."""

    def __init__(self, documents: int) -> None:
        self.documents = documents
        self.names: list[str] = []
        self._rows: list[NDArray[np.int64]] = []
        self._codes: list[NDArray[np.int64]] = []

    def add(self, name: str, which: NDArray[np.bool_]) -> None:
        """`which` of the documents have this reason, bool[documents]. Reasons come in the order in which they decide."""
        rows = np.flatnonzero(which)
        if len(rows):
            self.add_each(rows, [name] * len(rows))

    def add_each(self, rows: NDArray[np.int64], names: Sequence[str]) -> None:
        """A reason for each of some rows."""
        places = {name: place for place, name in enumerate(self.names)}
        for name in sorted(set(names) - set(places)):
            places[name] = len(self.names)
            self.names.append(name)
        self._rows.append(np.asarray(rows, np.int64))
        self._codes.append(np.array([places[name] for name in names], np.int64))

    def column(self) -> pa.ListArray:
        """The reasons of each document, list of strings [documents]."""
        rows, codes = (np.concatenate([*some, np.zeros(0, np.int64)]) for some in (self._rows, self._codes))
        order = np.lexsort((codes, rows))
        ends = np.zeros(self.documents + 1, np.int32)
        np.cumsum(np.bincount(rows, minlength=self.documents), out=ends[1:])
        reasons = pa.DictionaryArray.from_arrays(pa.array(codes[order]), pa.array(self.names, pa.string()))
        return pa.ListArray.from_arrays(pa.array(ends), reasons.cast(pa.string()))

    def counts(self, which: NDArray[np.bool_]) -> dict[str, int]:
        """How many of some documents, bool[documents], have each reason, in the order in which they decide."""
        found = np.zeros(len(self.names), np.int64)
        for rows, codes in zip(self._rows, self._codes, strict=True):
            found += np.bincount(codes[which[rows]], minlength=len(found))
        return {name: int(count) for name, count in zip(self.names, found, strict=True) if count}


def apply_rules(
    columns: Mapping[str, NDArray[Any]], families: NDArray[np.str_], rules: Mapping[str, Rule]
) -> tuple[Verdicts, Fails]:
    """The first rule that each document fails, and all that it fails. `columns` are the scores, and `characters`, `words` and
    `lines`."""
    size = len(families)
    values, limits = np.full(size, np.nan), np.full(size, np.nan)
    names = [KEPT, EMPTY, *rules]
    first = np.zeros(size, np.int16)  # index into `names`
    first[columns["characters"] == 0] = 1
    fails = Fails(size)
    fails.add(EMPTY, first == 1)
    of_family = [families == family for family in FAMILIES]
    for code, (name, rule) in enumerate(rules.items(), start=2):
        scores, every = columns[name], np.zeros(size, bool)
        for family, here in zip(FAMILIES, of_family, strict=True):
            threshold = rule.threshold(family)
            if threshold is None:
                continue
            # Scores are kept in single precision: a score equal to the threshold passes.
            failing = scores < np.float32(threshold) if rule.direction == "least" else scores > np.float32(threshold)
            failing &= here
            if not failing.any():
                continue
            failing &= (columns["words"] >= rule.least_words(family)) & (columns["lines"] >= rule.lines)
            every |= failing
            failing &= first == 0
            first[failing] = code
            values[failing], limits[failing] = scores[failing], threshold
        fails.add(name, every)
    return Verdicts(np.array(names, object)[first], values, limits), fails


def choose_examples(verdicts: Verdicts, families: NDArray[np.str_], ids: pa.StringArray) -> dict[str, list[int]]:
    """Rows worth a look for each reason: in each language the borderline ones first, then others by digest of their id.

    Ids are hashes, so their order is as good as random and the same on every machine.
    """
    chosen: dict[str, list[int]] = {}
    distance = np.abs(verdicts.values - verdicts.thresholds)
    going = np.flatnonzero(verdicts.reasons != KEPT)
    going = going[pc.sort_indices(ids.take(pa.array(going))).to_numpy()]
    reasons, codes = np.unique(verdicts.reasons[going].astype(str), return_inverse=True)
    for code, reason in enumerate(reasons.tolist()):
        of_reason = going[codes == code]
        for family in FAMILIES:
            by_id = of_reason[families[of_reason] == family]
            if not np.isnan(distance[by_id]).all():
                near = by_id[np.argsort(distance[by_id], kind="stable")[:BORDERLINE]].tolist()
                rest = by_id[: BORDERLINE + TYPICAL]
                rest = [row for row in rest.tolist() if row not in near]
            else:
                near, rest = by_id[:BORDERLINE].tolist(), by_id[BORDERLINE : BORDERLINE + TYPICAL].tolist()
            chosen.setdefault(reason, []).extend(near + rest[:TYPICAL])
    return chosen
