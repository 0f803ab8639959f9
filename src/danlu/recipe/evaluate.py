"""`evaluate`: what is measured, beside what."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from danlu.recipe.base import Count, Section, later, unit
from danlu.recipe.extension import Own


class EvaluateConfig(Section):
    """Which models, with which baselines."""

    models: tuple[str, ...] = Field(description="Names of pretrained and fine-tuned models of this recipe.")
    baselines: tuple[Literal["compression", "ngram", "unigram", "majority", "tfidf"], ...] = Field(
        ("compression", "ngram", "unigram", "majority", "tfidf"), description="What to measure beside them."
    )
    labels: tuple[Count, ...] = Field(
        (),
        description="Label sizes of the baselines' curve; none: those of the fine-tunings.",
        json_schema_extra=unit("examples"),
    )
    leak: bool = Field(True, description="Also measure what the score would seem to be had repeats been left in the split.")
    confidence: float = Field(0.95, gt=0, lt=1, description="Level of the intervals.")
    resamples: int = Field(1000, ge=100, le=100_000, description="Bootstrap resamples.")
    samples: int = Field(6, ge=0, le=100, description="Texts to generate and masks to fill, to be looked at.")
    metrics: tuple[Own, ...] = later((), "Metrics of your own for classifiers, each `module:name`.")

    def own_code(self) -> tuple[str, ...]:
        return self.metrics
