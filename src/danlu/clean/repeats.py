"""Repeats in the verdicts: who goes for whom, set by set, and what of it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from danlu.clean.survivors import choose, no_pairs, read_pairs
from danlu.clean.verdicts import HELDOUT, KEPT, NEAR, REPEAT, Verdicts
from danlu.recipe.clean import CleanConfig
from danlu.workspace.artifact import Artifact

HOLDOUT = "holdout"


class Known(Protocol):
    """The columns that are needed of all documents."""

    @property
    def ids(self) -> pa.StringArray: ...
    @property
    def bytes(self) -> NDArray[np.int64]: ...
    @property
    def protected(self) -> NDArray[np.bool_]: ...
    @property
    def training(self) -> NDArray[np.bool_]: ...


class Repeats:
    """Who repeats whom, marked in the verdicts set by set: held-out documents first.

    `forms`, int64[documents]: the least row of the same canonical form, -1 where the form is not known.
    """

    def __init__(
        self, columns: Known, verdicts: Verdicts, config: CleanConfig, pairs: Artifact | None, forms: NDArray[np.int64]
    ) -> None:
        self.columns, self.verdicts, self.config, self.forms = columns, verdicts, config, forms
        self.pairs = no_pairs() if pairs is None else read_pairs(pairs / "pairs.parquet", columns.ids, config.dedup)
        self.twins = np.full(len(columns.ids), -1)  # rows; those of earlier cleanings come after these documents'
        self.names: pa.StringArray = pa.concat_arrays([columns.ids, pa.array(self.pairs.earlier, pa.string())])

    def drop(self, own: NDArray[np.bool_]) -> None:
        """Mark the repeats among some documents, bool[documents]."""
        config, columns, verdicts, known = self.config, self.columns, self.verdicts, len(self.pairs.earlier)
        if config.dedup.method == "none" or not own.any():
            return
        kept = verdicts.reasons == KEPT
        same, rows = np.arange(len(own)), np.flatnonzero(own & kept & (self.forms >= 0))
        first = np.empty_like(same)
        first[self.forms[rows[::-1]]] = rows[::-1]  # the last to be written is the least
        same[rows] = first[self.forms[rows]]
        # A training text near to a held-out one is as good as that.
        tests = ~columns.training & ~own & kept if config.decontaminate else np.zeros(len(own), bool)
        earlier = np.ones(known, bool)
        choice = choose(
            same, self.pairs, np.append(own & kept | tests, earlier), np.append(columns.protected | tests, earlier),
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
                "ids": [self.names[row].as_py(), self.names[self.twins[row]].as_py()],
            }
            for row in rows
        ]

    def twin_ids(self) -> pa.StringArray:
        """Of each document the id of the one that stays in its place, null where there is none."""
        return self.names.take(pa.array(self.twins, mask=self.twins < 0))
