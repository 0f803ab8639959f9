"""Losses of a causal model on texts, beside what they may be divided by: tokens, bytes and characters of the text itself.

A token of a byte-level vocabulary may be a part of a character. Its bytes are its own, and a character is counted where its
first byte stands, so the sums over any cut of a text are exact. Special tokens count nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.inference.batches import Advance, unheard
from danlu.inference.begin import begin_id
from danlu.inference.load import Loaded
from danlu.inference.nats import BATCH_TOKENS, Nats, causal_nats
from danlu.inference.pieces import pieces_of
from danlu.metrics.items import Sums
from danlu.metrics.measure import items_of
from danlu.tokens.pieces import begun

Ints = npt.NDArray[np.int64]
BOUNDS = (16, 64, 256, 1024)  # tokens that stand before, in the document
NATS, TOKENS, BYTES, CHARACTERS = range(4)
COLUMN = {"bits_per_byte": BYTES, "bits_per_character": CHARACTERS, "perplexity": TOKENS, "masked_nats": TOKENS}
"""What each metric divides the nats by."""


@dataclass(frozen=True)
class Sized:
    """A text's tokens, and how many bytes and characters of it each stands for: int64 [tokens] each."""

    ids: Ints
    bytes: Ints
    characters: Ints


def sized(tokenizer: Any, text: str) -> Sized:
    """The tokens of `text` by a fast tokenizer, without special ones. The sizes always add up to the text's.

    Where the tokens' own bytes are the text, each has its own. A tokenizer that changes texts (case, spaces, unknown
    characters) says where each token stands: then each has what it reaches beyond the one before it, and the last the rest.
    """
    coded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    ids = np.array(coded["input_ids"], np.int64)
    data = pieces_of(tokenizer).data
    pieces = [data[token] if token < len(data) else b"" for token in ids.tolist()]
    if b"".join(pieces) == text.encode():
        return Sized(ids, np.array([len(piece) for piece in pieces], np.int64), np.array(list(map(begun, pieces)), np.int64))
    ends = np.maximum.accumulate([min(end, len(text)) for _, end in coded["offset_mapping"]]).astype(np.int64)
    if len(ends):
        ends[-1] = len(text)
    before = np.cumsum([0, *(len(character.encode()) for character in text)])
    return Sized(ids, np.diff(before[ends], prepend=0), np.diff(ends, prepend=0))


@dataclass(frozen=True)
class TextLosses:
    """`sums` float64 [texts, ranges, 4]: nats, tokens, bytes, characters of the scored tokens, by where in a text they stand.

    `ranges` names the ranges of places: `0-15`, `16-63` and so on.
    """

    sums: npt.NDArray[np.float64]
    ranges: tuple[str, ...]

    def items(self, metric: str, place: str | None = None) -> Sums:
        """The texts as items of one of `COLUMN`'s metrics, over all places or those of one range.

        Slices by language and by source are `take` of these items (`metrics.slices.parts`).
        """
        table = self.total() if place is None else self.sums[:, self.ranges.index(place)]
        found = items_of(metric, table[:, COLUMN[metric]], table[:, NATS])
        assert isinstance(found, Sums)
        return found

    def total(self) -> npt.NDArray[np.float64]:
        """[texts, 4]: the sums over all places."""
        total: npt.NDArray[np.float64] = self.sums.sum(1)
        return total

    def reached(self, place: str | None = None) -> npt.NDArray[np.bool_]:
        """[texts]: which have a scored token, anywhere or in one range."""
        table = self.total() if place is None else self.sums[:, self.ranges.index(place)]
        reached: npt.NDArray[np.bool_] = table[:, TOKENS] > 0
        return reached


def text_losses(
    loaded: Loaded,
    texts: Sequence[str],
    *,
    bounds: Sequence[int] = BOUNDS,
    batch_tokens: int = BATCH_TOKENS,
    advance: Advance = unheard,
) -> TextLosses:
    """Losses of a causal model on texts that are taken as they are, each read from BOS on, long ones in sliding windows.

    A model that knows neither BOS nor EOS reads a text from its first token on, and only the others count. `advance` is told of
    tokens.
    """
    return sized_losses(
        loaded, [sized(loaded.tokenizer, text) for text in texts], bounds=bounds, batch_tokens=batch_tokens, advance=advance
    )


def sized_losses(
    loaded: Loaded,
    coded: Sequence[Sized],
    *,
    bounds: Sequence[int] = BOUNDS,
    batch_tokens: int = BATCH_TOKENS,
    advance: Advance = unheard,
) -> TextLosses:
    """As `text_losses`, of texts that are tokens already."""
    begin = begin_id(loaded.tokenizer)
    rows = [text.ids for text in coded]
    nats = causal_nats(loaded.model, rows, bos=begin, batch_tokens=batch_tokens, advance=advance)
    first = int(begin is None)  # the token that nothing predicts
    lengths = [max(0, len(row) - first) for row in rows]
    return summed(
        _flat(nats, first),
        np.repeat(np.arange(len(coded)), lengths),
        _flat([np.arange(len(row)) for row in rows], first).astype(np.int64),
        _flat([text.bytes for text in coded], first),
        _flat([text.characters for text in coded], first),
        len(coded),
        bounds,
    )


def _flat(rows: Sequence[npt.NDArray[Any]], first: int) -> npt.NDArray[np.float64]:
    return np.concatenate([np.zeros(0), *(row[first:] for row in rows)])


def summed(
    nats: Nats, texts: Ints, places: Ints, byte_counts: npt.ArrayLike, characters: npt.ArrayLike, count: int,
    bounds: Sequence[int] = BOUNDS,
) -> TextLosses:  # fmt: skip
    """The sums by text and by range of places, from one entry a scored token: its nats, which of `count` texts it is of, how
    many tokens of the text stand before it, its bytes and its characters."""
    names = range_names(bounds)
    cells = texts * len(names) + np.searchsorted(np.asarray(bounds, np.int64), places, side="right")
    columns = (nats, np.ones(len(nats)), np.asarray(byte_counts, np.float64), np.asarray(characters, np.float64))
    sums = [np.bincount(cells, column, count * len(names)) for column in columns]
    return TextLosses(np.stack(sums, 1).astype(np.float64).reshape(count, len(names), len(columns)), names)


def range_names(bounds: Sequence[int] = BOUNDS) -> tuple[str, ...]:
    """The ranges between `bounds`: `0-15`, `16-63` and so on, the last without an end."""
    edges = [0, *bounds]
    return (*(f"{low}-{high - 1}" for low, high in zip(edges, bounds, strict=False)), f"{edges[-1]}+")
