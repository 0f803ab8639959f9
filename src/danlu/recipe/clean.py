"""`clean`: repair, rules, repeats."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from danlu.recipe.base import Section, later
from danlu.recipe.collect import CollectConfig
from danlu.recipe.learned import ClassifierConfig, LanguageModelConfig, reading
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

    language_model: LanguageModelConfig | None = later(
        None,
        "A language model of a sample of yours, for the scores `perplexity`, `bits_per_character`, `misplaced_characters`; "
        "null: none.",
    )
    classifier: ClassifierConfig | None = later(
        None, "A classifier learned from good and bad examples of yours, for the score `classifier`; null: none."
    )
    misspelling: bool = later(False, "The score `misspelling` of English, by a dictionary (extra `spelling`).")

    def examples(self) -> dict[str, CollectConfig]:
        """What it learns from, by the key that names it: texts read as by `collect`."""
        model, classifier = self.language_model, self.classifier
        found = {"language_model.sample": model.sample} if model else {}
        if classifier:
            found |= {"classifier.good": classifier.good, "classifier.bad": classifier.bad}
        return {name: reading(sources) for name, sources in found.items()}

    def own_code(self) -> tuple[str, ...]:
        return tuple(sorted(name for name, threshold in self.rules.items() if threshold is not None and is_own(name)))
