"""The account of a cleaning: all that its page says, read from the artifacts at the time the page is asked for.

Nothing here decides anything. Texts are those after repair (`clean.normalise`), where personal data is masked already.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from danlu.clean.duplicates import choose_clusters, describe_cluster, read_pairs
from danlu.clean.examples import Example, choose_examples, choose_of_reason, describe_example, different
from danlu.clean.judged import Cleaning, Judged, Scores, read_judged, read_texts, rules_of
from danlu.clean.model_rules import UNSHOWN
from danlu.clean.own import FACTS
from danlu.clean.preset import FAMILIES
from danlu.clean.verdicts import KEPT, NEAR, REPEAT
from danlu.clean.whatif import NOT_ASKED, Asked, ask, choose_tried, merged, tried
from danlu.workspace.files import read_json

TOKEN_BYTES = 4.0  # of text in a token, about; what is said in tokens is an estimate


def account(cleaning: Cleaning) -> dict[str, Any]:
    """The facts of the page, plain but for `tried`, which holds arrays (see `danlu.clean.whatif.tried`)."""
    facts, table = read_json(cleaning.decided / "facts.json"), read_judged(cleaning)
    scores = Scores(cleaning.scored / "scores.parquet", table.ids)
    words, lines = scores["words"], scores["lines"]
    rows, fails = choose_tried(table.ids), np.zeros(len(table.bytes), bool)
    rules: list[dict[str, Any]] = []
    codes: dict[str, NDArray[np.uint8]] = {}
    examples: dict[str, list[Example]] = {}
    for name, rule in rules_of(cleaning).items():  # a rule at a time: its scores are let go before the next are read
        values = scores[name]
        if asked := ask(name, rule, values, table.families, words, lines):
            rules.append({"name": name, "rule": rule._asdict(), "panels": [_panel(one, table) for one in asked]})
            examples[name] = choose_examples(table, name, values, asked) if name not in UNSHOWN else []
            codes[name] = merged(asked)[rows]
            for one in asked:
                fails |= one.fails(one.place)
    for reason in table.reasons.names:
        if reason not in (KEPT, REPEAT, NEAR, *examples):
            examples[reason] = choose_of_reason(table, reason)
    pairs = read_pairs(cleaning, table.ids)
    clusters = choose_clusters(table, pairs)
    wanted = {one.row for found in examples.values() for one in found} | {row for one in clusters for row, _ in one.members}
    texts = read_texts(cleaning.normalised / "documents", sorted(wanted))
    return {
        "name": cleaning.name,
        "preset": cleaning.config.preset,
        "documents": facts["documents"],
        "bytes": facts["bytes"],
        "languages": _languages(table),
        "losses": _losses(table),
        "own_rules": facts.get(FACTS, {}),
        "rules": rules,
        "examples": {
            name: different(describe_example(table, one, name, texts[one.row]) for one in found if one.row in texts)
            for name, found in examples.items()
        },
        "clusters": [describe_cluster(table, one, texts) for one in clusters],
        "found": {
            "leaks": facts.get("leaks", {}),
            "personal": read_json(cleaning.normalised / "facts.json").get("personal", {}),
            "actions": dict(cleaning.config.pii.actions(cleaning.config.preset)),
            "units": facts.get("units"),
            **{role: read_json(path / "facts.json") for role, path in cleaning.learned.items()},
        },
        "repeats": {"documents": len(pairs.goes), "clusters": len(np.unique(pairs.stays))},
        "tried": tried(table, fails, codes, rows, pairs, cleaning.config.dedup.keep),
        # Without their examples: these show texts as they came, from before personal data is masked.
        "repairs": {**read_json(cleaning.normalised / "facts.json"), "examples": []},
    }


def _languages(table: Judged) -> dict[str, dict[str, int]]:
    """Documents and bytes before cleaning, by language."""
    names, codes = table.languages.names, table.languages.codes
    documents = np.bincount(codes, minlength=len(names)).tolist()
    size = np.bincount(codes, table.bytes, len(names)).tolist()
    return {name: {"documents": documents[code], "bytes": int(size[code])} for code, name in enumerate(names)}


def _losses(table: Judged) -> list[dict[str, Any]]:
    """Documents, bytes and tokens (about) that went, by reason and language."""
    kinds = len(table.languages.names)
    both = table.reasons.codes * kinds + table.languages.codes
    documents, size = np.bincount(both), np.bincount(both, table.bytes)
    return [
        {
            "reason": table.reasons.names[code // kinds],
            "language": table.languages.names[code % kinds],
            "documents": int(documents[code]),
            "bytes": int(size[code]),
            "tokens": round(size[code] / TOKEN_BYTES),
        }
        for code in np.flatnonzero(documents).tolist()
        if table.reasons.names[code // kinds] != KEPT
    ]


def _panel(one: Asked, table: Judged) -> dict[str, Any]:
    """A rule in a language family: its cuts, how many documents lie between them, how many fail and how many it took."""
    counts = np.bincount(one.codes, minlength=NOT_ASKED)[: len(one.cuts) + 1]
    took = table.reasons.among(one.rule) & (table.families == FAMILIES.index(one.family))
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
