"""Budgets: `10m`, `2h`, `20M tokens`, `3 epochs`, `500 steps`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from danlu.recipe.base import Section, refuse

UNITS: dict[str, tuple[Literal["seconds", "tokens", "epochs", "steps"], float]] = {
    "s": ("seconds", 1), "m": ("seconds", 60), "min": ("seconds", 60), "h": ("seconds", 3600),
    "tokens": ("tokens", 1), "epochs": ("epochs", 1), "epoch": ("epochs", 1), "steps": ("steps", 1),
}  # fmt: skip
PATTERN = (
    r"\s*(?:(?P<amount>\d+(?:\.\d+)?)\s*(?P<time>s|m|min|h|epochs?)"
    r"|(?P<many>\d+(?:\.\d+)?)\s*(?P<scale>[kKMB]?)\s*(?P<count>tokens|steps))\s*"
)
EDITOR_PATTERN = f"^{re.sub('[?]P<[a-z]+>', '', PATTERN)}$"
SCALES = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9}


class BudgetConfig(Section):
    """How long to train, in one unit."""

    amount: float = Field(gt=0, description="How much, in `unit`.")
    unit: Literal["seconds", "tokens", "epochs", "steps"] = Field(description="What is counted.")


def _parse(value: Any) -> Any:
    if isinstance(value, str):
        found = re.fullmatch(PATTERN, value)
        if not found:
            raise refuse("budget")
        unit, scale = UNITS[found["time"] or found["count"]]
        return {"amount": float(found["many"] or found["amount"]) * SCALES[found["scale"] or ""] * scale, "unit": unit}
    return value


def words(budget: BudgetConfig) -> str:
    """A budget as it is written in a recipe."""
    return f"{budget.amount:g}{'s' if budget.unit == 'seconds' else f' {budget.unit}'}"


Budget = Annotated[
    BudgetConfig,
    BeforeValidator(
        _parse,
        json_schema_input_type=Annotated[str, Field(pattern=EDITOR_PATTERN, examples=["10m", "2h", "20M tokens", "3 epochs"])]
        | BudgetConfig,
    ),
]
