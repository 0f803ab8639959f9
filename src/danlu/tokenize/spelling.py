"""The words of a text as a tokenizer cuts and encodes them today: what more tokens are learned from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, pre_tokenizers

from danlu.models.files import load_tokenizer
from danlu.tokenize.appending import APPENDERS
from danlu.tokenize.kinds import MOST_TOKEN_BYTES
from danlu.tokens.files import TOKENIZER, read_tokenizer, tokenizer_text, vocabulary_of
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import listed

LONGEST = MOST_TOKEN_BYTES
"""Characters of a token's name: bytes where the vocabulary is one of bytes, as danlu's own; else letters, of which
SentencePiece, too, takes 16 at most unless told otherwise."""
WORD = "\u2581"  # begins a word in SentencePiece's vocabularies


@dataclass(frozen=True)
class Spelling:
    """What a tokenizer makes of words. `content`: its `tokenizer.json`. `names`: all its tokens by id, added ones too. `mark`,
    `end`: what stands before a token within a word, after one that ends it. `strange`: ids that stand for text
    without spelling it: unknown text, and bytes beside a vocabulary of letters. `tokenizer`: without special tokens."""

    content: dict[str, Any]
    names: dict[int, str]
    mark: str
    end: str
    strange: frozenset[int]
    tokenizer: Tokenizer

    @classmethod
    def of(cls, directory: Path) -> Spelling:
        """The tokenizer of a directory as transformers reads it. DanluError if it is of a kind that cannot be extended."""
        backend: Any = getattr(load_tokenizer(directory), "backend_tokenizer", None)
        loaded: dict[str, Any] = {"model": {"type": "?"}} if backend is None else json.loads(backend.to_str())
        model = loaded["model"]
        if model["type"] not in APPENDERS:
            raise DanluError("extend.kind", where=str(directory), kind=model["type"], kinds=listed(APPENDERS))
        content = read_tokenizer(directory) if (directory / TOKENIZER).is_file() else loaded
        names = {place: name for name, place in vocabulary_of(loaded).items()}
        for added in loaded["added_tokens"]:
            names.setdefault(added["id"], added["content"])
        plain: dict[str, Any] = {"added_tokens": [], "post_processor": None, "truncation": None, "padding": None}
        sure = {"model": {**model, "dropout": None}} if "dropout" in model else {}
        tokenizer = Tokenizer.from_str(tokenizer_text({**loaded, **plain, **sure}))
        tokenizer.pre_tokenizer = _borders(tokenizer, loaded)
        return cls(
            {**content, "model": {**model, **content["model"]}}, names, model.get("continuing_subword_prefix") or "",
            model.get("end_of_word_suffix") or "", frozenset(_strange(model, names)), tokenizer,
        )  # fmt: skip

    @property
    def steps(self) -> bool:
        """Whether a token is made of shorter ones step by step, all of which have to be there."""
        return bool(self.content["model"]["type"] == "BPE")

    @property
    def first(self) -> int:
        """The first id that is free."""
        return max(self.names) + 1

    def words(self, texts: Iterable[str]) -> Counter[tuple[int, ...]]:
        """How often each word, as the ids it is encoded as, stands in `texts`. What is not spelled ends a word."""
        normalizer, borders = self.tokenizer.normalizer, self.tokenizer.pre_tokenizer
        pieces: Counter[str] = Counter()
        for text in texts:
            normal = normalizer.normalize_str(text) if normalizer is not None else text
            pieces.update(piece for piece, _ in borders.pre_tokenize_str(normal))
        found: Counter[tuple[int, ...]] = Counter()
        for piece, count in pieces.items():
            for ids in self._spelled(piece):
                found[ids] += count
        return found

    def _spelled(self, piece: str) -> Iterator[tuple[int, ...]]:
        """The ids of a piece, cut where something is not spelled or left out."""
        run: list[int] = []
        end = 0
        for token in self.tokenizer.model.tokenize(piece):
            if token.id in self.strange:
                continue
            if run and token.offsets[0] != end:
                yield tuple(run)
                run = []
            run.append(token.id)
            end = token.offsets[1]
        if run:
            yield tuple(run)

    def join(self, left: str, right: str) -> str | None:
        """The name of two tokens together; None if it would be longer than `LONGEST`, or the right one adds nothing."""
        name = left + right.removeprefix(self.mark)
        return name if len(left) < len(name) <= LONGEST + self._marks(name) else None

    def _marks(self, name: str) -> int:
        """Characters of a name that stand for no text."""
        return len(self.mark) * name.startswith(self.mark) + len(self.end) * name.endswith(self.end)


def _strange(model: Mapping[str, Any], names: Mapping[int, str]) -> Iterator[int]:
    if model["type"] == "Unigram":
        yield from () if model.get("unk_id") is None else (model["unk_id"],)
    unknown = {model.get("unk_token")} | ({f"<0x{byte:02X}>" for byte in range(256)} if model.get("byte_fallback") else set())
    yield from (place for place, name in names.items() if name in unknown)


def _borders(tokenizer: Tokenizer, content: Mapping[str, Any]) -> Any:
    """The pre-tokenizer of a tokenizer; with more borders where it knows words by their spaces alone.

    SentencePiece keeps letters, digits and punctuation apart while it learns, and its tokenizers do not say so: without this,
    `word,` and even `of the` would become tokens.
    """
    own, said = tokenizer.pre_tokenizer, content["pre_tokenizer"] or {}
    steps = {step.get("type") for step in said.get("pretokenizers", [said])}
    if own is not None and (content["model"]["type"] == "WordPiece" or "ByteLevel" in steps):
        return own
    more = [
        pre_tokenizers.Split(WORD, "merged_with_next"),
        pre_tokenizers.Punctuation("isolated"),
        pre_tokenizers.Digits(False),
    ]
    return pre_tokenizers.Sequence([*([] if own is None else [own]), *more])
