"""Which documents are not read because a tombstone of the workspace names them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa

from danlu.text.canonical import canonical_digest
from danlu.workspace.run import Run
from danlu.workspace.tombstones import forgotten


def kept_documents(run: Run) -> Callable[[pa.Table], pa.Table]:
    """A function that leaves of rows with `id` and `text` those that are not forgotten: neither was the document named, nor is
    its canonical text a forgotten one's."""
    names = forgotten(run.output.parent.parent)  # <workspace>/artifacts/<stage>-<key>.partial
    if not names:
        return lambda table: table

    def kept(table: pa.Table) -> pa.Table:
        rows = zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True)
        mask = [identity not in names.ids and canonical_digest(text) not in names.digests for identity, text in rows]
        return table if all(mask) else table.filter(pa.array(mask))

    return kept


def forgotten_of(facts: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """`{"forgotten": count}` for card, facts and counts; empty if nothing was left out, so that no payload changes for it."""
    count = sum(fact.get("forgotten", 0) for fact in facts)
    return {"forgotten": count} if count else {}
