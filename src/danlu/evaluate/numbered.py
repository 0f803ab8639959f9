"""Tags that a file has as numbers, as Hugging Face's data sets do: what names them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from danlu.tasks.scoring import parsed


def names_in(schema: pa.Schema) -> dict[str, list[str]]:
    """The columns of lists of numbers whose names, from 0, stand in the file as Hugging Face's `datasets` writes them."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {name: names for name, feature in features.items() if (names := _names(feature))}
    except (KeyError, TypeError, ValueError, AttributeError):  # the file says nothing, or something else
        return {}


def _names(feature: Any) -> list[str]:
    """Of a list of classes, written {"feature": {"names": [...]}} or, by older versions, [{"names": [...]}]."""
    if isinstance(feature, list):
        inner = feature[0] if feature else None
    else:
        inner = feature.get("feature") if isinstance(feature, Mapping) else None
    names = inner.get("names") if isinstance(inner, Mapping) else None
    return [str(name) for name in names] if isinstance(names, list) else []


def with_names(cell: Any, names: Sequence[str]) -> Any:
    """A list of numbers that all have a name as the list of these; any other cell as it is."""
    numbers = parsed(cell)
    if not is_numbered(numbers) or not 0 <= min(numbers) <= max(numbers) < len(names):
        return cell
    return [names[number] for number in numbers]


def is_numbered(cell: Any) -> bool:
    """Whether a cell (parsed) is a list of whole numbers."""
    return isinstance(cell, list) and bool(cell) and all(isinstance(tag, int) and not isinstance(tag, bool) for tag in cell)
