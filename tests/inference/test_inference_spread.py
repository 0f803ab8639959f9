"""Batches side by side give what they give one after another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from danlu.inference.classify import classify
from danlu.inference.spread import side_by_side

TEXTS = [f"{'The old man 书 ' * (number % 5)}{number}" for number in range(40)]


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class Model(torch.nn.Module):
    """One layer, and perhaps rotary positions of a kind."""

    def __init__(self, kind: Any = None) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)
        if kind is not None:
            self.layer.rope_type = kind


@pytest.mark.parametrize("name", ["bert", "modernbert"])
def test_classes_do_not_depend_on_threads(name: str, classifiers: dict[str, Any], tokenizer: Any, two_threads: None) -> None:
    model = classifiers[name]
    several = classify(model, tokenizer, TEXTS, length=40, batch_tokens=64)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    np.testing.assert_allclose(classify(model, tokenizer, TEXTS, length=40, batch_tokens=64), several, atol=1e-6)


def test_two_go_at_once_each_with_half_of_the_threads(two_threads: None) -> None:
    meeting = threading.Barrier(2)  # broken if they come one after another

    def work(number: int) -> tuple[int, int]:
        meeting.wait(timeout=20)
        return number, torch.get_num_threads()

    assert list(side_by_side(Model("default"), work, range(6))) == [(number, 1) for number in range(6)]
    kept: list[int] = []
    thread = threading.Thread(target=lambda: kept.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert kept == [torch.get_num_threads()] == [2]  # what new threads begin with too


@pytest.mark.parametrize("kind", ["dynamic", "longrope", {"full_attention": "default", "sliding_attention": "dynamic"}])
def test_a_model_that_keeps_something_of_a_batch_reads_one_at_a_time(kind: Any, two_threads: None) -> None:
    caller = threading.get_ident()
    assert set(side_by_side(Model(kind), lambda _: threading.get_ident(), range(4))) == {caller}
    assert set(side_by_side(Model(), lambda _: threading.get_ident(), [1])) == {caller}
    elsewhere = SimpleNamespace(parameters=lambda: iter([SimpleNamespace(device=torch.device("cuda"))]))
    assert set(side_by_side(elsewhere, lambda _: threading.get_ident(), range(4))) == {caller}


def test_a_failure_is_told_and_leaves_the_threads(two_threads: None) -> None:
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(Model(), lambda number: 1 // (number - 3), range(40)))
    assert torch.get_num_threads() == 2
