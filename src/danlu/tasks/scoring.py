"""How the answers of a task are scored: the columns that its data has, how a cell of them is read, and the metrics.

To add a task that can be scored: its line in `SCORED`. This module knows no model and imports none of their libraries.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

Read = Callable[[Any], Any]
"""From a cell (of JSON, of Parquet, or the string of a CSV) to what metrics take; ValueError where it is no such thing."""


ROUNDING = 0.02  # that rounded probabilities of all classes may be more or less than 1 together


class Scored(NamedTuple):
    """`truth`, `predicted` and `inputs`: usual names of the columns, likeliest first; of `inputs`, all that a file has, and of
    the couples of `PAIRED` one. No `truth`: the inputs say by their names what is right.

    `metrics`: the first decides comparisons; those that need probabilities are measured where there are any. `item` tells
    how well one item alone was answered. `predicted` are looked for before the names of the truth.
    """

    truth: tuple[str, ...]
    predicted: tuple[str, ...]
    inputs: tuple[str, ...]
    metrics: tuple[str, ...]
    item: str
    read_truth: Read
    read_predicted: Read


def label(cell: Any) -> str:
    """A class by name: 1, 1.0 and "1" are the same class."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, str | int) and (word := str(cell).strip()):
        return word
    raise ValueError("no label")


def maybe_label(cell: Any) -> str:
    """As `label`; an empty cell is an answer that names no class."""
    return "" if cell is None or cell == "" else label(cell)


def number(cell: Any) -> float:
    """A finite number."""
    value = math.nan if cell is None or isinstance(cell, bool | list | dict) else float(cell)
    if not math.isfinite(value):
        raise ValueError(str(cell))
    return value


def words(cell: Any) -> list[str]:
    """A list of words: as it is, as JSON, or parted by spaces."""
    found = parsed(cell)
    if isinstance(found, str):
        return found.split()
    if isinstance(found, list) and all(isinstance(word, str) for word in found):
        return list(found)
    raise ValueError("no list of words")


def text(cell: Any) -> str:
    """A text; an empty cell is an empty one."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    raise ValueError("no text")


def sentence(cell: Any) -> str:
    """A text that is not empty."""
    if isinstance(cell, str) and cell.strip():
        return cell
    raise ValueError("no sentence")


def texts(cell: Any) -> list[str]:
    """One text or several: as a list, as JSON, or as SQuAD writes them, {"text": [...]} or [{"text": ...}]. Empty: none.

    JSON of another shape is a text as it stands: what is asked for may be JSON.
    """
    if cell is None or cell == "":
        return []
    found = _several(parsed(cell))
    if found is None and isinstance(cell, str):
        return [cell]
    if found is None:
        raise ValueError("no text or list of texts")
    return found


def _several(found: Any) -> list[str] | None:
    """The texts of a list, of SQuAD's record or of a list of such; None for anything else."""
    if isinstance(found, Mapping):
        return _several(found["text"] or "") if "text" in found else None
    if isinstance(found, str):
        return [found] if found else []
    if not isinstance(found, list):
        return None
    parts = [one.get("text") if isinstance(one, Mapping) else one for one in found]
    named = [one for one in parts if isinstance(one, str)]
    return named if len(named) == len(parts) else None


def grades(cell: Any) -> dict[str, int]:
    """The grade of each document, {name: 0, 1, 2...}, or a list of the relevant ones."""
    found = parsed(cell)
    if isinstance(found, Mapping):
        return {str(name): _whole(number(grade)) for name, grade in found.items() if grade is not None}
    if isinstance(found, list):
        return dict.fromkeys(map(str, found), 1)
    raise ValueError("no documents")


def _whole(value: float) -> int:
    if not value.is_integer():
        raise ValueError(f"{value} is no whole number")
    return int(value)


def ranking(cell: Any) -> dict[str, float]:
    """The score of each document, {name: score}, or a list of documents, the best first."""
    found = parsed(cell)
    if isinstance(found, Mapping):
        return {str(name): number(score) for name, score in found.items() if score is not None}
    if isinstance(found, list):
        return {str(name): float(-place) for place, name in enumerate(dict.fromkeys(map(str, found)))}
    raise ValueError("no ranking")


def logs(cell: Any) -> tuple[float, float]:
    """Two log-probabilities: of the acceptable sentence and of the other."""
    found = parsed(cell)
    if isinstance(found, list) and len(found) == 2:
        return number(found[0]), number(found[1])
    raise ValueError("no two numbers")


def shares(cell: Any) -> dict[str, float]:
    """The probability of each class by its name, from 0 to 1, and as rounded as it may be at most 1 together."""
    found = parsed(cell)
    if not isinstance(found, Mapping):
        raise ValueError("no probabilities by class")
    table = {label(name): number(share) for name, share in found.items() if share is not None}
    if not all(0 <= share <= 1 for share in table.values()) or sum(table.values()) > 1 + ROUNDING:
        raise ValueError("no probabilities")
    return table


def parsed(cell: Any) -> Any:
    """The value of a cell that may be JSON in a string, as CSV has it."""
    if isinstance(cell, str) and cell[:1] in ("[", "{"):
        try:
            return json.loads(cell)
        except ValueError:
            return cell
    return cell


