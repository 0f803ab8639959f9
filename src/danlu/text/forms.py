"""Canonical forms and digests of many texts at once: the same as `danlu.text.canonical` gives, at memory speed.

The form of most texts is the form of each character, one after another. Where it is not (a combining mark that makes one
letter with the letter before it, an entity), the text goes to Python; so kernel and Python never differ.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from danlu.text.buffers import read_only, text_buffers
from danlu.text.canonical import canonical
from danlu.text.kernels.blake2b import digest_spans
from danlu.text.kernels.forms import CONTEXT, COPIED, DROPPED, write_forms

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]

TABLE_SIZE = 0x32400  # beyond are no letters: private use, tags, variation selectors
_BLOCK = 256
_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint16)
_HANGUL_SECOND = (range(0x1161, 0x1176), range(0x11A8, 0x11C3))


class _Tables(NamedTuple):
    """The form of each character, as `kernels.forms` reads it."""

    ascii_forms: Bytes  # [128]
    places: NDArray[np.int32]  # [TABLE_SIZE]
    pool: Bytes


def canonical_forms(data: Bytes, offsets: Offsets) -> tuple[Bytes, Offsets]:
    """The canonical form of each text `data[offsets[i]:offsets[i + 1]]`, UTF-8, laid out in the same way.

    UnicodeDecodeError for a text that is not UTF-8.
    """
    size = len(offsets) - 1
    out, ends, left = np.empty(int(offsets[-1] - offsets[0]), np.uint8), np.zeros(size + 1, np.int64), np.zeros(size, bool)
    write_forms(data, offsets, *_tables(), out, ends[1:], left)
    rows = np.flatnonzero(left)
    if not len(rows):
        return read_only(out[: ends[-1]]), read_only(ends)
    pieces: list[bytes] = []
    start = 0
    lengths = np.diff(ends)
    for row in rows.tolist():
        form = canonical(bytes(data[offsets[row] : offsets[row + 1]]).decode()).encode()
        pieces += [out[start : ends[row]].tobytes(), form]
        start, lengths[row] = int(ends[row]), len(form)
    pieces.append(out[start : ends[-1]].tobytes())
    np.cumsum(lengths, out=ends[1:])
    return np.frombuffer(b"".join(pieces), np.uint8), read_only(ends)


def canonical_hashes(data: Bytes, offsets: Offsets) -> NDArray[np.uint64]:
    """The digest of each text's canonical form (`canonical_digest`) as two words, uint64[texts, 2]."""
    return digests(*canonical_forms(data, offsets))


def digests(data: Bytes, offsets: Offsets) -> NDArray[np.uint64]:
    """The 128-bit digest (BLAKE2b, `danlu.text.canonical.digest`) of each text as two words, uint64[texts, 2]."""
    out = np.empty((len(offsets) - 1, 2), np.uint64)
    digest_spans(data, offsets, out)
    return out


def find_digests(known: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> Offsets:
    """Where each digest stands among `known`, uint64[digests, 2] in order and distinct; -1 if it does not. int64[wanted]."""
    result = np.full(len(wanted), -1)
    if not len(known):
        return result
    low, high = (np.searchsorted(known[:, 0], wanted[:, 0], side) for side in ("left", "right"))
    for step in range(int((high - low).max(initial=0))):  # once, but for two digests with the same first half
        place = np.minimum(low + step, len(known) - 1)
        same = (low + step < high) & (known[place, 1] == wanted[:, 1])
        result[same] = place[same]
    return result


def hex_digests(words: NDArray[np.uint64]) -> pa.StringArray:
    """Digests as `digest` writes them, 32 hexadecimal digits."""
    text = _HEX[words.astype("<u8").view(np.uint8)]
    places = np.arange(len(words) + 1, dtype=np.int32) * 32
    return pa.StringArray.from_buffers(len(words), pa.py_buffer(places), pa.py_buffer(np.ascontiguousarray(text)))


def joined_digests(*columns: pa.Array | str) -> pa.StringArray:
    """The digest of what the columns hold in each row, joined by a NUL character."""
    return hex_digests(digests(*text_buffers(pc.binary_join_element_wise(*columns, "\0"))))


def form_column(data: Bytes, offsets: Offsets) -> pa.LargeStringArray:
    """Texts that lie in memory so, as a column."""
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))


@cache
def composing() -> frozenset[str]:
    """Characters that can make one character with what stands before them in NFC and NFKC."""
    found = {chr(code) for codes in _HANGUL_SECOND for code in codes}
    for code in range(TABLE_SIZE):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and parts[0][0] != "<" and unicodedata.is_normalized("NFC", chr(code)):
            found.add(chr(int(parts[1], 16)))
    return frozenset(found)


@cache
def _tables() -> _Tables:
    places = np.full(TABLE_SIZE, DROPPED, np.int32)
    pool = bytearray(b"\0")
    for block in range(0, TABLE_SIZE, _BLOCK):
        characters = [chr(code) for code in range(block, block + _BLOCK)]
        joined = "".join(characters)
        # Most blocks (Han, Hangul) have no character with another form: one look tells.
        alike = unicodedata.normalize("NFKC", joined) == joined == joined.casefold() and composing().isdisjoint(joined)
        for code, character in enumerate(characters, block):
            if alike:
                form = character if character.isalnum() else ""
            elif _has_context(character):
                places[code] = CONTEXT
                continue
            else:
                form = canonical(character)
            if form == character:
                places[code] = COPIED
            elif form:
                places[code] = len(pool)
                pool += bytes((len(form.encode()),)) + form.encode()
    ascii_forms = np.array([ord(canonical(chr(code)) or "\0") for code in range(128)], np.uint8)
    return _Tables(ascii_forms, places, np.frombuffer(bytes(pool), np.uint8))


def _has_context(character: str) -> bool:
    """Whether the form of a text with this character is not the form of what is before it, its own, and that of the rest.

    Nothing but a composing character ever changes its neighbours: other marks are at most put into another order, and no
    mark is part of a form.
    """
    once = unicodedata.normalize("NFKC", character)
    folded = once.casefold()
    return any(part in composing() for part in (*once, *folded, *unicodedata.normalize("NFKC", folded)))
