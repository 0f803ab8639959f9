"""Losses of a causal model on texts, beside what they may be divided by: tokens, bytes and characters of the text itself.

A token of a byte-level vocabulary may be a part of a character. Its bytes are its own, and a character is counted where its
first byte stands, so the sums over any cut of a text are exact. Special tokens count nothing.
"""

from __future__ import annotations

from bisect import bisect_right
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

Ints = npt.NDArray[np.int64]
BOUNDS = (16, 64, 256, 1024)  # tokens that stand before, in the document
NATS, TOKENS, BYTES, CHARACTERS = range(4)
COLUMN = {"bits_per_byte": BYTES, "bits_per_character": CHARACTERS, "perplexity": TOKENS}
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
        return Sized(ids, np.array([len(piece) for piece in pieces], np.int64), np.array(list(map(_begun, pieces)), np.int64))
    ends = np.maximum.accumulate([min(end, len(text)) for _, end in coded["offset_mapping"]]).astype(np.int64)
    if len(ends):
        ends[-1] = len(text)
    before = np.cumsum([0, *(len(character.encode()) for character in text)])
    return Sized(ids, np.diff(before[ends], prepend=0), np.diff(ends, prepend=0))


def _begun(piece: bytes) -> int:
    """Characters whose first byte is in `piece`."""
    return sum(byte & 0xC0 != 0x80 for byte in piece)


@dataclass(frozen=True)
class TextLosses:
    """`sums` float64 [texts, ranges, 4]: nats, tokens, bytes, characters of the scored tokens, by where in a text they stand.

    `ranges` names the ranges of places: `0-15`, `16-63` and so on.
    """

    sums: npt.NDArray[np.float64]
    ranges: tuple[str, ...]

    def items(self, metric: str, place: str | None = None) -> Sums:
        """The texts as items of `bits_per_byte`, `bits_per_character` or `perplexity`, over all places or those of one range.

        Slices by language and by source are `take` of these items (`metrics.slices.parts`).
        """
        table = self.sums.sum(1) if place is None else self.sums[:, self.ranges.index(place)]
        found = items_of(metric, table[:, COLUMN[metric]], table[:, NATS])
        assert isinstance(found, Sums)
        return found


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
    coded = [sized(loaded.tokenizer, text) for text in texts]
    nats = causal_nats(
        loaded.model, [text.ids for text in coded], bos=begin_id(loaded.tokenizer), batch_tokens=batch_tokens, advance=advance
    )
    return gathered(nats, coded, bounds)


def gathered(nats: Sequence[Nats], coded: Sequence[Sized], bounds: Sequence[int] = BOUNDS) -> TextLosses:
    """The sums, from the nats of each token of each text; a token that nothing predicts (NaN) counts nothing."""
    edges = [0, *bounds]
    names = [f"{low}-{high - 1}" for low, high in zip(edges, bounds, strict=False)] + [f"{edges[-1]}+"]
    sums = np.zeros((len(coded), len(names), 4))
    for row, losses, text in zip(sums, nats, coded, strict=True):
        known = np.isfinite(losses)
        columns = np.stack((losses, np.ones(len(losses)), text.bytes, text.characters), 1)[known]
        places = np.array([bisect_right(bounds, place) for place in np.flatnonzero(known).tolist()], np.int64)
        np.add.at(row, places, columns)
    return TextLosses(sums, tuple(names))
