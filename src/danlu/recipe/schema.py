"""The whole recipe."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from danlu.recipe.base import Section
from danlu.recipe.clean import CleanConfig
from danlu.recipe.collect import CollectConfig
from danlu.recipe.datasets import DatasetConfig
from danlu.recipe.evaluate import EvaluateConfig
from danlu.recipe.finetune import FinetuneConfig
from danlu.recipe.pretrain import PretrainConfig
from danlu.recipe.serve import ServeConfig
from danlu.recipe.tokenize import TokenizeConfig

FORMAT = 1


class Recipe(Section):
    """One file that says all that a run does."""

    format: int = Field(FORMAT, ge=1, le=FORMAT, description="Version of the recipe format.")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="Name of the run: lower case letters, digits, hyphens.")
    seed: int = Field(0, ge=0, description="Everything random follows from it.")
    fallback: str | None = Field(None, description="Recipe to run instead where this one's data packages cannot be had.")
    datasets: dict[str, DatasetConfig] = Field({}, description="Labelled rows, by name.")
    collect: CollectConfig | None = None
    clean: CleanConfig = CleanConfig()
    tokenize: TokenizeConfig = TokenizeConfig()
    pretrain: dict[str, PretrainConfig] = Field({}, description="Models trained from nothing, by name.")
    finetune: dict[str, FinetuneConfig] = Field({}, description="Task models, by name.")
    evaluate: EvaluateConfig | None = None
    serve: ServeConfig = ServeConfig()

    @model_validator(mode="after")
    def _names_exist(self) -> Recipe:
        def need(name: str, among: Any, key: str) -> None:
            if name not in among:
                raise ValueError(f"{key}: no '{name}' in this recipe; there is {', '.join(among) or 'none'}")

        if self.pretrain and self.collect is None:
            raise ValueError("pretrain needs collect: text to train on")
        if both := set(self.pretrain) & set(self.finetune):
            raise ValueError(f"'{min(both)}' names a pretraining and a fine-tuning; names must differ")
        for index, source in enumerate(self.collect.sources if self.collect else ()):
            if source.type == "dataset":
                need(source.dataset, self.datasets, f"collect.sources.{index}.dataset")
        for name, tuning in self.finetune.items():
            need(tuning.dataset, self.datasets, f"finetune.{name}.dataset")
        for name in (*(self.evaluate.models if self.evaluate else ()), *self.serve.models):
            need(name, {**self.pretrain, **self.finetune}, "models")
        return self
