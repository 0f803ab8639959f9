"""`danlu extend`: more tokens for a tokenizer that is there, and rows for them in its model."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from transformers import PreTrainedTokenizerBase

from danlu.inference.pieces import pieces_of
from danlu.models.files import FACTS, fetched, load_tokenizer
from danlu.models.locate import CONFIG, WEIGHTS, weights_of
from danlu.models.resize import resize_model
from danlu.tokenize.appending import append_tokens
from danlu.tokenize.compare import Measured, measure
from danlu.tokenize.merging import Merges, continue_merges
from danlu.tokenize.sample import bytes_by_language, sample
from danlu.tokenize.spelling import Spelling
from danlu.tokenize.train import cut_runs
from danlu.tokens.files import CONFIG as TOKENIZER_CONFIG
from danlu.tokens.files import SPECIAL_MAP, TOKENIZER, tokenizer_text
from danlu.tokens.measure import RARE, Text
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.files import read_json, whole_folder, write_atomic, write_json
from danlu.workspace.progress import Progress

SAMPLE = 8_000_000  # bytes of text, as many as a tokenizer is trained on unless the recipe says otherwise
LEAST = RARE
"""Occurrences below which two tokens do not become one: a model could not learn it."""
TOKENIZER_FILES = (TOKENIZER_CONFIG, SPECIAL_MAP, "added_tokens.json", "chat_template.jinja", CONFIG)
MODEL_FILES = ("*.json", "*.jinja", "LICENSE*", "NOTICE*", "[0-9]_*/*.json")
"""What is copied as it is: of a tokenizer alone, and with a model. The last is what sentence encoders do with their states."""
STALE = (TOKENIZER, "vocab.json", WEIGHTS[1])
"""Of the old vocabulary. `vocab.txt`, `merges.txt` and SentencePiece's files are left out too: `tokenizer.json` has it all."""


@dataclass(frozen=True)
class Extended:
    """What was made: the `tokens`, as bytes, with the ids from `first` on. `before`, `after`: the tokenizer on the texts that
    they were learned from."""

    tokens: Sequence[bytes]
    first: int
    before: Measured
    after: Measured
    model: bool

    def to_json(self) -> dict[str, Any]:
        languages = {
            name: {"before": amount.to_json(), "after": self.after.use.languages[name].to_json()}
            for name, amount in sorted(self.before.use.languages.items())
        }
        return {
            "tokens": len(self.tokens), "first": self.first, "vocabulary": self.first + len(self.tokens), "model": self.model,
            "unknown_share": round(self.after.unknown, 6), "languages": languages,
        }  # fmt: skip


def extend(name: str, place: Path | str, documents: Artifact, most: int, target: Path, progress: Progress) -> Extended:
    """Write the tokenizer at `place` (a directory or hub name), and its model if there is one, into the new folder `target`,
    with up to `most` tokens more, learned from `documents`. `name`: what a person calls it.

    DanluError if the tokenizer is of a kind that cannot be extended, the texts teach nothing, or the folder is not empty.
    """
    with whole_folder(target) as folder:
        source = fetched(place)
        spelling, has_model = Spelling.of(source), _has_model(source)
        texts = _drawn(documents, progress)
        merges = _learn(spelling, texts, most, progress)
        if not merges.tokens:
            raise DanluError("extend.nothing", where=str(documents.path), least=LEAST)
        _copy(source, folder, MODEL_FILES if has_model else TOKENIZER_FILES)
        write_atomic(folder / TOKENIZER, tokenizer_text(append_tokens(spelling.content, spelling.names, merges)))
        tokenizer = _read_back(folder, spelling, merges)
        if has_model:
            resize_model(source, folder, spelling.first, [token.parts for token in merges.tokens], taken_over(merges))
        _note(folder, name, spelling.first, merges)
        before, after = (
            measure(when, where, lambda: texts, reach=False) for when, where in (("before", source), ("after", folder))
        )
    return Extended(pieces_of(tokenizer).data[spelling.first :], spelling.first, before, after, has_model)


def taken_over(merges: Merges) -> npt.NDArray[np.float64]:
    """How much of the places of its first part each new token takes over, [new tokens]: above 0, and at most 1 together for all
    tokens with the same first part (counted, with one more for each: Laplace's rule)."""
    firsts = [token.parts[0] for token in merges.tokens]
    alike = Counter(firsts)
    return np.array(
        [(token.used + 1) / (merges.before[part] + alike[part]) for token, part in zip(merges.tokens, firsts, strict=True)]
    )


def _has_model(source: Path) -> bool:
    """Whether there is a model beside the tokenizer. DanluError if it is one that cannot be read."""
    if weights_of(source) is not None:
        return True
    if (source / CONFIG).is_file() and any(source.glob("*.bin")):
        raise DanluError("models.incomplete", where=str(source), name=source.name, needed=f"{CONFIG}, {WEIGHTS[0]}")
    return False


def _drawn(documents: Artifact, progress: Progress) -> list[Text]:
    """The sample, as `tokenize.train` draws it."""
    directory = documents / "documents"
    totals = bytes_by_language(directory)
    if not sum(totals.values()):
        raise DanluError("extend.no-text", where=str(directory))
    found = []
    with progress.task("extend.reading", min(SAMPLE, sum(totals.values())), "B") as task:
        for language, text in sample(directory, totals, SAMPLE):
            found.append(Text(text, language, ""))
            task.advance(len(text.encode("utf-8")))
    return found


def _learn(spelling: Spelling, texts: Sequence[Text], most: int, progress: Progress) -> Merges:
    with progress.task("extend.learning", most, "tokens") as task:
        words = spelling.words(cut_runs(text.text) for text in texts)
        names = [spelling.names.get(place, "") for place in range(spelling.first)]
        return continue_merges(words, names, spelling.join, most, LEAST, spelling.steps, task.advance)


def _copy(source: Path, folder: Path, patterns: Sequence[str]) -> None:
    for path in {path for pattern in patterns for path in source.glob(pattern) if path.is_file() and path.name not in STALE}:
        beside = folder / path.relative_to(source)
        beside.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, beside)


def _read_back(folder: Path, spelling: Spelling, merges: Merges) -> PreTrainedTokenizerBase:
    """What transformers makes of the new tokenizer. DanluError unless it finds each token at its id: a class may read its files
    in a way of its own."""
    tokenizer = load_tokenizer(folder)
    found = tokenizer.get_vocab()
    new = {spelling.first + place: token.name for place, token in enumerate(merges.tokens)}
    for place, name in {**spelling.names, **new}.items():
        if found.get(name) != place:
            raise DanluError("extend.not-read", where=str(folder), name=type(tokenizer).__name__, token=name)
    return tokenizer


def _note(folder: Path, name: str, first: int, merges: Merges) -> None:
    """What was done, in `facts.json`."""
    facts = read_json(folder / FACTS) if (folder / FACTS).is_file() else {}
    write_json(folder / FACTS, {**facts, "extended": {"from": name, "first": first, "tokens": len(merges.tokens)}})
