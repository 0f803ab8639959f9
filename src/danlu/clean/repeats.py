"""Repeats in the verdicts: who goes for whom, set by set, and what of it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from danlu.clean.parts import Part
from danlu.clean.survivors import choose, no_pairs, read_pairs
from danlu.clean.verdicts import HELDOUT, KEPT, NEAR, REPEAT, Verdicts
from danlu.recipe.clean import CleanConfig
from danlu.workspace.artifact import Artifact

HOLDOUT = "holdout"


class Known(Protocol):
    """The columns that are needed of all documents."""

    @property
    def ids(self) -> list[str]: ...
    @property
    def bytes(self) -> NDArray[np.int64]: ...
    @property
    def protected(self) -> NDArray[np.bool_]: ...
    @property
    def training(self) -> NDArray[np.bool_]: ...
    @property
    def rows(self) -> dict[Part, slice]: ...


class Repeats:
    """Who repeats whom, marked in the verdicts set by set: held-out documents first."""

    def __init__(self, columns: Known, verdicts: Verdicts, config: CleanConfig, pairs: Artifact | None) -> None:
        self.columns, self.verdicts, self.config = columns, verdicts, config
        self.pairs = no_pairs() if pairs is None else read_pairs(pairs / "pairs.parquet", columns.ids, config.dedup)
        self.twins = np.full(len(columns.ids), -1)  # rows; those of earlier cleanings come after these documents'
        self.names = (*columns.ids, *self.pairs.earlier)

    def drop(self, scans: dict[Part, pa.Table]) -> None:
        """Mark the repeats among the documents of the scanned parts."""
        config, columns, verdicts, known = self.config, self.columns, self.verdicts, len(self.pairs.earlier)
        if config.dedup.method == "none" or not scans:
            return
        own = np.zeros(len(columns.ids), bool)
        forms = np.full(len(columns.ids), "", object)
        for part, table in scans.items():
            own[columns.rows[part]] = True
            forms[columns.rows[part]] = table["form"].to_pylist()
        kept = verdicts.reasons == KEPT
        forms[~(own & kept)] = ""
        # A training text near to a held-out one is as good as that.
        tests = ~columns.training & ~own & kept if config.decontaminate else np.zeros(len(own), bool)
        earlier = np.ones(known, bool)
        choice = choose(
            forms.tolist(), self.pairs, np.append(own & kept | tests, earlier), np.append(columns.protected | tests, earlier),
            np.append(columns.bytes, np.zeros(known, np.int64)), self.names, config.dedup,
        )  # fmt: skip
        gone = np.flatnonzero(choice.twins[: len(own)] >= 0)
        twins = self.twins[gone] = choice.twins[gone]
        near = ~choice.exact[gone]
        verdicts.reasons[gone] = np.where(near, NEAR, REPEAT)
        verdicts.reasons[gone[np.append(tests, ~earlier)[twins]]] = f"{HELDOUT}:{HOLDOUT}"
        verdicts.values[gone[near]] = choice.similarity[gone[near]]
        verdicts.thresholds[gone[near]] = config.dedup.threshold

    def groups(self, reason: str) -> list[list[int]]:
        """Of the documents for training: the row that stays, and those that go for this reason and for it."""
        found: dict[int, list[int]] = {}
        for row in np.flatnonzero((self.verdicts.reasons == reason) & self.columns.training).tolist():
            found.setdefault(int(self.twins[row]), []).append(row)
        return [[twin, *rows] for twin, rows in found.items() if twin < len(self.columns.ids)]

    def twins_of(self, rows: Iterable[int]) -> set[int]:
        """Of the rows that go for another row of this cleaning, those others."""
        return {twin for row in rows if 0 <= (twin := int(self.twins[row])) < len(self.columns.ids)}

    def examples(self, rows: Iterable[int], texts: Mapping[int, str]) -> list[dict[str, Any]]:
        """Texts side by side, the one that goes and the one that stays (null if it is of an earlier cleaning)."""
        return [
            {
                "text": texts[row],
                "twin": texts.get(int(self.twins[row])),
                "similarity": round(float(self.verdicts.values[row]), 4),
                "ids": [self.columns.ids[row], self.names[self.twins[row]]],
            }
            for row in rows
        ]

    def twin_ids(self) -> list[str | None]:
        return [self.names[twin] if twin >= 0 else None for twin in self.twins.tolist()]
