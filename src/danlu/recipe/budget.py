"""Budgets: `10m`, `2h`, `20M tokens`, `3 epochs`, `500 steps`; and parts of one: a share or `500 steps`."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from danlu.recipe.base import Section, refuse

UNITS: dict[str, tuple[Literal["seconds", "tokens", "epochs", "steps"], int]] = {
    "s": ("seconds", 1), "second": ("seconds", 1), "m": ("seconds", 60), "min": ("seconds", 60), "minute": ("seconds", 60),
    "h": ("seconds", 3600), "hour": ("seconds", 3600),
    "token": ("tokens", 1), "epoch": ("epochs", 1), "step": ("steps", 1),
}  # fmt: skip
PATTERN = (
    r"\s*(?:(?P<amount>\d+(?:\.\d+)?)\s*(?:(?P<short>s|m|min|h)|(?P<time>second|minute|hour|epoch)s?)"
    r"|(?P<many>\d+(?:\.\d+)?)\s*(?P<scale>[kKMB]?)\s*(?P<count>token|step)s?)\s*"
)
EDITOR_PATTERN = f"^{re.sub('[?]P<[a-z]+>', '', PATTERN)}$"
SCALES = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9}


class BudgetConfig(Section):
    """How long to train, in one unit."""

    amount: float = Field(gt=0, description="How much, in `unit`.")
    unit: Literal["seconds", "tokens", "epochs", "steps"] = Field(description="What is counted.")

    @model_validator(mode="after")
    def _whole(self) -> BudgetConfig:
        if self.unit in ("steps", "tokens") and not self.amount.is_integer():
            raise refuse("whole", unit=self.unit)
        return self


def _parse(value: Any) -> Any:
    if isinstance(value, str):
        found = re.fullmatch(PATTERN, value)
        if not found:
            raise refuse("budget")
        unit, scale = UNITS[found["short"] or found["time"] or found["count"]]
        amount = Decimal(found["many"] or found["amount"]) * SCALES[found["scale"] or ""] * scale
        return {"amount": float(amount), "unit": unit}
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


STEPS_PATTERN = r"^\s*\d+(?:\.\d+)?\s*[kKMB]?\s*steps?\s*$"


def _parse_part(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(STEPS_PATTERN, value) and (found := _parse(value))["amount"]:
        return found
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    if isinstance(value, BudgetConfig) or (isinstance(value, dict) and value.get("unit") == "steps"):
        return value
    raise refuse("part")


Part = Annotated[
    float | BudgetConfig,
    BeforeValidator(
        _parse_part,
        json_schema_input_type=Annotated[float, Field(ge=0, le=1)]
        | Annotated[str, Field(pattern=STEPS_PATTERN, examples=["200 steps"])],
    ),
]
"""A part of the steps of a run: a share of them, or so many whatever the budget."""
