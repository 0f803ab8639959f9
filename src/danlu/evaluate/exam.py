"""A model before the rows of a file: what every scorer is given, and the notes that they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.evaluate.answered import Answered
from danlu.evaluate.data import ASKED, METRICS_OF, Data
from danlu.inference.context import pad_id
from danlu.inference.load import Loaded
from danlu.inference.nats import Marks
from danlu.workspace.errors import DanluError
from danlu.workspace.progress import Progress
from danlu.workspace.sentences import Message, message

Ids = Sequence[int] | npt.NDArray[np.int64]
"""The tokens of a text."""


@dataclass(frozen=True)
class Exam:
    """`keys`: what of the model could change a number. `metrics`: those that a person named; none: the usual ones."""

    loaded: Loaded
    keys: Mapping[str, object]
    name: str
    data: Data
    metrics: Sequence[str]
    progress: Progress

    @property
    def wanted(self) -> list[str]:
        """Which metrics of predicting text to measure: what is not asked for is not computed."""
        own = METRICS_OF[self.loaded.kind]
        return [name for name in own if (name in self.metrics if self.metrics else name not in ASKED)]

    def answered(self, **found: Any) -> Answered:
        """The model's answers; `keys` among them are added to its own."""
        return Answered(**{"name": self.name, "role": "model", **found, "keys": {**self.keys, **found.get("keys", {})}})

    def marks(self) -> Marks:
        """The ids around and in place of the tokens of a masked model. DanluError if its tokenizer lacks one."""
        tokenizer = self.loaded.tokenizer
        cls, sep, mask = tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.mask_token_id
        if cls is None or sep is None or mask is None:
            raise DanluError("evaluate.no-mask", where=self.name, name=self.name)
        return Marks(cls, sep, mask, pad_id(self.loaded.model, tokenizer))

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """The token ids of each text, without special ones."""
        if not texts:
            return []
        found: list[list[int]] = self.loaded.tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
        return found

    def cut(self, count: int) -> list[Message]:
        """How many texts were longer than the model reads and were cut."""
        return self._counted("cut", count, length=self.loaded.length)

    def windows(self, rows: Sequence[Ids], length: int) -> list[Message]:
        """How many texts were longer than `length` tokens and were read in windows."""
        return self._counted("windows", sum(len(row) > length for row in rows), length=length)

    def unknown(self, rows: Sequence[Ids]) -> list[Message]:
        """Tokens that stand for whatever the tokenizer does not know cost a model less than the text they hide."""
        tokenizer = self.loaded.tokenizer
        unknown = tokenizer.unk_token_id
        if unknown is None or unknown in (tokenizer.bos_token_id, tokenizer.eos_token_id):
            return []
        return self._counted("unknown", sum(index == unknown for row in rows for index in row))

    def lost(self, texts: Sequence[str], rows: Sequence[Ids]) -> int:
        """How many texts their tokens do not give back: letters changed or left out, or spaces lost. A model never has to tell
        what its tokenizer leaves out, so it needs fewer bits for the same bytes. Spaces may be added (WordPiece does)."""
        found = self.loaded.tokenizer.batch_decode([list(row) for row in rows], clean_up_tokenization_spaces=False)
        return sum(not _gives_back(text, decoded) for text, decoded in zip(texts, found, strict=True))

    def _counted(self, key: str, count: int, **more: object) -> list[Message]:
        return [message(f"evaluate.note.{key}", name=self.name, count=count, **more)] if count else []


def _gives_back(text: str, decoded: str) -> bool:
    text, decoded = text.strip(), decoded.strip()
    letters = ["".join(each.split()) for each in (text, decoded)]
    return letters[0] == letters[1] and len(decoded) >= len(text)
