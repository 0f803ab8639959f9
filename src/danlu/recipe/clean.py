"""`clean`: repair, rules, repeats."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from danlu.recipe.base import Section, Share, later
from danlu.recipe.personal import Pii, PiiConfig
from danlu.recipe.sources import Placed
from danlu.workspace.code import is_own

Preset = Literal["danlu", "gopher", "c4", "fineweb", "fineweb-paper", "fineweb2-zh", "cc-net", "none"]


class DedupConfig(Section):
    """Which repeats go."""

    method: Literal["exact", "none"] = Field(
        "exact", description="exact: documents equal but for case, width, space and punctuation; the first stays."
    )


class EvaluationFile(Placed):
    """A file of texts that models will be tested on."""

    path: str = Field(description="A file: .jsonl, .csv, .tsv, .parquet, or .txt with an item a line; .gz and .zst too.")
    text: tuple[str, ...] = Field(
        (), description="Columns that hold texts to take out; none named: those called question, text, prompt and the like."
    )
    answer: str | None = Field(
        None, description="Column of the answer, by which short items are told; None: one called answer or the like."
    )


def _as_file(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


class DecontaminateConfig(Section):
    """What else than the recipe's datasets is taken out of training text, and when a text counts as held."""

    files: tuple[Annotated[EvaluationFile, BeforeValidator(_as_file, json_schema_input_type=str | EvaluationFile)], ...] = (
        Field((), description="Evaluation sets in files; their names are the reasons of verdicts.")
    )
    share: Share = Field(
        0.4,
        gt=0,
        description="Share of an item's runs of words that a document must have to be taken out; 1: only whole items count.",
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
    pii: Pii = later(PiiConfig(), "What becomes of personal data and keys: one word for all kinds, or a section.")
    decontaminate: bool | DecontaminateConfig = Field(
        True,
        description="Take every dataset's validation and test texts, and the held-out documents, out of training text; a "
        "section names files of others.",
    )

    def decontamination(self) -> DecontaminateConfig | None:
        """How test texts are taken out; None: they are not."""
        if isinstance(self.decontaminate, bool):
            return DecontaminateConfig() if self.decontaminate else None
        return self.decontaminate

    def own_code(self) -> tuple[str, ...]:
        return tuple(sorted(name for name, threshold in self.rules.items() if threshold is not None and is_own(name)))
