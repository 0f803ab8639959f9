"""How well a language model predicts texts: nats of each, beside what they are divided by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.evaluate.answered import LOSSY, Answered, Floats
from danlu.evaluate.exam import Exam, Ids
from danlu.inference.begin import begin_id
from danlu.inference.losses import COLUMN, NATS, sized, sized_losses
from danlu.inference.nats import MASK_RATE, masked_nats
from danlu.inference.prepare import prepare_text
from danlu.inference.pseudo import pseudo_nats
from danlu.inference.spans import hide, span_nats
from danlu.workspace.sentences import Message, message

Losses = tuple[Floats, Floats]
"""What nats are divided by, and nats: float64 [texts] each."""


def causal(exam: Exam) -> Answered:
    """Nats of each text after BOS (else EOS), in windows where it is longer than the model reads.

    Bytes and characters are those of the text itself, whatever the tokenizer makes of them, so models can be compared. Without
    BOS and EOS the first token of a text is read and not scored; its text is not counted either.
    """
    loaded, tokenizer = exam.loaded, exam.loaded.tokenizer
    texts = [prepare_text(text) for text in exam.data.texts]
    coded = [sized(tokenizer, text) for text in texts]
    rows = [text.ids for text in coded]
    with exam.progress.task("evaluate.progress.language", float(sum(map(len, rows))), "tokens") as task:
        found = sized_losses(loaded, coded, advance=task.advance).total()
    notes = [*exam.windows(rows, loaded.context), *exam.unknown(rows)]
    if begin_id(tokenizer) is None:
        notes.append(message("evaluate.note.no-begin", name=exam.name))
    keys, told = _lossy(exam, texts, rows)
    losses = {name: _losses(found[:, COLUMN[name]], found[:, NATS]) for name in exam.wanted}
    return exam.answered(losses=losses, keys=keys, notes=[*notes, *told])


def masked(exam: Exam) -> Answered:
    """Nats of some tokens of each text, masked, or of all, asked one by one, where that is asked for."""
    exam.marks()
    texts = [prepare_text(text) for text in exam.data.texts]
    rows = exam.tokens(texts)
    losses: dict[str, Losses] = {}
    keys: dict[str, object] = {}
    if "masked_nats" in exam.wanted:
        losses["masked_nats"] = _masked(exam, rows)
        keys["masked"] = f"{MASK_RATE:g}"
    if "pseudo_perplexity" in exam.wanted:
        losses["pseudo_perplexity"] = _pseudo(exam, texts)
        keys["likelihood"] = "pseudo-within-word"
    notes = [*exam.windows(rows, exam.loaded.context - 2), *exam.unknown(rows)]
    return exam.answered(losses=losses, keys=keys, notes=notes)


def _masked(exam: Exam, rows: Sequence[Ids]) -> Losses:
    """15% of the tokens; always the same ones for the same tokenizer."""
    flat = np.array([index for row in rows for index in row], np.int64)
    store = _Flat(flat, np.cumsum([len(row) for row in rows]))
    with exam.progress.task("evaluate.progress.language", float(len(flat)), "tokens") as task:
        found = masked_nats(exam.loaded.model, store, advance=task.advance, marks=exam.marks())
    sums = np.bincount(found.documents, found.nats, len(rows)).astype(np.float64)
    return _losses(np.bincount(found.documents, minlength=len(rows)), sums)


def _pseudo(exam: Exam, texts: Sequence[str]) -> Losses:
    with exam.progress.task("evaluate.progress.pseudo", float(len(texts)), "texts") as task:
        found = pseudo_nats(exam.loaded.model, exam.loaded.tokenizer, texts, advance=task.advance)
    return _losses([len(nats) for nats in found], np.array([float(nats.sum()) for nats in found]))


def spans(exam: Exam) -> Answered:
    """Nats and bytes of the spans that an encoder-decoder is to fill in; always the same ones for the same text."""
    texts = [prepare_text(text) for text in exam.data.texts]
    parts = [len(hide(text)) for text in texts]
    with exam.progress.task("evaluate.progress.language", float(sum(parts)), "parts") as task:
        table = span_nats(exam.loaded.model, exam.loaded.tokenizer, texts, advance=task.advance)
    rows = exam.tokens(texts)
    keys, told = _lossy(exam, texts, rows)
    notes = [*exam.unknown(rows), *told]
    if nothing := parts.count(0):
        notes.append(message("evaluate.note.nothing-hidden", name=exam.name, count=nothing))
    losses = {"span_bits_per_byte": _losses(table[:, 1], table[:, 0])} if exam.wanted else {}
    return exam.answered(losses=losses, keys=keys, notes=notes)


def _lossy(exam: Exam, texts: Sequence[str], rows: Sequence[Ids]) -> tuple[dict[str, object], list[Message]]:
    """What a tokenizer that does not give all texts back adds to the keys of a number (`LOSSY`), and the note on it."""
    count = exam.lost(texts, rows)
    return (
        ({LOSSY: count}, [message("evaluate.note.lossy", name=exam.name, count=count, rows=len(texts))]) if count else ({}, [])
    )


@dataclass(frozen=True)
class _Flat:
    """Tokens one text after another, and where each ends: what `inference.nats` reads."""

    tokens: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]


def _losses(weights: Any, nats: Floats) -> Losses:
    return np.asarray(weights, np.float64), nats
