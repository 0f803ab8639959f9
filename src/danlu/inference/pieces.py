"""The bytes that each token of a vocabulary stands for, and which tokens may follow so that the text stays valid UTF-8.

A byte-level vocabulary splits rare characters, most of them Han, between tokens. A sampler that looks at probabilities alone
now and then puts the first half of one before the second half of another; the automaton here forbids that.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.tokens.alphabet import byte_alphabet
from danlu.tokens.pieces import bytes_of

BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")
START, DEAD = 0, 8


def utf8_automaton() -> npt.NDArray[np.uint8]:
    """Transitions [state, byte] of well-formed UTF-8 (Unicode 16, table 3-7).

    0: between characters; 1, 2, 3: so many continuation bytes to come; 4: after E0; 5: after ED; 6: after F0; 7: after F4;
    8: broken.
    """
    table = np.full((9, 256), DEAD, np.uint8)
    table[0, :0x80] = START
    table[0, 0xC2:0xE0], table[0, 0xE1:0xF0], table[0, 0xF1:0xF4] = 1, 2, 3
    table[0, 0xE0], table[0, 0xED], table[0, 0xF0], table[0, 0xF4] = 4, 5, 6, 7
    table[1, 0x80:0xC0], table[2, 0x80:0xC0], table[3, 0x80:0xC0] = START, 1, 2
    table[4, 0xA0:0xC0], table[5, 0x80:0xA0], table[6, 0x90:0xC0], table[7, 0x80:0x90] = 1, 1, 2, 2
    return table


@dataclass(frozen=True)
class Pieces:
    """`data[id]`: bytes of a token, empty for a special one. `special` [vocabulary]: never part of a text.

    `following` [9, vocabulary]: the automaton's state after a token, from each state.
    """

    data: tuple[bytes, ...]
    special: npt.NDArray[np.bool_]
    following: npt.NDArray[np.uint8]

    def whole(self) -> npt.NDArray[np.bool_]:
        """Which tokens are texts by themselves: whole characters."""
        found: npt.NDArray[np.bool_] = (self.following[START] == START) & ~self.special
        return found


@lru_cache(maxsize=8)
def pieces_of(tokenizer: Any) -> Pieces:
    """The pieces of a tokenizer, once a tokenizer."""
    data, special = token_bytes(tokenizer)
    return Pieces(tuple(data), np.array(special), following_states(data))


def token_bytes(tokenizer: Any) -> tuple[list[bytes], list[bool]]:
    """The UTF-8 bytes of each id of a (fast) tokenizer, and whether it is special."""
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    decoder, mark = content["decoder"] or {}, content["model"].get("continuing_subword_prefix") or ""
    decoders = {step.get("type") for step in (decoder, *decoder.get("decoders", ()))}
    alphabet = byte_alphabet()
    added = tokenizer.added_tokens_decoder
    hidden = set(tokenizer.all_special_ids) | {index for index, token in added.items() if token.special}
    data, special = [], []
    for index, name in enumerate(tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))):
        special.append(index in hidden or name is None)
        if special[-1]:
            data.append(b"")
        elif index in added:
            data.append(name.encode())
        elif "ByteLevel" in decoders:
            data.append(bytes_of(name.removeprefix(mark), alphabet))
        elif "WordPiece" in decoders:
            data.append(name[2:].encode() if name.startswith("##") else b" " + name.encode())
        elif found := BYTE_TOKEN.fullmatch(name):
            data.append(bytes((int(found[1], 16),)))
        else:
            data.append(name.replace("\u2581", " ").encode())
    return data, special


def following_states(data: list[bytes]) -> npt.NDArray[np.uint8]:
    """The automaton's state after each token, from each state: uint8 [9, tokens]."""
    lengths = np.array([len(piece) for piece in data])
    padded = np.zeros((len(data), max(1, int(lengths.max(initial=0)))), np.uint8)
    for row, piece in zip(padded, data, strict=True):
        row[: len(piece)] = np.frombuffer(piece, np.uint8)
    table = utf8_automaton()
    states = np.repeat(np.arange(9, dtype=np.uint8)[:, None], len(data), axis=1)
    for column in range(padded.shape[1]):
        alive = lengths > column
        states[:, alive] = table[states[:, alive], padded[alive, column]]
    return states
