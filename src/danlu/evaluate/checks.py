"""What can be read but does not fit: counted, and told in notes. Where nothing fits at all it is an error."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from danlu.evaluate.data import MADE, Data
from danlu.metrics.entities import is_tag
from danlu.metrics.segmentation import characters
from danlu.tasks.scoring import ROUNDING
from danlu.text.canonical import canonical
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import listed
from danlu.workspace.sentences import Message, message

ONE_ANSWER = ("classification", "pairs", "regression", "entities")
SHOWN = 5  # names in a message
FEWEST_ROWS = 20  # with fewer, as many classes as rows may be by chance


def data_notes(data: Data) -> list[Message]:
    """Of the file itself."""
    notes = _repeats(data)
    if data.task in ("classification", "pairs") and len(data) >= FEWEST_ROWS:
        classes = len(set(data.truth))
        if 2 * classes > len(data):
            notes.append(message("evaluate.note.many-classes", count=classes, rows=len(data), column=data.truth_column))
    if data.task in MADE and (empty := [row for row, texts in enumerate(data.truth) if not texts]):
        notes.append(message("evaluate.note.no-reference", count=len(empty), rows=len(data), first=data.table.where(empty[0])))
    if data.task == "entities":
        notes += _tags(data)
    if data.languages is None and len(named := Counter(tag.split("-")[0] for tag in data.rules or ())) > 1:
        counts = ", ".join(f"{name} {count}" for name, count in named.most_common())
        notes.append(message("evaluate.note.rules", counts=counts))
    return notes


def _repeats(data: Data) -> list[Message]:
    """Rows that were asked before, and those of them whose right answer is another, where there can be but one."""
    columns: list[Sequence[str]] = list(data.apart.values() if data.couples is None else zip(*data.couples, strict=True))
    first: dict[tuple[str, ...], int] = {}
    again, other = [], 0
    for row, texts in enumerate(zip(*columns, strict=True)):
        key = tuple(canonical(text) or text.strip() for text in texts)
        if any(key) and (earlier := first.setdefault(key, row)) != row:
            again.append(row)
            other += data.task in ONE_ANSWER and data.truth[row] != data.truth[earlier]
    if not again:
        return []
    words = {"count": len(again), "rows": len(data), "first": data.table.where(again[0])}
    said = message("evaluate.note.repeats", **words)
    return [message("evaluate.note.contradicted", sentence=said, other=other) if other else said]


def _tags(data: Data) -> list[Message]:
    notes = []
    tags = [tag for row in data.truth for tag in row]
    strange = [tag for tag in tags if not is_tag(tag)]
    if strange:
        names = listed(sorted(set(strange))[:SHOWN])
        notes.append(message("evaluate.note.no-prefix", count=len(strange), tags=len(tags), names=names))
    column = next((data.table.columns[name] for name in ("tokens", "words") if name in data.table.columns), None)
    if column is not None:
        pairs = enumerate(zip(column, data.truth, strict=True))
        uneven = [row for row, (tokens, tags) in pairs if isinstance(tokens, list) and len(tokens) != len(tags)]
        if uneven:
            first = data.table.where(uneven[0])
            notes.append(message("evaluate.note.uneven-tags", count=len(uneven), rows=len(data), first=first))
    return notes


def answer_notes(name: str, predicted: Sequence[Any], data: Data) -> list[Message]:
    """Of answers that are longer, shorter or of other characters than what was asked."""
    if data.task == "entities":
        return [*_lengths(name, predicted, data), *_prefixes(name, predicted, data)]
    return _characters(name, predicted, data) if data.task == "segmentation" else []


def _lengths(name: str, predicted: Sequence[Sequence[str]], data: Data) -> list[Message]:
    other = [row for row, (tags, true) in enumerate(zip(predicted, data.truth, strict=True)) if len(tags) != len(true)]
    if not other:
        return []
    first = other[0]
    return [
        message(
            "evaluate.note.other-length", name=name, count=len(other), rows=len(data), first=data.table.where(first),
            given=len(predicted[first]), true=len(data.truth[first]),
        )
    ]  # fmt: skip


def _prefixes(name: str, predicted: Sequence[Sequence[str]], data: Data) -> list[Message]:
    """Where the right answers are tags of entities."""
    tags = [tag for row in predicted for tag in row]
    strange = [tag for tag in tags if not is_tag(tag)]
    if not strange or not all(is_tag(tag) for row in data.truth for tag in row):
        return []
    names = listed(sorted(set(strange))[:SHOWN])
    return [message("evaluate.note.given-no-prefix", name=name, count=len(strange), tags=len(tags), names=names)]


def _characters(name: str, predicted: Sequence[Sequence[str]], data: Data) -> list[Message]:
    lines = [(characters(words), characters(true)) for words, true in zip(predicted, data.truth, strict=True)]
    other = [row for row, (given, true) in enumerate(lines) if given != true]
    if not other:
        return []
    form = sum(len({unicodedata.normalize("NFKC", line) for line in lines[row]}) == 1 for row in other)
    said = message(
        "evaluate.note.other-characters", name=name, count=len(other), rows=len(data), first=data.table.where(other[0])
    )
    return [message("evaluate.note.other-form", sentence=said, form=form) if form else said]


def check_shares(
    name: str, shares: Sequence[Mapping[str, float]], predicted: Sequence[str], classes: Collection[str]
) -> list[Message]:  # fmt: skip
    """Of probabilities by class name that name no class, leave some out, or speak for another answer than the one given.

    DanluError if none of the names is a class.
    """
    known = set(classes)
    given = {label for row in shares for label in row}
    if not given & known:
        raise DanluError(
            "evaluate.other-shares", where=name, found=listed(sorted(given)[:SHOWN]), expected=listed(sorted(known)[:SHOWN])
        )
    notes = []
    if strange := given - known:
        rows = sum(any(row.get(label, 0) > 0 for label in strange) for row in shares)
        notes.append(message("evaluate.note.strange-shares", name=name, count=rows, names=listed(sorted(strange)[:SHOWN])))
    if part := sum(sum(row.values()) < 1 - ROUNDING for row in shares):
        notes.append(message("evaluate.note.part-shares", name=name, count=part, rows=len(shares)))
    other = sum(
        answer in known and max(row.values(), default=0) > row.get(answer, 0) + 1e-9
        for row, answer in zip(shares, predicted, strict=True)
    )
    if other:
        notes.append(message("evaluate.note.other-likeliest", name=name, count=other, rows=len(shares)))
    return notes