_LABELS = ("label", "labels", "class", "category", "target", "gold", "truth", "y")
_ANSWERED = ("predicted", "prediction", "predictions", "pred", "output", "answer", "hypothesis", "system")
_TEXT = ("text", "sentence", "content", "review", "document", "title")
_SOURCE = ("source", "src")
_MEASURES = ("value", "score", "rating")
_CLASSES = ("accuracy", "f1_macro", "mcc", "roc_auc", "log_loss", "brier", "calibration_error")

MINIMAL = "minimal-pairs"
"""The task of finding the acceptable one of two sentences the likelier one."""
GOOD, BAD = "sentence_good", "sentence_bad"
LOGS = ("logprob_good", "logprob_bad")
"""Columns of predictions, as one list of both is in `predicted`."""
CONTRASTS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "field": ("field",), "phenomenon": ("linguistics_term", "phenomenon"), "paradigm": ("UID", "paradigm"),
})  # fmt: skip
"""What a pair tests, from the widest to the finest: the names that BLiMP and ZhoBLiMP give the column."""
PAIRED = (
    ("text_a", "text_b"), ("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"),
    ("question", "sentence"),
)  # fmt: skip
"""Columns of two texts that are read together."""

SCORED: Mapping[str, Scored] = MappingProxyType({
    "classification": Scored(
        _LABELS, _ANSWERED, _TEXT, _CLASSES, "accuracy", label, maybe_label,
    ),
    "pairs": Scored(
        _LABELS, _ANSWERED, tuple(name for couple in PAIRED for name in couple), _CLASSES, "accuracy", label, maybe_label,
    ),
    "regression": Scored(
        (*_MEASURES, *_LABELS), _ANSWERED, _TEXT,
        ("spearman", "pearson", "mae", "mse"), "mae", number, number,
    ),
    MINIMAL: Scored((), _ANSWERED, (GOOD, BAD), ("pair_accuracy",), "pair_accuracy", sentence, logs),
    "entities": Scored(
        ("tags", "ner_tags", "labels"), ("predicted_tags", *_ANSWERED), ("tokens", "words", *_TEXT),
        ("entity_f1", "entity_f1_macro", "entity_precision", "entity_recall"), "entity_f1", words, words,
    ),
    "segmentation": Scored(
        ("words", "segmented", "gold", "truth"), ("predicted_words", *_ANSWERED), _TEXT,
        ("word_f1", "word_precision", "word_recall", "unknown_word_recall"), "word_f1", words, words,
    ),
    "answers": Scored(
        ("answers", "answer", "gold", "truth"), _ANSWERED, ("question", "context", "passage", *_TEXT),
        ("answer_f1", "exact_match"), "answer_f1", texts, text,
    ),
    "translation": Scored(
        ("references", "reference", "translation", "target", "gold", "truth"), _ANSWERED, (*_SOURCE, "input", *_TEXT),
        ("chrf", "bleu"), "chrf", texts, text,
    ),
    "summary": Scored(
        ("summary", "highlights", "abstract", "references", "reference", "target"), _ANSWERED,
        ("article", "source", "input", *_TEXT), ("rouge_l", "rouge_1", "rouge_2", "rouge_lsum"), "rouge_l", texts, text,
    ),
    "retrieval": Scored(
        ("grades", "relevant", "qrels", "relevance"), ("ranking", "ranked", "scores", "run", *_ANSWERED), ("query", "question"),
        ("ndcg_10", "mrr", "map", "recall_10", "recall_100", "precision_10"), "ndcg_10", grades, ranking,
    ),
})  # fmt: skip

TELLING: Mapping[str, tuple[str, ...]] = MappingProxyType({
    MINIMAL: (GOOD, BAD),
    "retrieval": ("grades", "relevant", "qrels"), "entities": ("tags", "ner_tags"), "segmentation": ("words", "segmented"),
    "answers": ("answers",), "summary": ("summary", "highlights", "abstract"),
    "translation": ("references", "reference", "translation"),
})  # fmt: skip
"""Columns that only one task has, by which it is known."""


def guess_task(columns: Sequence[str], values: Callable[[str], Sequence[Any]]) -> str | None:
    """The task that a file with these columns is of; `values(column)` gives its cells. None where no column tells."""
    for task, names in TELLING.items():
        if any(name in columns for name in names):
            return task
    if "target" in columns and not {*_TEXT, "label"} & {*columns} and any(name in columns for name in _SOURCE):
        return "translation"
    found = next((name for name in _LABELS if name in columns), None)
    if found is None:
        if {"question", "answer"} <= {*columns}:
            return "answers"
        return "regression" if any(name in columns for name in _MEASURES) else None
    if _are_measures(values(found)):
        return "regression"
    return "pairs" if any(set(pair) <= set(columns) for pair in PAIRED) else "classification"


def _are_measures(cells: Sequence[Any]) -> bool:
    """Whether the cells are numbers and some have a fraction: classes are whole numbers or words."""
    try:
        found = [number(cell) for cell in cells]
    except (ValueError, TypeError):
        return False
    return any(not value.is_integer() for value in found)
