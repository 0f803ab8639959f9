"""Budgets: `10m`, `2h`, `20M tokens`, `3 epochs`, `500 steps`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from danlu.recipe.base import Section

UNITS: dict[str, tuple[Literal["seconds", "tokens", "epochs", "steps"], float]] = {
    "s": ("seconds", 1), "m": ("seconds", 60), "min": ("seconds", 60), "h": ("seconds", 3600),
    "tokens": ("tokens", 1), "epochs": ("epochs", 1), "epoch": ("epochs", 1), "steps": ("steps", 1),
}  # fmt: skip
SCALES = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9}


class BudgetConfig(Section):
    """How long to train, in one unit."""

    amount: float = Field(gt=0)
    unit: Literal["seconds", "tokens", "epochs", "steps"]


def _parse(value: Any) -> Any:
    if isinstance(value, str):
        found = re.fullmatch(r"\s*([\d.]+)\s*([kKMB]?)\s*([a-z]+)\s*", value)
        if not found or found[3] not in UNITS or (found[2] and UNITS[found[3]][0] in ("seconds", "epochs")):
            raise ValueError("a budget such as 10m, 2h, 20M tokens, 3 epochs or 500 steps")
        unit, scale = UNITS[found[3]]
        return {"amount": float(found[1]) * SCALES[found[2]] * scale, "unit": unit}
    return value


Budget = Annotated[BudgetConfig, BeforeValidator(_parse)]
