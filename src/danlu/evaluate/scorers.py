"""Which models answer which kind of file. To add one: a function from a model and the data, and its line in `SCORERS`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.evaluate.answered import Answered
from danlu.evaluate.data import LANGUAGE, METRICS_OF, Data
from danlu.inference.begin import begin_id
from danlu.inference.classify import encode_texts, forward_rows
from danlu.inference.context import pad_id
from danlu.inference.load import Kind, Loaded
from danlu.inference.losses import COLUMN, NATS, TOKENS, sized, sized_losses
from danlu.inference.nats import MASK_RATE, Marks, masked_nats
from danlu.inference.predict import class_answers
from danlu.inference.prepare import prepare_text
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import listed
from danlu.workspace.progress import Progress
from danlu.workspace.sentences import Message, message

SCORERS: dict[tuple[str, Kind], str] = {
    ("classification", "classification"): "danlu.evaluate.scorers:classes",
    ("regression", "classification"): "danlu.evaluate.scorers:values",
    (LANGUAGE, "clm"): "danlu.evaluate.scorers:causal",
    (LANGUAGE, "mlm"): "danlu.evaluate.scorers:masked",
}
"""(task, what the model is for) -> function(loaded, name, keys, data, progress) -> Answered."""
CHUNK = 256  # rows between two signs of progress

Scorer = Callable[[Loaded, str, dict[str, object], Data, Progress], Answered]


def score_model(loaded: Loaded, name: str, keys: dict[str, object], data: Data, progress: Progress) -> Answered:
    """What a model answers on the data. DanluError if it does not answer such a task, or its tokenizer is not its own."""
    place = SCORERS.get((data.task, loaded.kind))
    if place is None:
        able = [f"{kind} -> {task}" for task, kind in SCORERS]
        raise DanluError("evaluate.no-scorer", where=name, name=name, kind=loaded.kind, task=data.task, able=listed(able))
    check_tokenizer(loaded, name)
    module, _, function = place.partition(":")
    scorer: Scorer = getattr(importlib.import_module(module), function)
    return scorer(loaded, name, keys, data, progress)


def check_tokenizer(loaded: Loaded, name: str) -> None:
    """DanluError if the tokenizer has ids that the model has no embedding for: then it belongs to another model."""
    rows = int(loaded.model.get_input_embeddings().weight.shape[0])
    most = max(loaded.tokenizer.get_vocab().values(), default=-1)
    if most >= rows:
        raise DanluError("evaluate.tokenizer", where=name, name=name, largest=most, rows=rows)


def classes(loaded: Loaded, name: str, keys: dict[str, object], data: Data, progress: Progress) -> Answered:
    """The likeliest class of each text, with all probabilities. A text longer than the model reads is cut, and counted."""
    found: list[dict[str, Any]] = []
    with progress.task("evaluate.progress.rows", float(len(data)), "rows") as task:
        for start in range(0, len(data), CHUNK):
            texts = [prepare_text(text) for text in data.texts[start : start + CHUNK]]
            found += class_answers(loaded, texts)
            task.advance(len(texts))
    notes = _cut(name, sum(row["truncated"] for row in found), loaded.length)
    shares = [row["probabilities"] for row in found]
    broken = [not np.isfinite(list(row.values())).all() for row in shares]
    if any(broken):
        notes.append(message("evaluate.note.not-finite", name=name, count=sum(broken)))
    predicted = ["" if bad else row["predicted"] for bad, row in zip(broken, found, strict=True)]
    return Answered(name, "model", keys, predicted, shares=shares, classes=loaded.labels, notes=notes)


def values(loaded: Loaded, name: str, keys: dict[str, object], data: Data, progress: Progress) -> Answered:
    """The number that a model with one output gives each text."""
    if int(loaded.model.config.num_labels) != 1:
        raise DanluError("evaluate.many-outputs", where=name, name=name, outputs=int(loaded.model.config.num_labels))
    prepared = [prepare_text(text) for text in data.texts]
    rows = encode_texts(loaded.tokenizer, prepared, loaded.length)
    whole = encode_texts(loaded.tokenizer, prepared, 1 << 30)
    with progress.task("evaluate.progress.rows", float(len(data)), "rows") as task:
        found = forward_rows(loaded.model, rows, pad=pad_id(loaded.model, loaded.tokenizer), advance=task.advance)
    notes = _cut(name, sum(len(ids) > loaded.length for ids in whole), loaded.length)
    return Answered(name, "model", keys, found[:, 0].astype(np.float64).tolist(), notes=notes)


def _cut(name: str, count: int, length: int) -> list[Message]:
    return [message("evaluate.note.cut", name=name, count=count, length=length)] if count else []


def causal(loaded: Loaded, name: str, keys: dict[str, object], data: Data, progress: Progress) -> Answered:
    """Nats of each text after BOS (else EOS), in windows where it is longer than the model reads.

    Bytes and characters are those of the text itself, whatever the tokenizer makes of them, so models can be compared. Without
    BOS and EOS the first token of a text is read and not scored; its text is not counted either.
    """
    tokenizer = loaded.tokenizer
    coded = [sized(tokenizer, prepare_text(text)) for text in data.texts]
    rows = [text.ids for text in coded]
    with progress.task("evaluate.progress.language", float(sum(map(len, rows))), "tokens") as task:
        found = sized_losses(loaded, coded, advance=task.advance)
    notes = [*_windows(name, rows, loaded.context), *_unknown(name, tokenizer, rows)]
    if begin_id(tokenizer) is None:
        notes.append(message("evaluate.note.no-begin", name=name))
    return Answered(name, "model", keys, losses=_losses("clm", found.total()), notes=notes)


def masked(loaded: Loaded, name: str, keys: dict[str, object], data: Data, progress: Progress) -> Answered:
    """Nats of 15% of the tokens of each text, masked; always the same ones for the same tokenizer."""
    tokenizer = loaded.tokenizer
    marks = Marks(tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.mask_token_id, pad_id(loaded.model, tokenizer))
    if None in marks:
        raise DanluError("evaluate.no-mask", where=name, name=name)
    rows = [tokenizer(prepare_text(text), add_special_tokens=False, verbose=False)["input_ids"] for text in data.texts]
    flat = np.array([index for row in rows for index in row], np.int64)
    store = _Flat(flat, np.cumsum([len(row) for row in rows]))
    with progress.task("evaluate.progress.language", float(len(flat)), "tokens") as task:
        found = masked_nats(loaded.model, store, advance=task.advance, marks=marks)
    sums = np.zeros((len(rows), 4))
    sums[:, NATS] = np.bincount(found.documents, found.nats, len(rows))
    sums[:, TOKENS] = np.bincount(found.documents, minlength=len(rows))
    notes = [*_windows(name, rows, loaded.context - 2), *_unknown(name, tokenizer, rows)]
    made = {**keys, "masked": f"{MASK_RATE:g}"}
    return Answered(name, "model", made, losses=_losses("mlm", sums), notes=notes)


@dataclass(frozen=True)
class _Flat:
    """Tokens one text after another, and where each ends: what `inference.nats` reads."""

    tokens: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]


def _losses(kind: str, sums: npt.NDArray[np.float64]) -> dict[str, Any]:
    return {metric: (sums[:, COLUMN[metric]], sums[:, NATS]) for metric in METRICS_OF[kind]}


def _windows(name: str, rows: Sequence[Sequence[int] | npt.NDArray[np.int64]], length: int) -> list[Message]:
    count = sum(len(row) > length for row in rows)
    return [message("evaluate.note.windows", name=name, count=count, length=length)] if count else []


def _unknown(name: str, tokenizer: Any, rows: Sequence[Sequence[int] | npt.NDArray[np.int64]]) -> list[Message]:
    """Tokens that stand for whatever the tokenizer does not know cost a model less than the text they hide."""
    unknown = tokenizer.unk_token_id
    if unknown is None or unknown in (tokenizer.bos_token_id, tokenizer.eos_token_id):
        return []
    count = sum(index == unknown for row in rows for index in row)
    return [message("evaluate.note.unknown", name=name, count=count)] if count else []
