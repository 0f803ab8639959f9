"""Records from a function of the user's own.

The function is called as `read(options, place)`: the source's `options`, and the file or folder that its `path` names (without
one, the recipe's folder). It gives, one after another, a text or a mapping:

    {"text": ..., "label": ..., "url": ..., "created": ..., "meta": {...}}    a record; all but the text may be missing
    {"error": "why", "where": "chat.log:12"}                                  what could not be read: it goes to quarantine

An exception ends the run, with the user's file and line; the records before it are not kept.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from danlu.collect.locate import SourceFile
from danlu.collect.readers.fields import to_record
from danlu.collect.records import Layout, Record, Rejected
from danlu.documents.schema import MOST_BYTES
from danlu.recipe.sources import CustomSource
from danlu.workspace.errors import DanluError
from danlu.workspace.extension import blaming, load_function, require
from danlu.workspace.messages import listed

FIELDS = ("text", "label", "url", "created", "meta", "error", "where")


def read_custom(
    source: CustomSource, place: SourceFile, base: Path, *, labelled: bool, most: int = MOST_BYTES
) -> Iterator[Record | Rejected]:
    """What the function of a source gives, numbered from 1. `labelled`: a record without a label is rejected."""
    read = load_function(source.read, base, "source", ("options", "place"))
    layout = Layout("custom", label="label" if labelled else None)
    with blaming(source.read, base):
        items = read(dict(source.options), place.path)
        many = isinstance(items, Iterable) and not isinstance(items, str | bytes | Mapping)
        require(many, "source", source.read, items)
        for ordinal, item in enumerate(items, 1):
            fields = {"text": item} if isinstance(item, str) else item
            where = f"{place.name}:{ordinal}"
            if not isinstance(fields, Mapping):
                yield Rejected(where, "not-text", {"type": type(item).__name__})
                continue
            _require_fields(source, where, fields)
            where = str(fields.get("where") or where)
            if "error" in fields:
                yield Rejected(where, "custom", {"reason": str(fields["error"])})
            else:
                yield _record(place, layout, ordinal, where, fields, most)


def _record(
    place: SourceFile, layout: Layout, ordinal: int, where: str, fields: Mapping[str, object], most: int
) -> Record | Rejected:
    found = to_record(place, layout, ordinal, where, fields, most)
    meta = fields.get("meta")
    if isinstance(found, Rejected) or meta is None:
        return found
    try:
        plain = json.loads(json.dumps(meta, ensure_ascii=False, allow_nan=False))
        json.dumps(plain, ensure_ascii=False).encode("utf-8")
    except (TypeError, ValueError) as error:  # also a lone surrogate
        return Rejected(where, "meta", {"reason": str(error)})
    if not isinstance(plain, dict):
        return Rejected(where, "meta", {"reason": type(meta).__name__})
    return dataclasses.replace(found, meta=plain)


def _require_fields(source: CustomSource, where: str, fields: Mapping[str, object]) -> None:
    for name in fields:
        if name not in FIELDS:
            near = difflib.get_close_matches(str(name), FIELDS, n=1, cutoff=0.4) or FIELDS
            raise DanluError("extension.record", where=where, name=source.read, field=name, near=listed(near))
