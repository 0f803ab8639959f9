"""The account of a cleaning: all that its page says, read from the artifacts at the time the page is asked for.

Nothing here decides anything. Texts are those after repair (`clean.normalise`), where personal data is masked already.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from danlu.clean.excerpts import excerpt, pair_excerpts
from danlu.clean.own import FACTS, thresholds
from danlu.clean.parts import row_groups
from danlu.clean.preset import Rule, family
from danlu.clean.rules import document_rules, own_rules
from danlu.clean.verdicts import KEPT, REPEAT
from danlu.clean.whatif import NOT_ASKED, Asked, ask
from danlu.documents.store import document_parts
from danlu.recipe.clean import CleanConfig
from danlu.workspace.files import read_json

TOKEN_BYTES = 4.0  # of text in a token, about; what is said in tokens is an estimate
MOST_TRIED = 100_000  # documents of which a page tries out thresholds; of more, so many chosen by their ids (which are hashes)
REMOVED, BORDERLINE = 20, 20  # examples of each rule
CLUSTERS, COPIES, MOST_READ = (
    20,
    3,
    50,
)  # groups of duplicates shown, how many of each beside the one that stays, and read for that
JUDGED, GONE, STAYS, LEADS = 0, 1, 2, 4  # state of a document on the page: by rules; whatever they say; flag: copies of it went


@dataclass(frozen=True)
class Cleaning:
    """Where a cleaning lies: its decision, the repaired documents, their scores, and how it was asked for."""

    name: str
    decided: Path
    normalised: Path
    scored: Path
    config: CleanConfig


@dataclass(frozen=True)
class _Table:
    """The documents for training, in the order of their parts. All [documents]."""

    ids: pa.ChunkedArray
    reasons: NDArray[np.object_]
    languages: NDArray[np.object_]
    sources: NDArray[np.object_]
    families: NDArray[np.str_]
    bytes: NDArray[np.int64]
    protected: NDArray[np.bool_]
    scores: dict[str, NDArray[np.float64]]  # NaN of documents that were set aside


class _Pairs(NamedTuple):
    """Pairs of duplicates as rows of the table, and how similar they are. All [pairs]."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    cluster: NDArray[np.int64]
    similarity: NDArray[np.float32]


def account(cleaning: Cleaning) -> dict[str, Any]:
    """The facts of the page, plain but for `tried`, which holds arrays (see `tried`)."""
    facts = read_json(cleaning.decided / "facts.json")
    rules = rules_of(cleaning)
    table = _read(cleaning, rules)
    asked = ask(table.scores, table.families, rules)
    pairs = _in_rows(table.ids, _read_pairs(cleaning))
    examples = _examples(table, asked)
    clusters = _clusters(table, pairs)
    wanted = {row for found in examples.values() for row, _ in found} | {
        row for rows, _ in clusters for row in rows[:MOST_READ]
    }
    texts = read_texts(cleaning.normalised / "documents", sorted(wanted))
    by_rule = {name: [one for one in asked if one.rule == name] for name in rules}
    return {
        "name": cleaning.name,
        "preset": cleaning.config.preset,
        "documents": facts["documents"],
        "bytes": facts["bytes"],
        "languages": _languages(table),
        "losses": _losses(table),
        "own_rules": facts.get(FACTS, {}),
        "rules": [
            {"name": name, "panels": [_panel(one, table) for one in panels]} for name, panels in by_rule.items() if panels
        ],
        "examples": {
            name: _different(
                _example(table, by_rule.get(name, []), name, row, near, texts[row]) for row, near in found if row in texts
            )
            for name, found in examples.items()
        },
        "clusters": [_cluster(table, rows, similar, texts) for rows, similar in clusters],
        "repeats": {"documents": len(np.unique(pairs.second)), "clusters": len(np.unique(pairs.cluster))},
        "tried": tried(table, asked, pairs),
        "repairs": read_json(cleaning.normalised / "facts.json"),
    }


def rules_of(cleaning: Cleaning) -> dict[str, Rule]:
    """The rules that decided, in order, with those of the user's own."""
    return document_rules(cleaning.config) | thresholds(cleaning.scored, own_rules(cleaning.config))


