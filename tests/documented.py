"""The schemas that docs/events.md prints, as data: what tests hold real lines to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"
TYPES: dict[str, Any] = {"int": int, "float": (int, float, type(None)), "str": str, "dict": dict, "list": list}

Schema = dict[str, dict[str, str]]


def tables(page: Path = DOCS / "events.md") -> list[Schema]:
    """The tables of the page: the fields of every line, then for events and for metrics kind -> field -> type."""
    blocks = re.findall(r"(?:^\|.*\n)+", page.read_text(encoding="utf-8"), re.MULTILINE)
    rows = [[[cell.strip() for cell in row.strip("|").split("|")] for row in block.splitlines()[2:]] for block in blocks]
    common = {"": {name.strip("`"): kind for name, kind, _ in rows[0]}}
    return [
        common,
        *({kind.strip("`"): dict(re.findall(r"`(\w+)` (\w+)", fields)) for kind, fields, _ in part} for part in rows[1:]),
    ]


def conforms(row: dict[str, Any], common: Schema, kinds: Schema) -> bool:
    """Whether a line has exactly the fields of its kind, in their types."""
    fields = {**common[""], **kinds[row["kind"]]}
    return set(row) == set(fields) and all(isinstance(row[name], TYPES[fields[name]]) for name in row)
