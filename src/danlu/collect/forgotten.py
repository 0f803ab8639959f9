"""Which documents are not read because a tombstone of the workspace names them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from danlu.text.canonical import canonical_digest
from danlu.workspace.run import Run
from danlu.workspace.tombstones import forgotten

LeftOut = Callable[[str, str], bool]


def left_out(run: Run) -> LeftOut:
    """Tells by id and text whether a document is forgotten: it was named, or its canonical text is a forgotten one's."""
    names = forgotten(run.output.parent.parent)  # <workspace>/artifacts/<stage>-<key>.partial
    if not names:
        return lambda identity, text: False
    return lambda identity, text: identity in names.ids or canonical_digest(text) in names.digests


def forgotten_of(facts: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """`{"forgotten": count}` for card, facts and counts; empty if nothing was left out, so that no payload changes for it."""
    count = sum(fact.get("forgotten", 0) for fact in facts)
    return {"forgotten": count} if count else {}
