"""What a task is. Another one is a module with a `TASK`, and a line in `TASKS`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from transformers import PreTrainedModel

from danlu.tasks.source import Examples
from danlu.training.objective import Objective
from danlu.workspace.extension import load, require


@dataclass(frozen=True)
class Task:
    """The functions that make up a task.

    `names(labels of the training rows)`: what a model can answer, sorted. `build(address, names, initial, seed)`: the starting
    model with the task's head, and words for how it pools. `encode(tokenizer, texts, labels or None, names, length)`: texts,
    prepared, as examples. `objective(pad id)`: collation and loss. `answers(logits)`: probabilities [rows, names] float32.
    `metrics`: names of the metrics that judge it, the first one decides.
    """

    name: str
    metrics: tuple[str, ...]
    names: Callable[[Sequence[str]], list[str]]
    build: Callable[[str, Sequence[str], str, int], tuple[PreTrainedModel, str]]
    encode: Callable[[Any, Sequence[str], Sequence[str] | None, Sequence[str], int], Examples]
    objective: Callable[[int], Objective[Examples]]
    answers: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]


TASKS = {"classification": "danlu.tasks.classification"}


def task_named(name: str, folder: Path = Path()) -> Task:
    """The task of that name: a built-in one, or `module:name` of the user's in the recipe's `folder`."""
    if name in TASKS:
        found: Task = importlib.import_module(TASKS[name]).TASK
        return found
    own = load(name, folder)
    require(isinstance(own, Task), "task", name, own)
    return own  # type: ignore[no-any-return]
