"""`datasets`: labelled rows and how they are split."""

from __future__ import annotations

from pydantic import Field, model_validator

from danlu.recipe.base import Section, Share, refuse, unit
from danlu.recipe.sources import RowSource


class SplitConfig(Section):
    """Which rows are validation and test: decided by the digest of the text, before anything is cleaned."""

    validation: Share = Field(0.1, description="Share of distinct texts for validation.")
    test: Share = Field(0.1, description="Share of distinct texts for test.")

    @model_validator(mode="after")
    def _something_to_train_on(self) -> SplitConfig:
        if self.validation + self.test >= 1:
            raise refuse("split", ("test",))
        return self


class DatasetConfig(Section):
    """Labelled rows. Repeats of a text count once; a text with two labels is used in no split."""

    sources: tuple[RowSource, ...] = Field(min_length=1, description="Where the rows come from.")
    split: SplitConfig = SplitConfig()
    most_train: int | None = Field(
        None, ge=1, description="At most this many training rows a language, chosen by digest.", json_schema_extra=unit("rows")
    )
    most_heldout: int | None = Field(
        None,
        ge=1,
        description="At most this many validation and this many test rows a language.",
        json_schema_extra=unit("rows"),
    )

    def own_code(self) -> tuple[str, ...]:
        return tuple(source.read for source in self.sources if source.type == "custom")
