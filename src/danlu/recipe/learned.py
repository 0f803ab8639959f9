"""`clean.language_model` and `clean.classifier`: what cleaning learns from texts that the user names."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from danlu.recipe.base import Bytes, Section, Share
from danlu.recipe.collect import CollectConfig, HoldoutConfig
from danlu.recipe.sources import FilesSource, PackageSource, PythonDocsSource

ExampleSource = Annotated[FilesSource | PackageSource | PythonDocsSource, Field(discriminator="type")]
Examples = Annotated[tuple[ExampleSource, ...], Field(min_length=1)]


class LanguageModelConfig(Section):
    """An n-gram language model for each of Chinese and English, learned from a reference sample."""

    sample: Examples = Field(description="Text as it should be, written like `collect.sources`.")
    order: Annotated[int, Field(ge=2, le=5)] = Field(3, description="Longest n-grams; 5 costs twice the time and memory of 3.")
    bytes: Bytes = Field(50_000_000, description="Most text of the sample that is learned from, of each language.")
    keep: Share | None = Field(
        None, description="Share of each language's documents to keep, those of lowest perplexity; None: no such rule."
    )

    def learning(self) -> LanguageModelConfig:
        """What of it changes the model. The sample is an input."""
        return self.model_copy(update={"sample": (), "keep": None})


class ClassifierConfig(Section):
    """A linear classifier of documents, learned from good and bad examples."""

    good: Examples = Field(description="Documents such as should stay, written like `collect.sources`.")
    bad: Examples = Field(description="Documents such as should go.")
    bytes: Bytes = Field(30_000_000, description="Most text of each of the two that is learned from.")

    def learning(self) -> ClassifierConfig:
        """What of it changes the model. The examples are inputs."""
        return self.model_copy(update={"good": (), "bad": ()})


def reading(sources: tuple[Any, ...]) -> CollectConfig:
    """How the stage `collect` reads examples: all of them, none held out."""
    return CollectConfig(sources=sources, holdout=HoldoutConfig(bytes=0))