def read_texts(documents: Path, rows: Sequence[int]) -> dict[int, str]:
    """The texts of some rows (ascending) of all parts together; a row group that has none of them is not read."""
    found: dict[int, str] = {}
    wanted = np.array(rows, np.int64)
    begin = 0
    for path in document_parts(documents):
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                end = begin + file.metadata.row_group(group).num_rows
                here = wanted[(wanted >= begin) & (wanted < end)]
                if len(here):
                    texts = file.read_row_group(group, columns=["text"])["text"].take(pa.array(here - begin))
                    found |= dict(zip(here.tolist(), texts.to_pylist(), strict=True))
                begin = end
    return found


def tried(table: _Table, asked: Sequence[Asked], pairs: _Pairs) -> dict[str, Any]:
    """What thresholds are tried out on: `state` and `bytes` of documents, `groups` (row, number of its group of equal ones),
    `codes` by rule; `of` is how many documents they stand for.

    A document is judged by rules alone where its verdict says what the rules say, and of equal ones the first that passes stays;
    any other (protected, of a test text, not scored) is what it was whatever the thresholds.
    """
    count = len(table.reasons)
    names = list(dict.fromkeys(one.rule for one in asked))
    fails = np.zeros(count, bool)
    for one in asked:
        fails |= one.fails(one.place)
    kept = table.reasons == KEPT
    by_rule = np.isin(table.reasons.astype(str), names)
    exact = table.reasons == REPEAT
    state = np.where(kept, STAYS, GONE).astype(np.uint8)
    state[((kept & ~fails) | (by_rule & fails)) & ~table.protected] = JUDGED
    groups = np.zeros(count, np.uint32)
    leads = np.zeros(count, bool)
    equal = exact[pairs.second] | (table.protected[pairs.second] & (pairs.similarity == 1))
    groups[pairs.first[equal]] = groups[pairs.second[equal]] = pairs.first[equal] + 1
    grouped = exact & (groups > 0) & ~fails & (state[np.maximum(groups.astype(np.int64) - 1, 0)] != GONE)
    state[grouped] = JUDGED
    for rows in (pairs.first, pairs.second, pairs.cluster):
        leads[rows[~equal]] = True
    chosen = np.arange(count)
    if count > MOST_TRIED:
        limit = f"{int(2**64 * MOST_TRIED / count):016x}"
        chosen = np.flatnonzero(pc.less(table.ids, limit).to_numpy())
        state[exact] = GONE
        groups[:] = 0
    state[leads & kept] |= LEADS
    paired = np.flatnonzero((groups > 0) & (state & ~np.uint8(LEADS) != GONE))
    return {
        "of": count,
        "kept": int(kept.sum()),
        "rows": len(chosen),
        "state": state[chosen],
        "bytes": np.minimum(table.bytes[chosen], 2**32 - 1).astype(np.uint32),
        "groups": np.stack((paired, groups[paired])).astype(np.uint32),
        "families": np.searchsorted(("en", "other", "zh"), table.families[chosen]).astype(np.uint8),
        "codes": {name: _merged([one for one in asked if one.rule == name])[chosen] for name in names},
    }


def _merged(panels: Sequence[Asked]) -> NDArray[np.uint8]:
    """The codes of a rule in all families: no document is of two."""
    return np.minimum.reduce([one.codes for one in panels])


def _read(cleaning: Cleaning, rules: Iterable[str]) -> _Table:
    verdicts = pq.read_table(cleaning.decided / "verdicts.parquet", filters=[("part", "=", "documents")])
    names = ["words", "lines", *rules]
    scores = pq.read_table(
        cleaning.scored / "scores.parquet", columns=["id", "part", *names], filters=[("part", "=", "documents")]
    )
    places = pc.index_in(verdicts["id"], scores["id"])  # null where the part was set aside
    parts = document_parts(cleaning.normalised / "documents")  # their rows are those of the verdicts
    protected = [pq.read_table(path, columns=["protected"])["protected"].to_numpy() for path in parts]
    languages = np.array(verdicts["language"].to_pylist(), object)
    kinds, inverse = np.unique(languages.astype(str), return_inverse=True)
    return _Table(
        verdicts["id"],
        np.array(verdicts["reason"].to_pylist(), object),
        languages,
        np.array(verdicts["source"].to_pylist(), object),
        np.array([family(kind) for kind in kinds.tolist()], np.str_)[inverse] if len(kinds) else np.zeros(0, np.str_),
        verdicts["bytes"].to_numpy(),
        np.concatenate([np.zeros(0, bool), *protected]),
        {name: pc.cast(scores[name].take(places), pa.float64()).to_numpy() for name in names},
    )


