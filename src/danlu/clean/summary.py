"""What a person asks of the cleaning: how much went, why, from where, and what it looked like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from danlu.clean.verdicts import HELDOUT, KEPT, REPEAT, Verdicts


class Described(Protocol):
    """The columns that the summary needs."""

    @property
    def sources(self) -> pa.ChunkedArray: ...
    @property
    def languages(self) -> pa.ChunkedArray: ...
    @property
    def bytes(self) -> NDArray[np.int64]: ...
    @property
    def training(self) -> NDArray[np.bool_]: ...


def summarise(
    columns: Described,
    verdicts: Verdicts,
    examples: Mapping[str, Sequence[int]],
    largest: Sequence[tuple[int, int]],
    texts: Mapping[int, str],
    datasets: Sequence[str],
    ways: NDArray[np.object_],
) -> dict[str, Any]:
    """The facts of the stage. `largest`: (row, number of copies) of the largest groups of repeats; `texts` by row; `ways`
    say how a document holds a test text (`danlu.clean.overlap.Found`).

    Counts are of the documents for training; `holdout` has those of the held-out documents.
    """
    kept = verdicts.reasons == KEPT
    reasons, by_source = _counts(columns, verdicts)
    leaked = {name: reasons.get(f"{HELDOUT}:{name}", {"documents": 0})["documents"] for name in (*datasets, "holdout")}
    leaks: dict[str, Counter[str]] = {}
    for row in np.flatnonzero(columns.training & (ways != "")).tolist():
        leaks.setdefault(verdicts.reasons[row].partition(":")[2], Counter())[ways[row]] += 1
    heldout = Counter(verdicts.reasons[~columns.training].tolist())
    return {
        "documents": _in_and_kept(np.ones(len(kept), np.int64), columns.training, kept),
        "bytes": _in_and_kept(columns.bytes, columns.training, kept),
        "reasons": reasons,
        "by_source": by_source,
        "examples": {
            reason: [
                {
                    "text": texts[row],
                    "source": columns.sources[row].as_py(),
                    "language": columns.languages[row].as_py(),
                    "value": _number(verdicts.values[row]),
                    "threshold": _number(verdicts.thresholds[row]),
                    **({"way": ways[row]} if ways[row] else {}),
                }
                for row in rows
            ]
            for reason, rows in examples.items()
        },
        "leaked": leaked,
        "leaks": {name: dict(sorted(counts.items())) for name, counts in sorted(leaks.items())},
        "repeats": {
            "documents": reasons.get(REPEAT, {"documents": 0})["documents"],
            "largest": [
                {"text": texts[row], "count": count, "language": columns.languages[row].as_py()} for row, count in largest
            ],
        },
        "holdout": {
            "documents": _in_and_kept(np.ones(len(kept), np.int64), ~columns.training, kept),
            "bytes": _in_and_kept(columns.bytes, ~columns.training, kept),
            "reasons": {reason: count for reason, count in sorted(heldout.items()) if reason != KEPT},
        },
    }


def _counts(columns: Described, verdicts: Verdicts) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, int]]]:
    """What went of the documents for training, by reason, and what was there and stayed, by source; in order of appearance."""
    kept = verdicts.reasons == KEPT
    table = pa.table(
        {
            "source": columns.sources,
            "language": columns.languages,
            "reason": pa.array(verdicts.reasons, pa.string()),
            "bytes": columns.bytes,
            "kept": kept.astype(np.int64),
            "bytes_kept": np.where(kept, columns.bytes, 0),
        }
    ).filter(pa.array(columns.training))
    asked: list[tuple[str, str]] = [("bytes", "count"), ("bytes", "sum"), ("kept", "sum"), ("bytes_kept", "sum")]
    by_source = {
        row["source"]: {
            "in": row["bytes_count"], "kept": row["kept_sum"],
            "bytes_in": row["bytes_sum"], "bytes_kept": row["bytes_kept_sum"],
        }
        for row in table.group_by("source", use_threads=False).aggregate(asked).to_pylist()
    }  # fmt: skip
    gone = table.filter(pc.field("reason") != KEPT).group_by(["reason", "language"], use_threads=False)
    reasons: dict[str, dict[str, Any]] = {}
    for row in gone.aggregate([("bytes", "count"), ("bytes", "sum")]).to_pylist():
        reason = reasons.setdefault(row["reason"], {"documents": 0, "bytes": 0, "by_language": {}})
        reason["documents"] += row["bytes_count"]
        reason["bytes"] += row["bytes_sum"]
        reason["by_language"][row["language"]] = row["bytes_count"]
    return reasons, by_source


def _in_and_kept(amounts: NDArray[np.int64], rows: NDArray[np.bool_], kept: NDArray[np.bool_]) -> dict[str, int]:
    return {"in": int(amounts[rows].sum()), "kept": int(amounts[rows & kept].sum())}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
