"""Several tokenizers on the same texts: what a person chooses one by."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from danlu.inference.pieces import pieces_of
from danlu.models.files import load_tokenizer
from danlu.tokens.measure import Text, Use, measure_use, unreachable
from danlu.tokens.pieces import readable

SHOWN = 12  # unreachable tokens that are named, spread over all
CHARACTERS = 60  # of an example


@dataclass(frozen=True)
class Measured:
    """What a tokenizer did. `partial`, `unknown`: shares of all tokens that are part of a character, or stand for what the
    tokenizer does not know. `type`: BPE, WordPiece, ... `examples`: the beginnings of texts, and their tokens as a person reads
    them."""

    name: str
    type: str
    vocabulary: int
    special: int
    use: Use
    unused: int
    rare: int
    unreachable: Sequence[str]
    partial: float
    unknown: float
    megabytes_per_second: float
    examples: Sequence[tuple[Text, Sequence[str]]]

    def to_json(self) -> dict[str, Any]:
        step = max(1, -(-len(self.unreachable) // SHOWN))
        return {
            "name": self.name, "type": self.type, "vocabulary": self.vocabulary, "special": self.special,
            "unused": self.unused, "rare": self.rare,
            "unreachable": len(self.unreachable), "unreachable_tokens": list(self.unreachable[::step]),
            "partial_share": round(self.partial, 6), "unknown_share": round(self.unknown, 6),
            "megabytes_per_second": round(self.megabytes_per_second, 2),
            "languages": {name: amount.to_json() for name, amount in sorted(self.use.languages.items())},
            "sources": {name: amount.to_json() for name, amount in sorted(self.use.sources.items())},
            "examples": [
                {"language": text.language, "text": text.text, "tokens": list(tokens)} for text, tokens in self.examples
            ],
        }  # fmt: skip


def measure(
    name: str, place: Path | str, texts: Callable[[], Iterable[Text]], examples: Sequence[Text] = (), *, reach: bool = True
) -> Measured:
    """Measure the tokenizer at `place` (a directory or hub name) on what `texts` gives. DanluError if there is none.

    Without `reach` no token is named as unreachable: to try them takes seconds of a large vocabulary.
    """
    tokenizer: Any = load_tokenizer(place)
    backend, pieces = tokenizer.backend_tokenizer, pieces_of(tokenizer)
    backend.no_truncation()  # published ones may cut and pad to their model's length
    backend.no_padding()
    seconds = 0.0

    def encode(rows: Sequence[str]) -> list[list[int]]:
        nonlocal seconds
        started = time.perf_counter()
        found = [encoding.ids for encoding in backend.encode_batch_fast(list(rows), add_special_tokens=False)]
        seconds += time.perf_counter() - started
        return found

    use = measure_use(texts(), encode, len(pieces.data))
    size, taken = sum(amount.bytes for amount in use.languages.values()), seconds
    partial = ~pieces.whole() & ~pieces.special
    unknown = np.zeros(len(pieces.data), np.bool_)
    if tokenizer.unk_token_id is not None:
        unknown[tokenizer.unk_token_id] = True
    # what is used is reached
    lost = unreachable(pieces.data, ~pieces.special & (use.counts == 0), encode) if reach else []
    return Measured(
        name, type(backend.model).__name__, len(pieces.data), int(pieces.special.sum()), use,
        use.unused(~pieces.special), use.rare(~pieces.special), [_named(index, pieces.data, tokenizer) for index in lost],
        use.share(partial), use.share(unknown), size / 1e6 / max(taken, 1e-9),
        [(begun, _tokens(encode([begun.text])[0], pieces.data, tokenizer)) for begun in map(_begun, examples)],
    )  # fmt: skip


def _named(index: int, data: Sequence[bytes], tokenizer: Any) -> str:
    """A token by itself: one that goes on within a word is told from one that begins it."""
    mark = getattr(tokenizer.backend_tokenizer.model, "continuing_subword_prefix", None) or ""
    inside = mark and str(tokenizer.convert_ids_to_tokens(index)).startswith(mark)
    return (mark if inside else "") + readable(data[index])


def _begun(text: Text) -> Text:
    """What is shown of an example: in one line."""
    return text._replace(text=" ".join(text.text.split())[:CHARACTERS])


def _tokens(ids: Sequence[int], data: Sequence[bytes], tokenizer: Any) -> list[str]:
    return [readable(data[index]) or str(tokenizer.convert_ids_to_tokens(index)) for index in ids]