def _languages(table: _Table) -> dict[str, dict[str, int]]:
    """Documents and bytes before cleaning, by language."""
    return {
        str(tag): {"documents": int((table.languages == tag).sum()), "bytes": int(table.bytes[table.languages == tag].sum())}
        for tag in sorted(set(table.languages.tolist()))
    }


def _losses(table: _Table) -> list[dict[str, Any]]:
    """Documents, bytes and tokens (about) that went, by reason and language."""
    columns = {"reason": table.reasons.tolist(), "language": table.languages.tolist(), "bytes": table.bytes}
    grouped = pa.table(columns).group_by(["reason", "language"]).aggregate([("bytes", "count"), ("bytes", "sum")])
    return [
        {
            "reason": row["reason"], "language": row["language"], "documents": row["bytes_count"],
            "bytes": row["bytes_sum"], "tokens": round(row["bytes_sum"] / TOKEN_BYTES),
        }
        for row in sorted(grouped.to_pylist(), key=lambda row: (row["reason"], row["language"]))
        if row["reason"] != KEPT
    ]  # fmt: skip


def _panel(one: Asked, table: _Table) -> dict[str, Any]:
    """A rule in a language family: its cuts, how many documents lie between them, how many fail and how many it took."""
    counts = np.bincount(one.codes[one.codes < len(one.cuts) + 1], minlength=len(one.cuts) + 1)
    took = (table.reasons == one.rule) & (table.families == one.family)
    return {
        "family": one.family,
        "direction": one.direction,
        "threshold": one.threshold,
        "cuts": [float(f"{cut:.6g}") for cut in one.cuts],
        "place": one.place,
        "counts": counts.tolist(),
        "asked": int(counts.sum()),
        "fails": int(one.fails(one.place).sum()),
        "took": int(took.sum()),
        "bytes": int(table.bytes[took].sum()),
    }


