"""The whole recipe."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field, JsonValue, model_validator

from danlu.recipe.base import EntryName, Section, refuse
from danlu.recipe.clean import CleanConfig
from danlu.recipe.collect import CollectConfig
from danlu.recipe.datasets import DatasetConfig
from danlu.recipe.evaluate import EvaluateConfig
from danlu.recipe.finetune import FinetuneConfig
from danlu.recipe.keys import nearest
from danlu.recipe.pretrain import PretrainConfig
from danlu.recipe.run_name import RunName
from danlu.recipe.serve import ServeConfig
from danlu.recipe.source_name import source_names
from danlu.recipe.tokenize import TokenizeConfig

FORMAT = 1


class Recipe(Section):
    """One file that says all that a run does."""

    format: int = Field(FORMAT, ge=1, le=FORMAT, description="Version of the recipe format.")
    name: RunName = Field(
        description="Name of the run: letters of any script (small ones where it knows case), digits, hyphens."
    )
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Everything random follows from it.")
    fallback: str | None = Field(None, description="Recipe to run instead where this one's data packages cannot be had.")
    code: str | None = Field(None, description="Folder of your own modules (`module:name`); None: the recipe's folder.")
    datasets: dict[EntryName, DatasetConfig] = Field({}, description="Labelled rows, by name.")
    collect: CollectConfig | None = Field(None, description="Text to pretrain on.")
    clean: CleanConfig = Field(CleanConfig(), description="Repair, rules, repeats.")
    tokenize: TokenizeConfig = Field(TokenizeConfig(), description="The tokenizer.")
    pretrain: dict[EntryName, PretrainConfig] = Field({}, description="Models trained from nothing, by name.")
    finetune: dict[EntryName, FinetuneConfig] = Field({}, description="Task models, by name.")
    evaluate: EvaluateConfig | None = Field(None, description="What is measured; nothing without it.")
    serve: ServeConfig = Field(ServeConfig(), description="Which models the end of a run proposes to serve.")

    def own_code(self) -> tuple[str, ...]:
        sections = (self.collect, self.clean, self.evaluate, *self.datasets.values(), *self.pretrain.values())
        return tuple(name for part in (*sections, *self.finetune.values()) if part is not None for name in part.own_code())

    def text_sources(self) -> list[str]:
        """What the documents of `collect` say of where they come from; a dataset's own sources each stand for themselves."""
        found: list[str] = []
        sources = self.collect.sources if self.collect else ()
        for name, source in zip(source_names(sources), sources, strict=True):
            if source.type == "dataset":
                found += (f"{name}/{inner}" for inner in source_names(self.datasets[source.dataset].sources))
            else:
                found.append(name)
        return found

    @model_validator(mode="after")
    def _names_exist(self) -> Recipe:
        def need(name: str, among: Iterable[str], *at: str | int) -> None:
            if name not in among:
                raise refuse("no-such-name", at, key=".".join(map(str, at)), name=name, names=", ".join(among) or "–")

        if self.pretrain and self.collect is None:
            raise refuse("nothing-to-collect", ("pretrain",))
        if both := set(self.pretrain) & set(self.finetune):
            raise refuse("same-name", ("finetune", min(both)), name=min(both))
        for index, source in enumerate(self.collect.sources if self.collect else ()):
            if source.type == "dataset":
                need(source.dataset, self.datasets, "collect", "sources", index, "dataset")
        mixed = {name: pretrain.mixture for name, pretrain in self.pretrain.items() if pretrain.mixture}
        sources = self.text_sources() if mixed else []
        for name, mixture in mixed.items():
            for source_name in mixture:
                if source_name not in sources:
                    choices = nearest(source_name, sources) or ", ".join(sources)
                    at = ("pretrain", name, "mixture", source_name)
                    raise refuse("no-such-source", at, key=".".join(at), name=source_name, choices=choices)
        for name, tuning in self.finetune.items():
            need(tuning.dataset, self.datasets, "finetune", name, "dataset")
        if taken := [name for name in self.pretrain if f"{name}.trunk" in self.pretrain]:
            raise refuse("trunk-name", ("pretrain", f"{taken[0]}.trunk"), name=taken[0])
        models = {**self.pretrain, **self.finetune}
        for index, name in enumerate(self.evaluate.models if self.evaluate else ()):
            need(name, models, "evaluate", "models", index)
        for index, name in enumerate(self.serve.models):
            need(name, models, "serve", "models", index)
        return self


class RecipeFile(Recipe):
    """A recipe as it stands in a file: also what it is laid over, and its variants. Both are gone when it is read."""

    extends: str | tuple[str, ...] = Field((), description="Recipe or recipes that this one is laid over; a later one wins.")
    variants: dict[EntryName, dict[str, JsonValue]] = Field(
        {}, description="Named changes of this recipe, each written like a recipe; `--variant NAME` chooses one."
    )
