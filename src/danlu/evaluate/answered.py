"""What a model, a file of predictions or a baseline answered on the rows of a file, and what a metric makes of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from danlu.evaluate.checks import answer_notes, check_shares
from danlu.evaluate.data import LANGUAGE, Columns, Data, read_answers, read_shares
from danlu.evaluate.files import Table
from danlu.evaluate.join import places
from danlu.metrics.items import Items, Sums
from danlu.metrics.measure import items_of
from danlu.metrics.number import Number
from danlu.metrics.ranking import random_order
from danlu.metrics.registry import METRICS
from danlu.tasks.scoring import SCORED
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import listed
from danlu.workspace.sentences import Message, message

Floats = npt.NDArray[np.float64]
BY_LANGUAGE = ("texts", "answers")
LOSSY = "texts-not-given-back"
"""The key of a number that is about fewer letters than it is divided by: how many texts the tokenizer does not give back."""


@dataclass(frozen=True)
class Answered:
    """`predicted` by row as the task reads it; `draws`: several of it, whose items are averaged (a random answer in
    expectation); `documents`: instead of answers, how many of them stand in random order. `shares`: probabilities by class
    name. `losses`: metric -> (weights, nats) by row. `numbers`: what has no items. `classes`: those it knows. `keys` name what
    made it, for signatures; `notes` are what a person should know."""

    name: str
    role: Literal["model", "predictions", "baseline"]
    keys: Mapping[str, object]
    predicted: Sequence[Any] = ()
    draws: Sequence[Sequence[Any]] = ()
    documents: int | None = None
    shares: Sequence[Mapping[str, float]] | None = None
    losses: Mapping[str, tuple[Floats, Floats]] = field(default_factory=dict)
    numbers: Sequence[Number] = ()
    classes: Sequence[str] = ()
    notes: Sequence[Message] = ()

    def shown(self, row: int) -> Any:
        """The answer to a row, for a person to look at."""
        return self.predicted[row] if len(self.predicted) else None


@dataclass(frozen=True)
class Asked:
    """What all metrics share: the data, the classes by number, the words of the training rows, the types that any tag names,
    the positive class."""

    data: Data
    classes: Sequence[str] = ()
    known: frozenset[str] | None = None
    types: frozenset[str] = frozenset()
    positive: str | None = None

    def items(self, metric: str, answered: Answered) -> Items | None:
        """What the metric counts on each row; None if the answers lack what it needs."""
        needs = METRICS[metric].needs
        if needs == "losses":
            return items_of(metric, *answered.losses[metric]) if metric in answered.losses else None
        if answered.documents is not None:
            return random_order(self.data.truth, answered.documents, **METRICS[metric].options)  # type: ignore[arg-type]
        if answered.draws:
            tables = [self._items(metric, draw, None) for draw in answered.draws]
            return _averaged([part for part in tables if isinstance(part, Sums)])
        return self._items(metric, answered.predicted, answered.shares) if len(answered.predicted) else None

    def _items(self, metric: str, predicted: Sequence[Any], shares: Sequence[Mapping[str, float]] | None) -> Items | None:
        needs, truth = METRICS[metric].needs, self.data.truth
        number = {name: place for place, name in enumerate(self.classes)}
        positive = {} if self.positive is None else {"positive": number[self.positive]}
        if needs == "pairs":
            return items_of(metric, *np.array(predicted, np.float64).T)
        if needs == "labels":
            numbers = [[number.get(name, -1) for name in names] for names in (truth, predicted)]
            binary = positive if metric.endswith("_binary") else {}
            return items_of(metric, *numbers, classes=len(self.classes), **binary)
        if needs == "probabilities":
            if shares is None:
                return None
            table = [[row.get(name, 0.0) for name in self.classes] for row in shares]
            return items_of(metric, np.array([number[name] for name in truth]), np.array(table), **positive)
        options: dict[str, Any] = {}
        if needs in BY_LANGUAGE and self.data.rules is not None:
            options["languages"] = self.data.rules
        if needs == "tags":
            options["known"] = self.types
        if metric == "unknown_word_recall":
            if self.known is None:
                return None
            options["known"] = self.known
        return items_of(metric, truth, predicted, **options)


def _averaged(draws: Sequence[Sums]) -> Sums:
    return replace(draws[0], table=np.mean([draw.rows() for draw in draws], axis=0), kind=None, share=False)


def from_file(name: str, predictions: Table, data: Data, columns: Columns, same: bool = False) -> Answered:
    """The answers in a file of predictions, in the order of the references. `same`: the references are that file too, so a
    column with the usual name of the truth holds no answers."""
    if data.task == LANGUAGE:
        raise DanluError("evaluate.predictions-of-text", where=str(predictions.path))
    scored = SCORED[data.task]
    usual = (*scored.predicted, *(() if same else scored.truth))
    named, cells = read_answers(predictions, data.task, columns, usual)
    kept = () if same else [name for name in data.inputs if name != named]
    order, unasked, notes = places(data.table, predictions, kept, name)
    shares = read_shares(predictions) if data.task in ("classification", "pairs") else None
    predicted = [cells[row] for row in order]
    notes = [message("evaluate.note.column", name=name, column=named), *notes, *answer_notes(name, predicted, data)]
    if unasked:
        notes.append(message("evaluate.note.unasked", name=name, count=unasked))
    return Answered(
        name, "predictions", {"predictions": predictions.key[:16]}, predicted,
        shares=None if shares is None else [shares[row] for row in order], notes=notes,
    )  # fmt: skip


def check_classes(answered: Answered, data: Data, classes: Sequence[str], own: Collection[str]) -> list[Message]:
    """What a person should know of answers that name no class. `classes` are all that are known, `own` those of the data.

    DanluError if the answers share no class with the data.
    """
    known, truth = set(classes), set(data.truth)
    none = "" if answered.role == "model" else None  # a model that answers nothing said so already
    strange = [name for name in answered.predicted if name not in known and name != none]
    given = set(answered.classes) or set(answered.predicted)
    if not given & set(own):
        raise DanluError(
            "evaluate.other-classes", where=answered.name, found=listed(sorted(given)[:5]), expected=listed(sorted(own)[:5])
        )
    notes = []
    if strange:
        names = listed(sorted(set(strange))[:5] if any(strange) else ['""'])
        notes.append(message("evaluate.note.strange", name=answered.name, count=len(strange), names=names))
    if answered.classes and (unknown := sorted(truth - set(answered.classes))):
        rows = sum(name in unknown for name in data.truth)
        notes.append(message("evaluate.note.unlearned", name=answered.name, count=rows, names=listed(unknown[:5])))
    if answered.role == "predictions" and answered.shares is not None:
        notes += check_shares(answered.name, answered.shares, answered.predicted, classes)
    return notes
