"""Where words begin in what is encoded: for `tokenize.words`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from danlu.tokens.encoding import Encoded
from danlu.tokens.pieces import token_bytes
from danlu.tokens.words import WordTable, segmented_starts
from danlu.workspace.errors import DanluError


@dataclass(frozen=True)
class Words:
    """Finds the beginnings of words: by the tokens themselves and, where a text has Chinese, also by `cut`."""

    name: str
    version: str
    cut: Callable[[str], list[str]]
    table: WordTable
    sizes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, name: str, tokenizer: Path) -> Words:
        """The segmenter `name` (rjieba) for the tokens of a tokenizer; an error that says what to install if it is missing."""
        try:
            segmenter = importlib.import_module(name)
        except ImportError as error:
            raise DanluError("tokenize.no-segmenter", where="tokenize.words", name=name) from error
        pieces = token_bytes(tokenizer)
        return cls(name, version(name), segmenter.cut, WordTable.of(pieces), np.array([len(piece) for piece in pieces]))

    def starts(self, texts: Sequence[str], encoded: Encoded) -> npt.NDArray[np.bool_]:
        """Whether each token begins a word, [sum of lengths]; the first token of a text always does.

        A word of the one kind that reaches over a border of the other stays whole, so words of both kinds are never parted.
        """
        found = self.table.starts(encoded.tokens.astype(np.int64))
        found[(np.cumsum(encoded.lengths) - encoded.lengths)[encoded.lengths > 0]] = True
        return found & segmented_starts(texts, encoded.tokens, encoded.lengths, self.sizes, self.cut)
