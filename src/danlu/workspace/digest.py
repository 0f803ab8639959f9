"""Content hashes: of bytes, of files, of canonical JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CHUNK = 1 << 20


def digest_bytes(data: bytes, size: int = 16) -> str:
    """BLAKE2b of `data`, `size` bytes, in hexadecimal."""
    return hashlib.blake2b(data, digest_size=size).hexdigest()


def digest_json(value: Any, size: int = 16) -> str:
    """Digest of a value in canonical JSON: sorted keys, no spaces, UTF-8."""
    return digest_bytes(
        json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"), size
    )


def digest_file(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal (the format of `sha256sum`, so that a user can check it)."""
    state = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            state.update(chunk)
    return state.hexdigest()


def digest_payload(files: Mapping[str, str]) -> str:
    """Digest of a payload: of its sorted (relative path, SHA-256) pairs."""
    return digest_json(sorted(files.items()), 16)
