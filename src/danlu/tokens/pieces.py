"""What the tokens of a byte-level vocabulary stand for: bytes, characters, and words for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from danlu.tokens.alphabet import byte_alphabet
from danlu.tokens.files import read_tokenizer, vocabulary_of

CONTINUES = "##"
"""Before a WordPiece token that goes on within a word."""


class TokenSizes(NamedTuple):
    """By id, int64 [vocabulary] each: the bytes of a token, and the characters that begin in it. Special tokens have none.

    So the sums over the tokens of a text are the text's own, also where tokens are parts of characters.
    """

    bytes: npt.NDArray[np.int64]
    characters: npt.NDArray[np.int64]


def token_sizes(directory: Path) -> TokenSizes:
    """Sizes of a byte-level vocabulary's tokens."""
    special = {token["id"] for token in read_tokenizer(directory).get("added_tokens") or [] if token["special"]}
    pieces = [b"" if place in special else piece for place, piece in enumerate(token_bytes(directory))]
    return TokenSizes(
        np.array([len(piece) for piece in pieces], np.int64), np.array([begun(piece) for piece in pieces], np.int64)
    )


def begun(piece: bytes) -> int:
    """Characters whose first byte is in `piece`: every byte begins one but UTF-8's continuation bytes."""
    return sum(byte & 0xC0 != 0x80 for byte in piece)


def token_bytes(directory: Path) -> list[bytes]:
    """The bytes that each id of a byte-level vocabulary stands for, [vocabulary]; a special token stands for its own name."""
    return bytes_of_tokens(read_tokenizer(directory))


def bytes_of_tokens(content: Mapping[str, Any]) -> list[bytes]:
    """`token_bytes` of the content of `tokenizer.json`."""
    added: dict[int, bytes] = {token["id"]: token["content"].encode() for token in content.get("added_tokens") or []}
    mark = content["model"].get("continuing_subword_prefix") or ""
    table = byte_alphabet()
    found = dict(added)
    for name, place in vocabulary_of(content).items():
        if place not in added:
            found[place] = bytes_of(name.removeprefix(mark), table)
    return [found.get(place, b"") for place in range(max(found) + 1)]


def bytes_of(name: str, table: Mapping[str, int]) -> bytes:
    """The bytes that a token's name spells in letters of `alphabet`; of one with other letters, its UTF-8."""
    return bytes(table[letter] for letter in name) if all(letter in table for letter in name) else name.encode()


def readable(piece: bytes) -> str:
    """A token as a person can read it: text, and each byte that is part of a character as <E4>."""
    text = piece.decode("utf-8", "surrogateescape")
    return "".join(f"<{ord(char) - 0xDC00:02X}>" if 0xDC80 <= ord(char) <= 0xDCFF else char for char in text)


def is_whole(piece: bytes) -> bool:
    """Whether a token's bytes are whole characters."""
    try:
        piece.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
