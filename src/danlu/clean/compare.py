"""Two cleanings of the same documents: what one keeps and the other drops, and why.

A cleaning is here a folder with `verdicts.parquet` and `documents/`: an artifact of `clean.decide`, or what `danlu clean --out`
wrote. Texts come from the side that kept them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from danlu.clean.examples import BORDERLINE
from danlu.clean.excerpts import excerpt
from danlu.clean.judged import Text, place_of, read_texts
from danlu.clean.preset import family
from danlu.clean.verdicts import KEPT
from danlu.workspace.errors import DanluError

VERDICTS = "verdicts.parquet"
_COLUMNS = ["id", "reason", "value", "threshold", "language", "bytes"]


@dataclass(frozen=True)
class Side:
    """One of the cleanings: what it is called and its folder."""

    name: str
    folder: Path


def compare(first: Side, second: Side) -> dict[str, Any]:
    """The facts of the page: how many documents each keeps, and the documents on which they differ by the reason of the side
    that drops them, with examples. DanluError if they have no document in common."""
    tables = [_read(side) for side in (first, second)]
    places = pc.index_in(tables[0]["id"], tables[1]["id"])
    common = pc.is_valid(places).to_numpy()
    if not common.any():
        raise DanluError("cleaning.nothing-in-common", where=str(second.folder), first=first.name, second=second.name)
    rows = (np.flatnonzero(common), places.filter(pc.is_valid(places)).to_numpy())
    reasons = [np.array(table["reason"].to_pylist(), object) for table in tables]
    kept = [reasons[side][rows[side]] == KEPT for side in (0, 1)]
    size = tables[0]["bytes"].to_numpy()[rows[0]]

    def amount(chosen: NDArray[np.bool_]) -> dict[str, int]:
        return {"documents": int(chosen.sum()), "bytes": int(size[chosen].sum())}

    drops = [
        _dropped(tables[side], reasons[side], rows[side][~kept[side] & kept[1 - side]], (first, second)[1 - side],
                 _place_among_kept(reasons[1 - side])[rows[1 - side][~kept[side] & kept[1 - side]]])
        for side in (0, 1)
    ]  # fmt: skip
    return {
        "names": [first.name, second.name],
        "common": amount(np.ones(len(size), bool)),
        "both": amount(kept[0] & kept[1]),
        "only": [amount(kept[0] & ~kept[1]), amount(kept[1] & ~kept[0])],
        "neither": amount(~kept[0] & ~kept[1]),
        "apart": [len(table) - len(size) for table in tables],  # documents that only one of them was given
        "drops": drops,
    }


def _dropped(
    table: pa.Table, reasons: NDArray[np.object_], rows: NDArray[np.int64], keeper: Side, places: NDArray[np.int64]
) -> list[dict[str, Any]]:
    """What a side drops and the other keeps, by reason, the largest first. `places`: where the keeper has each of `rows`."""
    found = []
    ids = np.array(table["id"].to_pylist(), object)
    distance = np.abs(pc.cast(table["value"], pa.float64()).to_numpy() - pc.cast(table["threshold"], pa.float64()).to_numpy())
    chosen: dict[str, NDArray[np.int64]] = {}
    for reason in sorted(set(reasons[rows].tolist())):
        among = np.flatnonzero(reasons[rows] == reason)
        near = among[np.lexsort((ids[rows[among]].astype(str), np.nan_to_num(distance[rows[among]])))][:BORDERLINE]
        rest = np.setdiff1d(among, near)
        chosen[reason] = np.concatenate((near, rest[np.argsort(ids[rows[rest]])][:BORDERLINE]))
        languages = np.array(table["language"].take(pa.array(rows[among])).to_pylist(), object)
        found.append(
            {
                "reason": reason,
                "documents": len(among),
                "bytes": int(table["bytes"].to_numpy()[rows[among]].sum()),
                "by_language": {str(tag): int((languages == tag).sum()) for tag in sorted(set(languages.tolist()))},
            }
        )
    wanted = np.unique(np.concatenate([places[each] for each in chosen.values()])) if chosen else np.zeros(0, np.int64)
    texts = _kept_texts(keeper.folder, wanted.tolist())
    for entry in found:
        which = [each for each in chosen[entry["reason"]].tolist() if int(places[each]) in texts]
        examples = zip(table.take(pa.array(rows[which])).to_pylist(), [texts[int(places[each])] for each in which], strict=True)
        entry["examples"] = [
            {
                **{name: row[name] for name in ("value", "threshold", "language")},
                "source": text.place,
                "kept": False,
                "text": excerpt(text.text, row["reason"], chinese=family(row["language"]) == "zh"),
            }
            for row, text in examples
        ]
    return sorted(found, key=lambda entry: (-entry["documents"], entry["reason"]))


def _read(side: Side) -> pa.Table:
    path = side.folder / VERDICTS
    if not path.is_file():
        raise DanluError("cleaning.no-verdicts", where=str(side.folder), name=side.name)
    return pq.read_table(path, columns=_COLUMNS, filters=[("part", "=", "documents")])


def _place_among_kept(reasons: NDArray[np.object_]) -> NDArray[np.int64]:
    """Where each kept document stands in `documents/`, int64[documents]; of the others nothing is said."""
    return np.cumsum(reasons == KEPT) - 1


def _kept_texts(folder: Path, places: Sequence[int]) -> dict[int, Text]:
    lines = sorted((folder / "documents").glob("part-*.jsonl"))
    if not lines:
        return read_texts(folder / "documents", places)
    found: dict[int, Text] = {}
    wanted, place = set(places), 0
    for path in lines:
        with path.open(encoding="utf-8") as file:
            for line in file:
                if place in wanted:
                    row = json.loads(line)
                    found[place] = Text(row["text"], place_of(row["source"], row["meta"]))
                place += 1
    return found
