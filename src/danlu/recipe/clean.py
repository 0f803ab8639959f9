"""`clean`: repair, rules, repeats."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from danlu.recipe.base import Bytes, Count, Section, Share, execution, later, refuse
from danlu.recipe.collect import CollectConfig
from danlu.recipe.learned import ClassifierConfig, LanguageModelConfig, reading
from danlu.recipe.personal import Pii, PiiConfig
from danlu.recipe.sources import Placed
from danlu.workspace.code import is_own

Preset = Literal["danlu", "gopher", "c4", "fineweb", "fineweb-paper", "fineweb2-zh", "cc-net", "none"]
ByLanguage = dict[Literal["en", "zh", "other"], float | None]


def _parse_threshold(value: Any) -> Any:
    if isinstance(value, dict) and (wrong := [name for name in value if name not in ("en", "zh", "other")]):
        raise refuse("threshold-language", name=str(wrong[0]))
    return value


Threshold = Annotated[float | ByLanguage, BeforeValidator(_parse_threshold, json_schema_input_type=float | ByLanguage)]
"""Of all languages, or by language: English, Chinese, any other; a language that is not named keeps the preset's."""
FLOOR = 0.5
"""Pairs less similar than that are not written down, unless the threshold is lower."""
LEAST_SHARE = 0.3
"""Of an item's runs of words: what a document must have to be written down, unless the recipe's share is lower."""
BANDS = {
    "danlu": (20, 5),
    "fineweb": (14, 8),
    "marin": (26, 11),
    "nemo": (20, 13),
    "redpajama": (14, 9),
}
"""Named numbers of bands and rows: whose they are."""
MOST_BANDS = 512
_SHAPE = re.compile(r"(\d{1,3})x(\d{1,2})")


def _parse_bands(value: Any) -> Any:
    found = _SHAPE.fullmatch(value) if isinstance(value, str) else None
    if value in BANDS or (found and 0 < int(found[1]) <= MOST_BANDS and int(found[2])):
        return value
    raise refuse("bands", known=", ".join(BANDS))


Bands = Annotated[
    str,
    BeforeValidator(
        _parse_bands,
        json_schema_input_type=Annotated[str, Field(pattern=rf"^({'|'.join(BANDS)}|\d{{1,3}}x\d{{1,2}})$", examples=["14x8"])],
    ),
]


class DedupConfig(Section):
    """Which repeats go."""

    method: Literal["minhash", "exact", "none"] = Field(
        "minhash",
        description="minhash: nearly equal documents too. exact: only those equal but for case, width, space and punctuation.",
    )
    threshold: Annotated[Share, Field(gt=0)] = Field(
        0.8,
        description="Similarity from which on two documents repeat each other: shingles of both, of the shingles of either.",
    )
    verify: Literal[True] = Field(True, description="Pairs are always compared, shingle by shingle, before anything goes.")
    measure: Literal["jaccard", "containment"] = Field(
        "jaccard", description="containment: shingles of both, of those of the smaller one, which is the one that goes."
    )
    keep: Literal["best", "longest", "first"] = Field(
        "best",
        description="Who stays of those that pass the rules: the one with the most distinct shingles, the longest, the first.",
    )
    bands: Bands = Field("danlu", description="Bands and rows of the MinHash: a name, or numbers such as 14x8.")
    words: Count = Field(5, description="Words of a shingle, in scripts with spaces between words.")
    letters: Count = Field(8, description="Letters of a shingle, in scripts without, such as Chinese.")
    unit: Literal["document", "paragraph", "line"] = later(
        "document", "paragraph, line: of those that repeat each other, in whichever documents that stay, only the first stays."
    )
    shortest: Count = later(
        60, "Bytes of the letters of a paragraph or line from which on it can go: 60 letters, 20 of Chinese."
    )
    against: tuple[str, ...] = Field(
        (),
        description="Earlier cleanings whose documents stay: runs of this workspace, or folders of `clean.decide` artifacts.",
    )
    memory: Annotated[Bytes, Field(ge=1_000_000)] = execution(
        2 * 10**9, "Memory for finding and comparing candidates; the rest waits on disk."
    )

    @property
    def shape(self) -> tuple[int, int]:
        """Bands and rows."""
        if self.bands in BANDS:
            return BANDS[self.bands]
        bands, rows = self.bands.split("x")
        return int(bands), int(rows)

    @property
    def floor(self) -> float:
        """Pairs less similar are not written down."""
        return min(FLOOR, self.threshold)


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


class FlaggedList(Placed):
    """A list of words that speak against a text."""

    path: str = Field(description="A file with a word or phrase a line; what follows a # is a remark.")


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

    @property
    def floor(self) -> float:
        """Lower shares are not written down."""
        return min(LEAST_SHARE, self.share)


class CleanConfig(Section):
    """How documents are repaired, which are dropped."""

    preset: Preset = Field(
        "danlu", description="Named, frozen set of line and document rules: ours, one as published (for web pages), or none."
    )
    rules: dict[str, Threshold | None] = Field(
        {},
        description="Thresholds that differ from the preset's, of all languages or by language ({en: 0.5, zh: 0.6}); "
        "null turns a rule off. `module:name` is a rule of your own.",
    )
    width: Literal["letters", "all", "keep"] = Field(
        "letters",
        description="Full-width letters and digits of Chinese text become half width; all: of any text, other signs and"
        " half-width kana too. Chinese punctuation stays.",
    )
    chinese: Literal["keep", "simplified", "traditional"] = Field(
        "keep", description="Bring documents in Chinese into one script. Needs `pip install 'danlu[chinese]'`."
    )
    dedup: DedupConfig = DedupConfig()
    pii: Pii = later(PiiConfig(), "What becomes of personal data and keys: one word for all kinds, or a section.")
    decontaminate: bool | DecontaminateConfig = Field(
        True,
        description="Take every dataset's validation and test texts, and the held-out documents, out of training text; a "
        "section names files of others.",
    )

    language_model: LanguageModelConfig | None = later(
        None,
        "A language model of a sample of yours, for the scores `perplexity`, `bits_per_character`, `misplaced_characters`; "
        "null: none.",
    )
    classifier: ClassifierConfig | None = later(
        None, "A classifier learned from good and bad examples of yours, for the score `classifier`; null: none."
    )
    flagged: dict[
        Literal["en", "zh", "other"],
        Annotated[FlaggedList, BeforeValidator(_as_file, json_schema_input_type=str | FlaggedList)],
    ] = later({}, "Lists of words by language, for the score `flagged`: the share of words that are on it. {en: words.txt}")
    misspelling: bool = later(False, "The score `misspelling` of English, by a dictionary (extra `spelling`).")

    def examples(self) -> dict[str, CollectConfig]:
        """What it learns from, by the key that names it: texts read as by `collect`."""
        model, classifier = self.language_model, self.classifier
        found = {"language_model.sample": model.sample} if model else {}
        if classifier:
            found |= {"classifier.good": classifier.good, "classifier.bad": classifier.bad}
        return {name: reading(sources) for name, sources in found.items()}

    def decontamination(self) -> DecontaminateConfig | None:
        """How test texts are taken out; None: they are not."""
        if isinstance(self.decontaminate, bool):
            return DecontaminateConfig() if self.decontaminate else None
        return self.decontaminate

    def own_code(self) -> tuple[str, ...]:
        return tuple(sorted(name for name, threshold in self.rules.items() if threshold is not None and is_own(name)))
