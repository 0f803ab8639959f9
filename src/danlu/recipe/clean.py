"""`clean`: repair, rules, repeats."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from danlu.recipe.base import Section
from danlu.workspace.code import is_own

Preset = Literal["danlu", "gopher", "c4", "fineweb", "fineweb-paper", "fineweb2-zh", "cc-net", "none"]


class DedupConfig(Section):
    """Which repeats go."""

    method: Literal["exact", "none"] = Field(
        "exact", description="exact: documents equal but for case, width, space and punctuation; the first stays."
    )


class CleanConfig(Section):
    """How documents are repaired, which are dropped."""

    preset: Preset = Field(
        "danlu", description="Named, frozen set of line and document rules: ours, one as published (for web pages), or none."
    )
    rules: dict[str, float | None] = Field(
        {}, description="Thresholds that differ from the preset's; null turns a rule off. `module:name` is a rule of your own."
    )
    dedup: DedupConfig = DedupConfig()
    decontaminate: bool = Field(
        True, description="Take every dataset's validation and test texts, and the held-out documents, out of training text."
    )

    def own_code(self) -> tuple[str, ...]:
        return tuple(sorted(name for name, threshold in self.rules.items() if threshold is not None and is_own(name)))
