"""What a training is told, and what came of it. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TrainPlan:
    """All that decides the result, resolved before work starts; JSON by `asdict`, back by `TrainPlan(**values)`.

    `learning_rate` is the peak; `warmup` counts steps and `decay` is a share of them (see `schedule.wsd`); `validate_every` 0:
    only at the end. `seed` seeds dropout; the order of the data is the source's.
    """

    steps: int
    learning_rate: float
    weight_decay: float
    warmup: int = 1
    decay: float = 0.5
    beta2: float = 0.999
    optimizer: str = "adamw"
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
    threads: int = 2
    device: str = "cpu"
    seed: int = 0
    checkpoint_every: int = 100
    validate_every: int = 0


@dataclass(frozen=True)
class TrainResult:
    """What came of it. Losses are mean nats a target; `train_loss` over the last tenth of the plan's steps (0: none was done).

    `steps` of `plan.steps` are done, `began` of them by another training; `plan` is the one that was kept to in the end.
    `tokens` are the positions read. Not for a payload: `seconds` in the loop (earlier processes included),
    `tokens_per_second` (without the first steps, validation and checkpoints), `compiled` (asked for and succeeded).
    """

    plan: TrainPlan
    steps: int
    began: int
    tokens: int
    train_loss: float
    validation_loss: float | None
    seconds: float
    tokens_per_second: float
    compiled: bool
