"""`finetune`: a model and a dataset make a task model."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from danlu.recipe.base import Count, Section, Share, unit
from danlu.recipe.budget import Budget, BudgetConfig
from danlu.recipe.extension import BuiltInOrOwn


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
        description="A pretraining of this recipe by name, `RUN/NAME`, a directory, `package:NAME` or a hub's `owner/name`.",
    )
    initial: Literal["weights", "random"] = Field("weights", description="random: the same model without its pretraining.")
    task: Annotated[str, BuiltInOrOwn("classification")] = Field(
        "classification", description="`classification`, or `module:name`: a task of your own."
    )
    dataset: str = Field(description="A dataset of this recipe.")
    labels: tuple[Count, ...] = Field(
        (), description="Also train on so many labelled examples, for the label curve.", json_schema_extra=unit("examples")
    )
    freeze: FreezeConfig = FreezeConfig()
    length: int = Field(128, ge=8, le=8192, description="Most tokens of a text.", json_schema_extra=unit("tokens"))
    budget: Budget = Field(BudgetConfig(amount=3, unit="epochs"), description="How long to train on all rows.")
    batch: int | None = Field(None, ge=1, description="Examples in an optimizer step.", json_schema_extra=unit("examples"))
    learning_rate: float | None = Field(None, gt=0, le=1, description="Peak learning rate.")
    weight_decay: float = Field(0.01, ge=0, le=10, description="Decoupled decay of the matrices.")
    optional: bool = Field(False, description="Skip, and say so, where the starting model cannot be had.")

    def identity(self) -> dict[str, Any]:
        """A starting model is known by its last part, wherever its folder lies; its content is in the key by itself."""
        return {**super().identity(), "start": PurePath(self.start).name}

    def own_code(self) -> tuple[str, ...]:
        return () if self.task == "classification" else (self.task,)
