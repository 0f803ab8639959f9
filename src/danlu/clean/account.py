"""The account of a cleaning: all that its page says, read from the artifacts at the time the page is asked for.

Nothing here decides anything. Texts are those after repair (`clean.normalise`), where personal data is masked already.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from danlu.clean.duplicates import MOST_READ, choose_clusters, describe_cluster, in_rows, read_pairs
from danlu.clean.examples import choose_examples, describe_example, different
from danlu.clean.judged import Cleaning, Judged, read_judged, read_texts, rules_of
from danlu.clean.own import FACTS
from danlu.clean.verdicts import KEPT
from danlu.clean.whatif import Asked, ask, tried
from danlu.workspace.files import read_json

TOKEN_BYTES = 4.0  # of text in a token, about; what is said in tokens is an estimate


def account(cleaning: Cleaning) -> dict[str, Any]:
    """The facts of the page, plain but for `tried`, which holds arrays (see `tried`)."""
    facts = read_json(cleaning.decided / "facts.json")
    rules = rules_of(cleaning)
    table = read_judged(cleaning, rules)
    asked = ask(table.scores, table.families, rules)
    pairs = in_rows(table.ids, read_pairs(cleaning))
    examples = choose_examples(table, asked)
    clusters = choose_clusters(table, pairs)
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
            name: different(
                describe_example(table, by_rule.get(name, []), name, row, near, texts[row])
                for row, near in found
                if row in texts
            )
            for name, found in examples.items()
        },
        "clusters": [describe_cluster(table, rows, similar, texts) for rows, similar in clusters],
        "repeats": {"documents": len(np.unique(pairs.second)), "clusters": len(np.unique(pairs.cluster))},
        "tried": tried(table, asked, pairs),
        "repairs": read_json(cleaning.normalised / "facts.json"),
    }


def _languages(table: Judged) -> dict[str, dict[str, int]]:
    """Documents and bytes before cleaning, by language."""
    return {
        str(tag): {"documents": int((table.languages == tag).sum()), "bytes": int(table.bytes[table.languages == tag].sum())}
        for tag in sorted(set(table.languages.tolist()))
    }


def _losses(table: Judged) -> list[dict[str, Any]]:
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


def _panel(one: Asked, table: Judged) -> dict[str, Any]:
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
