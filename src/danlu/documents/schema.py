"""What a document is."""

from __future__ import annotations

import pyarrow as pa

from danlu.workspace.digest import digest_bytes

MOST_BYTES = 64 * 1024 * 1024  # a longer document (bytes of UTF-8) is quarantined

DOCUMENTS: pa.Schema = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),  # 128-bit hash of source, path or URL, ordinal: 32 hex digits
        pa.field("digest", pa.string(), nullable=False),  # 128-bit hash of the exact text: 32 hex digits
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("url", pa.string(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),  # BCP-47 with script
        pa.field("created", pa.string(), nullable=False),  # ISO 8601, empty where unknown
        pa.field("protected", pa.bool_(), nullable=False),  # passes every filter untouched
        pa.field("meta", pa.string(), nullable=False),  # a JSON object
    ]
)


def document_id(source: str, path: str, ordinal: int) -> str:
    """32 hexadecimal digits from where a document comes from; the same on every machine."""
    return digest_bytes("\0".join((source, path, str(ordinal))).encode("utf-8", "surrogatepass"))
