"""Verdicts from columns: which rule a document fails first, which documents to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from danlu.clean.preset import FAMILIES, Rule

KEPT, EMPTY, REPEAT, NEAR, HELDOUT = "", "empty", "repeat", "near", "heldout"
LOST = "quarantine"  # of a part that killed whoever scored, searched or wrote it
BORDERLINE = 3  # examples of each reason and language nearest to the threshold
TYPICAL = 3  # and others, by digest


class Verdicts(NamedTuple):
    """Why each document goes, "" where it stays; the score that failed and its threshold, NaN where there is none."""

    reasons: NDArray[np.object_]  # [documents] of str
    values: NDArray[np.float64]
    thresholds: NDArray[np.float64]


def apply_rules(columns: Mapping[str, NDArray[np.float64]], families: NDArray[np.str_], rules: Mapping[str, Rule]) -> Verdicts:
    """The first rule that each document fails. `columns` are the scores, and `characters`, `words` and `lines`."""
    size = len(families)
    verdicts = Verdicts(np.full(size, KEPT, object), np.full(size, np.nan), np.full(size, np.nan))
    verdicts.reasons[columns["characters"] == 0] = EMPTY
    for name, rule in rules.items():
        for family in FAMILIES:
            threshold = rule.threshold(family)
            if threshold is None:
                continue
            scores = columns[name]
            # Scores are kept in single precision: a score equal to the threshold passes.
            fails = scores < np.float32(threshold) if rule.direction == "least" else scores > np.float32(threshold)
            fails &= (families == family) & (columns["words"] >= rule.least_words(family)) & (columns["lines"] >= rule.lines)
            fails &= verdicts.reasons == KEPT
            verdicts.reasons[fails] = name
            verdicts.values[fails] = scores[fails]
            verdicts.thresholds[fails] = threshold
    return verdicts


def choose_examples(verdicts: Verdicts, families: NDArray[np.str_], ids: Sequence[str]) -> dict[str, list[int]]:
    """Rows worth a look for each reason: in each language the borderline ones first, then others by digest of their id.

    Ids are hashes, so their order is as good as random and the same on every machine.
    """
    chosen: dict[str, list[int]] = {}
    distance = np.abs(verdicts.values - verdicts.thresholds)
    for reason in sorted(set(verdicts.reasons.tolist()) - {KEPT}):
        of_reason = verdicts.reasons == reason
        for family in FAMILIES:
            rows = np.flatnonzero(of_reason & (families == family)).tolist()
            by_id = sorted(rows, key=lambda row: ids[row])
            if rows and not np.isnan(distance[rows[0]]):
                near = sorted(by_id, key=lambda row: distance[row])[:BORDERLINE]
                rest = [row for row in by_id if row not in near]
            else:
                near, rest = by_id[:BORDERLINE], by_id[BORDERLINE:]
            chosen.setdefault(reason, []).extend(near + rest[:TYPICAL])
    return chosen
