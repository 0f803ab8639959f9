"""What a tokenizer does with texts: how much text a token holds, which tokens are seldom used, which no text can give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

RARE = 10
"""A token that occurs so few times in the text that a model learns from is hardly learned: it has seen so few gradients."""
BATCH_BYTES = 4_000_000  # of text encoded at a time
BEFORE = ("", "a", "。", "1", "\ua540", "\u9fa5", "\u2e3f", "\u1c40", "\u2006", "\x7f")
"""What a token's text is tried after: a token that continues a word, as WordPiece's do, has no text of its own. A character of
each kind that a word may be of; then rare ones, a letter, a Chinese character, a mark, a digit, a space, a control character,
since common ones may make another token with what follows."""

Counts = npt.NDArray[np.int64]
Encode = Callable[[Sequence[str]], Sequence[Sequence[int]]]
"""Ids of each text, without special tokens."""


class Text(NamedTuple):
    """A text, its language and where it is from."""

    text: str
    language: str
    source: str


@dataclass
class Amount:
    """How much text, in how many tokens."""

    documents: int = 0
    bytes: int = 0
    characters: int = 0
    tokens: int = 0

    def add(self, text: str, tokens: int) -> None:
        self.documents += 1
        self.bytes += len(text.encode("utf-8", "surrogatepass"))
        self.characters += len(text)
        self.tokens += tokens

    def to_json(self) -> dict[str, Any]:
        each = max(1, self.tokens)
        return {
            "documents": self.documents, "bytes": self.bytes, "characters": self.characters, "tokens": self.tokens,
            "bytes_per_token": round(self.bytes / each, 4), "characters_per_token": round(self.characters / each, 4),
        }  # fmt: skip


@dataclass
class Use:
    """`counts` [vocabulary]: how often each token occurs; `languages` and `sources`: how much text of each."""

    counts: Counts
    languages: dict[str, Amount] = field(default_factory=dict)
    sources: dict[str, Amount] = field(default_factory=dict)

    def unused(self, ordinary: npt.NDArray[np.bool_]) -> int:
        """How many of the `ordinary` [vocabulary] tokens, those that texts are made of, never occur."""
        return int((self.counts[ordinary] == 0).sum())

    def rare(self, ordinary: npt.NDArray[np.bool_]) -> int:
        """How many of them occur, but fewer than `RARE` times."""
        return int(((self.counts[ordinary] > 0) & (self.counts[ordinary] < RARE)).sum())

    def share(self, which: npt.NDArray[np.bool_]) -> float:
        """The share of all tokens that are among `which` [vocabulary]."""
        return float(self.counts[which].sum() / max(1, self.counts.sum()))


def measure_use(texts: Iterable[Text], encode: Encode, vocabulary: int) -> Use:
    """Encode `texts` a few megabytes at a time and count."""
    use = Use(np.zeros(vocabulary, np.int64))
    for batch in _batches(texts):
        rows = encode([text.text for text in batch])
        ids = np.fromiter((index for row in rows for index in row), np.int64)
        use.counts += np.bincount(ids, minlength=vocabulary)
        for text, row in zip(batch, rows, strict=True):
            use.languages.setdefault(text.language, Amount()).add(text.text, len(row))
            use.sources.setdefault(text.source, Amount()).add(text.text, len(row))
    return use


def _batches(texts: Iterable[Text]) -> Iterable[list[Text]]:
    batch: list[Text] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text.text)
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def unreachable(pieces: Sequence[bytes], ordinary: npt.NDArray[np.bool_], encode: Encode) -> list[int]:
    """The `ordinary` [vocabulary] tokens that no text gives: their own text is encoded as others (Land and Bartolo, arXiv
    2405.05417). `pieces`: the bytes of each id. A token that is part of a character has no text to try, and is not among them.
    """
    texts: dict[int, str] = {}
    for index in np.flatnonzero(ordinary).tolist():
        try:
            texts[index] = pieces[index].decode("utf-8")
        except UnicodeDecodeError:
            continue
    left = [index for index, text in texts.items() if text]
    for before in BEFORE:
        rows = encode([before + texts[index] for index in left])
        left = [index for index, row in zip(left, rows, strict=True) if index not in row]
    return left
