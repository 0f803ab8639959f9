"""`collect`: sources of plain text."""

from __future__ import annotations

from pydantic import Field

from danlu.recipe.base import Bytes, Section
from danlu.recipe.sources import DocumentSource

MOST_HELD_OUT = 0.1  # of a source's bytes


class HoldoutConfig(Section):
    """Documents kept from training, to measure language models on; chosen by digest, spread over the sources."""

    bytes: Bytes = Field(1_000_000, description="About how much text to hold out, such as 2MB (at most a tenth of a source).")


class CollectConfig(Section):
    """What to read."""

    sources: tuple[DocumentSource, ...] = Field(min_length=1, description="Where the documents come from.")
    holdout: HoldoutConfig = HoldoutConfig()

    def own_code(self) -> tuple[str, ...]:
        return tuple(source.read for source in self.sources if source.type == "custom")