def _examples(table: _Table, asked: Sequence[Asked]) -> dict[str, list[tuple[int, bool]]]:
    """Rows worth a look for each rule, and whether each is borderline: first those nearest to its threshold that it took, then
    those that stay, then others that it took by order of their ids; and some for each other reason."""
    ids = np.array(table.ids.to_pylist(), object)
    kept = table.reasons == KEPT
    found: dict[str, list[tuple[int, bool]]] = {}
    for name in dict.fromkeys(one.rule for one in asked):
        panels = [one for one in asked if one.rule == name]
        each = -(-BORDERLINE // (2 * len(panels)))
        removed, stays, others = [], [], []
        for one in panels:
            values = table.scores[name]
            took = np.flatnonzero((table.reasons == name) & (table.families == one.family))
            passes = np.flatnonzero(kept & (one.codes != NOT_ASKED) & ~_common(values, one))
            removed += (near := _nearest(took, values, one.threshold, ids, each))
            stays += _nearest(passes, values, one.threshold, ids, each)
            rest = np.setdiff1d(took, near)
            others += rest[np.argsort(ids[rest])][: -(-REMOVED // len(panels))].tolist()
        found[name] = [(row, True) for row in removed + stays] + [(row, False) for row in others]
    for reason in sorted({*table.reasons.tolist()} - {KEPT, REPEAT, *found}):
        took = np.flatnonzero(table.reasons == reason)
        found[reason] = [(row, False) for row in took[np.argsort(ids[took])][:REMOVED].tolist()]
    return found


def _nearest(rows: NDArray[np.int64], values: NDArray[np.float64], threshold: float, ids: NDArray[Any], most: int) -> list[int]:
    distance = np.abs(values[rows] - threshold)
    if len(rows) > 50 * most:
        near = np.argpartition(distance, 10 * most)[: 10 * most]
        rows, distance = rows[near], distance[near]
    return rows[np.lexsort((ids[rows].astype(str), distance))][:most].tolist()


def _common(values: NDArray[np.float64], one: Asked) -> NDArray[np.bool_]:
    """Which documents have the score that most have: they are no borderline case (without a web address, say)."""
    asked = values[one.codes != NOT_ASKED]
    different, counts = np.unique(asked, return_counts=True)
    most = int(np.argmax(counts))
    return values == different[most] if counts[most] > len(asked) / 2 else np.zeros(len(values), bool)


def _example(table: _Table, panels: Sequence[Asked], reason: str, row: int, near: bool, text: str) -> dict[str, Any]:
    panel = next((place for place, one in enumerate(panels) if one.family == table.families[row]), None)
    value = float(table.scores[reason][row]) if panel is not None else None
    return {
        "panel": panel,
        "code": None if panel is None else int(panels[panel].codes[row]),
        "value": value,
        "threshold": None if panel is None else panels[panel].threshold,
        "near": near,
        "kept": bool(table.reasons[row] == KEPT),
        "source": str(table.sources[row]),
        "language": str(table.languages[row]),
        "text": excerpt(text, reason, chinese=table.families[row] == "zh"),
    }


def _different(examples: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without those that read as one before: a text that comes often is a lesson once."""
    found = {json.dumps([one["kept"], one["text"]]): one for one in reversed(list(examples))}
    return list(reversed(found.values()))


def _read_pairs(cleaning: Cleaning) -> pa.Table:
    """All pairs of duplicates that are known: exact ones from the decision, near ones of `clean.pairs` where it was made."""
    files = [cleaning.decided / "repeats.parquet", *_near(cleaning)]
    tables = [pq.read_table(path, columns=["first", "second", "similarity", "cluster"]) for path in files if path.exists()]
    schema = pa.schema(
        [("first", pa.string()), ("second", pa.string()), ("similarity", pa.float32()), ("cluster", pa.string())]
    )
    tables = [
        pa.table([column.cast(field.type) for column, field in zip(table.columns, schema, strict=True)], schema=schema)
        for table in tables
    ]
    return pa.concat_tables(tables) if tables else schema.empty_table()


def _near(cleaning: Cleaning) -> list[Path]:
    """Where near-duplicates were looked for: what the manifest of the decision names."""
    manifest = cleaning.decided / "manifest.json"
    inputs: Mapping[str, Any] = read_json(manifest)["inputs"] if manifest.exists() else {}
    names = [name for name in inputs.values() if isinstance(name, str) and name.startswith("clean.pairs-")]
    return [cleaning.decided.parent / name / "pairs.parquet" for name in names]


def _in_rows(ids: pa.ChunkedArray, pairs: pa.Table) -> _Pairs:
    """The pairs in rows; those with a document that is not for training are left out."""
    found = [pc.index_in(pairs[name], ids) for name in ("first", "second", "cluster")]
    whole = pc.and_(pc.and_(pc.is_valid(found[0]), pc.is_valid(found[1])), pc.is_valid(found[2]))
    first, second, cluster = (places.filter(whole).to_numpy().astype(np.int64) for places in found)
    return _Pairs(first, second, cluster, pairs["similarity"].filter(whole).to_numpy())


def _clusters(table: _Table, pairs: _Pairs) -> list[tuple[list[int], list[float]]]:
    """The largest clusters, and of near duplicates the most and the least similar: rows (the one that stays first) and their
    similarity to it."""
    members: dict[int, dict[int, float]] = {}
    for first, second, cluster, value in zip(*(column.tolist() for column in pairs), strict=True):
        found = members.setdefault(cluster, {})
        for row in (first, second):
            found[row] = max(found.get(row, 0.0), value)
    ids = table.ids

    def order(cluster: int) -> tuple[float, int, str]:
        return min(members[cluster].values()), -len(members[cluster]), str(ids[cluster])

    near = sorted((cluster for cluster in members if order(cluster)[0] < 1), key=order)
    exact = sorted((cluster for cluster in members if order(cluster)[0] >= 1), key=lambda cluster: order(cluster)[1:])
    chosen = near[: CLUSTERS // 2] + near[CLUSTERS // 2 :][-(CLUSTERS // 4) :]
    chosen += exact[: CLUSTERS - len(chosen)]
    result = []
    for cluster in chosen:
        found = members[cluster]
        kept = sorted(found, key=lambda row: (table.reasons[row] != KEPT, row))
        result.append((kept, [found[row] for row in kept]))
    return result


def _cluster(table: _Table, rows: list[int], similar: list[float], texts: Mapping[int, str]) -> dict[str, Any]:
    """A cluster side by side: the document that stays, and copies with what differs marked."""
    first, *others = [row for row in rows if row in texts]
    shown = list({texts[row]: row for row in reversed(others)}.values())[::-1][:COPIES]  # copies that read alike are shown once
    sides = [pair_excerpts(texts[first], texts[row]) for row in shown]
    return {
        "size": len(rows),
        "kept": bool(table.reasons[first] == KEPT),
        "language": str(table.languages[first]),
        "source": str(table.sources[first]),
        "copies": [
            {"source": str(table.sources[row]), "similarity": similar[rows.index(row)], "first": left, "text": right}
            for row, (left, right) in zip(shown, sides, strict=True)
        ],
    }
