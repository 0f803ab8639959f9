"""From the fields of a record, whatever the format, to a text, a label and what else is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from danlu.collect.encoding import BAD
from danlu.collect.locate import SourceFile
from danlu.collect.records import Layout, Record, Rejected
from danlu.documents.schema import MOST_BYTES
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import listed

OPTIONAL = ("url", "created")  # columns kept beside the text where a file has them


def wanted_columns(layout: Layout) -> tuple[str, ...]:
    """The columns a file must have."""
    return (layout.text,) if layout.label is None else (layout.text, layout.label)


def require_columns(file: SourceFile, layout: Layout, columns: Sequence[str]) -> None:
    """DanluError that names the columns there are if the text's or the label's is not among them."""
    for column in wanted_columns(layout):
        if column not in columns:
            key = "text" if column == layout.text else "label"
            raise DanluError("collect.column-missing", where=file.name, column=column, key=key, columns=listed(columns))


def to_record(
    file: SourceFile, layout: Layout, ordinal: int, where: str, fields: Mapping[str, Any], most: int = MOST_BYTES
) -> Record | Rejected:
    """A record, or why the fields make none: no text, not text, no label, too long, not to be encoded."""
    text = fields.get(layout.text)
    if text is None or text == "":
        return Rejected(where, "empty")
    if not isinstance(text, str):
        return Rejected(where, "not-text", {"type": type(text).__name__})
    label: str | None = file.label
    if layout.label is not None:
        label = _word(fields.get(layout.label))
        if label is None:
            return Rejected(where, "no-label")
    try:
        length = len(text.encode("utf-8"))
        (label or "").encode("utf-8")
    except UnicodeEncodeError:  # `BAD` of the decoder, or a lone surrogate escaped in JSON
        return Rejected(where, "encoding")
    if length > most:
        return Rejected(where, "too-long", {"bytes": length, "most": most})
    if not text.strip():
        return Rejected(where, "empty")
    known = {name: value for name in OPTIONAL if isinstance(value := fields.get(name), str) and is_word(value)}
    return Record(ordinal, text, label, known.get("url", ""), known.get("created", ""))


def _word(value: object) -> str | None:
    """A label as a word; None for a value that is none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (str, int)):
        return str(value).strip() or None
    return None


def is_word(value: str) -> bool:
    """Whether a URL or date can be shown."""
    return BAD not in value and value.isprintable()
