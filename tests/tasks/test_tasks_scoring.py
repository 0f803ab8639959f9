"""How cells are read and tasks are told from columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from danlu.tasks.scoring import grades, guess_task, shares, texts


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (None, []), ("", []), ([], []), ("one", ["one"]), (["one", "two"], ["one", "two"]), ('["one", "two"]', ["one", "two"]),
        ({"text": ["one"], "answer_start": [3]}, ["one"]), ({"text": []}, []), ({"text": None}, []), ({"text": "one"}, ["one"]),
        ('{"text": ["one"], "answer_start": [3]}', ["one"]),
        ([{"text": "one", "answer_start": 3}, {"text": "two", "answer_start": 9}], ["one", "two"]),
        ('[{"text": "one", "answer_start": 3}]', ["one"]),
        ('{"name": 0}', ['{"name": 0}']), ("[1, 2]", ["[1, 2]"]), ('[{"name": 0}]', ['[{"name": 0}]']),
        ("{not json", ["{not json"]), ("[1]: see below", ["[1]: see below"]),
    ],
)  # fmt: skip
def test_texts(cell: Any, expected: list[str]) -> None:
    assert texts(cell) == expected


@pytest.mark.parametrize(
    ("read", "cell"),
    [
        (texts, {"name": 0}), (texts, [1, 2]), (texts, 7), (grades, {"d": 0.5}), (grades, '{"d": 1.5}'),
        (shares, {"a": 95.0, "b": 5.0}), (shares, {"a": -0.1, "b": 1.0}), (shares, {"a": 0.9, "b": 0.2}),
    ],
)  # fmt: skip
def test_cells_of_another_kind(read: Callable[[Any], Any], cell: Any) -> None:
    with pytest.raises(ValueError, match=r"no "):
        read(cell)


def test_whole_grades_and_rounded_shares() -> None:
    assert grades({"a": 2.0, "b": 0, "c": -1, "d": None}) == {"a": 2, "b": 0, "c": -1}
    assert shares({"a": 0.34, "b": 0.34, "c": 0.33}) == {"a": 0.34, "b": 0.34, "c": 0.33}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"source": ["a b"], "target": ["c d"]}, "translation"),
        ({"src": ["a b"], "target": ["c d"]}, "translation"),
        ({"text": ["a b"], "target": ["pos"], "source": ["web"]}, "classification"),
        ({"text": ["a b"], "target": ["pos"]}, "classification"),
        ({"input": ["a b"], "target": ["pos"]}, "classification"),
        ({"text": ["a b"], "score": [3, 4]}, "regression"),
        ({"text": ["a b"], "score": ["3", "4"]}, "regression"),
        ({"text": ["a b"], "rating": [5]}, "regression"),
        ({"text": ["a b"], "rating": [5], "label": ["pos"]}, "classification"),
        ({"sentence1": ["a"], "sentence2": ["b"], "score": [3]}, "regression"),
        ({"sentence1": ["a"], "sentence2": ["b"], "label": [1]}, "pairs"),
        ({"text": ["a"], "label": [0.5, 1]}, "regression"),
        ({"question": ["a"], "answer": ["b"], "score": [3]}, "answers"),
        ({"text": ["a b"]}, None),
    ],
)
def test_tasks_by_their_columns(columns: dict[str, list[Any]], expected: str | None) -> None:
    assert guess_task(list(columns), columns.__getitem__) == expected
