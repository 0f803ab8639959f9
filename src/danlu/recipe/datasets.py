"""`datasets`: labelled rows and how they are split."""

from __future__ import annotations

from pydantic import Field

from danlu.recipe.base import Section, Share
from danlu.recipe.sources import RowSource


class SplitConfig(Section):
    """Which rows are validation and test: decided by the digest of the text, before anything is cleaned."""

    validation: Share = Field(0.1, description="Share of distinct texts for validation.")
    test: Share = Field(0.1, description="Share of distinct texts for test.")


class DatasetConfig(Section):
    """Labelled rows. Repeats of a text count once; a text with two labels is used in no split."""

    sources: tuple[RowSource, ...] = Field(min_length=1, description="Where the rows come from.")
    split: SplitConfig = SplitConfig()
    most_train: int | None = Field(None, ge=1, description="At most this many training rows a language, chosen by digest.")
    most_heldout: int | None = Field(None, ge=1, description="At most this many validation and this many test rows a language.")
