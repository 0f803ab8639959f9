"""`finetune`: a model and a dataset make a task model."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from danlu.recipe.base import Section, Share
from danlu.recipe.budget import Budget, BudgetConfig


class FreezeConfig(Section):
    """What stays as it was."""

    until: Share = Field(
        0.0, description="Share of the layers, from the embeddings up, that stay frozen; 1: only the head learns."
    )


class FinetuneConfig(Section):
    """One fine-tuning."""

    model_config = ConfigDict(populate_by_name=True)

    start: str = Field(
        alias="from",
        description="A pretrained model of this recipe by name, a directory, `package:NAME` or a hub name `owner/name`.",
    )
    initial: Literal["weights", "random"] = Field("weights", description="random: the same model without its pretraining.")
    task: Literal["classification"] = "classification"
    dataset: str = Field(description="A dataset of this recipe.")
    labels: tuple[int, ...] = Field((), description="Also train on so many labelled examples, for the label curve.")
    freeze: FreezeConfig = FreezeConfig()
    length: int = Field(128, ge=8, le=8192, description="Most tokens of a text.")
    budget: Budget = BudgetConfig(amount=3, unit="epochs")
    batch: int | None = Field(None, ge=1, description="Examples in an optimizer step.")
    learning_rate: float | None = Field(None, gt=0, le=1, description="Peak learning rate.")
    weight_decay: float = Field(0.01, ge=0, le=10)
    optional: bool = Field(False, description="Skip, and say so, where the starting model cannot be had.")
