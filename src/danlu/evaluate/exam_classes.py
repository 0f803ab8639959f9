"""What a model with a classification head answers: a class of each text, or of two texts read together, or a number."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from danlu.evaluate.answered import Answered
from danlu.evaluate.exam import Exam
from danlu.inference.classify import SHORT_TOKENS, Encoded, encode, forward_rows, softmax
from danlu.inference.context import pad_id
from danlu.inference.prepare import prepare_text
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import listed
from danlu.workspace.sentences import Message, message


def classes(exam: Exam) -> Answered:
    """The likeliest class of each row, with all probabilities."""
    names = exam.loaded.labels
    if len(names) < 2:
        raise DanluError("evaluate.one-output", where=exam.name, name=exam.name)
    outputs, notes = _outputs(exam)
    table = softmax(outputs)
    whole = [bool(np.isfinite(row).all()) for row in table]
    if not all(whole):
        notes.append(message("evaluate.note.not-finite", name=exam.name, count=whole.count(False)))
    predicted = [names[place] if good else "" for good, place in zip(whole, table.argmax(axis=1).tolist(), strict=True)]
    shares = [dict(zip(names, row, strict=True)) for row in table.tolist()]
    return exam.answered(predicted=predicted, shares=shares, classes=names, notes=notes)


def values(exam: Exam) -> Answered:
    """The number that a model with one output gives each row."""
    outputs = int(exam.loaded.model.config.num_labels)
    if outputs != 1:
        raise DanluError("evaluate.many-outputs", where=exam.name, name=exam.name, outputs=outputs)
    found, notes = _outputs(exam)
    return exam.answered(predicted=found[:, 0].astype(np.float64).tolist(), notes=notes)


def _outputs(exam: Exam) -> tuple[npt.NDArray[np.float32], list[Message]]:
    """Logits [rows, outputs]. What is longer than the model reads is cut, and counted."""
    model, tokenizer = exam.loaded.model, exam.loaded.tokenizer
    rows = _encoded(exam)
    with exam.progress.task("evaluate.progress.rows", float(len(rows.ids)), "rows") as task:
        found = forward_rows(
            model, rows.ids, pad=pad_id(model, tokenizer), types=rows.types, batch_tokens=SHORT_TOKENS, advance=task.advance
        )
    return found, exam.cut(len(rows.cut))


def _encoded(exam: Exam) -> Encoded:
    """Texts that are read together are prepared one by one: the end of the first is no place in the second."""
    data, tokenizer, length = exam.data, exam.loaded.tokenizer, exam.loaded.length
    if data.couples is not None:
        first, second = ([prepare_text(text) for text in texts] for texts in zip(*data.couples, strict=True))
        return encode(tokenizer, first, second, length=length)
    if data.task == "pairs":
        raise DanluError("evaluate.no-couple", where=str(data.table.path), columns=listed(data.table.columns))
    return encode(tokenizer, [prepare_text(text) for text in data.texts], length=length)
