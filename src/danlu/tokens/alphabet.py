"""Tokenizers over bytes: the letters that stand for bytes, and which of them danlu takes over. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from danlu.tokens.files import is_ours, vocabulary_of
from danlu.workspace.errors import DanluError


def check_bytes(content: Mapping[str, Any], where: str) -> None:
    """DanluError unless the content of `tokenizer.json` is danlu's own, or byte-level BPE that cuts out no added tokens but
    special ones: what `tokenize.from` takes, as far as the file alone shows."""
    if is_ours(content):
        return
    kind = str(content["model"].get("type"))
    if kind != "BPE" or set(byte_alphabet()) - set(vocabulary_of(content)):
        raise DanluError("tokenize.from-kind", where=where, kind=kind)
    cut_out = [token["content"] for token in content.get("added_tokens") or [] if not token.get("special")]
    if cut_out:
        raise DanluError("tokenize.from-added", where=where, count=len(cut_out), token=repr(cut_out[0]))


def byte_alphabet() -> dict[str, int]:
    """The printable characters that stand for bytes in byte-level vocabularies (GPT-2's table, inverted)."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in set(visible)]
    return {chr(byte): byte for byte in visible} | {chr(256 + place): byte for place, byte in enumerate(hidden)}
