"""Which models answer which kind of file. To add one: a function from an exam to the answers, and its line in `SCORERS`."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from danlu.evaluate.answered import Answered
from danlu.evaluate.data import LANGUAGE
from danlu.evaluate.exam import Exam
from danlu.inference.load import Kind
from danlu.tasks.scoring import MINIMAL
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import listed
from danlu.workspace.sentences import message

SCORERS: dict[tuple[str, Kind], str] = {
    ("classification", "classification"): "danlu.evaluate.exam_classes:classes",
    ("pairs", "classification"): "danlu.evaluate.exam_classes:classes",
    ("regression", "classification"): "danlu.evaluate.exam_classes:values",
    (MINIMAL, "clm"): "danlu.evaluate.exam_pairs:minimal_pairs",
    (MINIMAL, "mlm"): "danlu.evaluate.exam_pairs:minimal_pairs",
    (LANGUAGE, "clm"): "danlu.evaluate.exam_text:causal",
    (LANGUAGE, "mlm"): "danlu.evaluate.exam_text:masked",
    (LANGUAGE, "spans"): "danlu.evaluate.exam_text:spans",
}
"""(task, what the model is for) -> function(exam) -> Answered."""

Scorer = Callable[[Exam], Answered]


def score_model(exam: Exam) -> Answered:
    """What a model answers on the data. DanluError if it does not answer such a task."""
    task, kind = exam.data.task, exam.loaded.kind
    place = SCORERS.get((task, kind))
    if place is None:
        able = [f"{kind} -> {task}" for task, kind in SCORERS]
        raise DanluError("evaluate.no-scorer", where=exam.name, name=exam.name, kind=kind, task=task, able=listed(able))
    if task == LANGUAGE and not exam.wanted:
        return exam.answered(notes=[message("evaluate.note.no-metric", name=exam.name, kind=kind)])
    module, _, function = place.partition(":")
    scorer: Scorer = getattr(importlib.import_module(module), function)
    return scorer(exam)
