"""JSON lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator

from danlu.collect.encoding import Line
from danlu.collect.locate import SourceFile
from danlu.collect.readers.fields import require_columns, to_record, wanted_columns
from danlu.collect.readers.plain import good_lines
from danlu.collect.records import Layout, Record, Rejected
from danlu.documents.schema import MOST_BYTES

_LOOKED_AT = 1000  # so many objects of which none has the key: the recipe is wrong, not the file


def read_jsonl(file: SourceFile, layout: Layout, most: int = MOST_BYTES) -> Iterator[Record | Rejected]:
    """Objects as records. A line that is no object is rejected; DanluError if no object has the keys asked for."""
    without = 0
    has_keys = False
    columns: list[str] = []
    # a line holds more than the text, and `\uXXXX` is six bytes for two or three; the text itself is measured later
    for line in good_lines(file, 2 * most):
        if isinstance(line, Rejected):
            yield line
            continue
        if not line.text.strip():
            continue
        where = f"{file.name}:{line.number}"
        fields = _object(line)
        if fields is None:
            yield Rejected(where, "json")
            continue
        if not has_keys:
            has_keys = all(key in fields for key in wanted_columns(layout))
            columns = columns or list(fields)
            without += not has_keys
            if without > _LOOKED_AT:
                break
        yield to_record(file, layout, line.number, where, fields, most)
    if without and not has_keys:
        require_columns(file, layout, columns)


def _object(line: Line) -> dict[str, object] | None:
    try:
        value = json.loads(line.text)
    except (ValueError, RecursionError):  # broken, a number of thousands of digits, nested thousands deep
        return None
    return value if isinstance(value, dict) else None
