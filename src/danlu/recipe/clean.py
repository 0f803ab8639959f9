"""`clean`: repair, rules, repeats."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from danlu.recipe.base import Bytes, Count, Section, Share, execution, refuse
from danlu.workspace.code import is_own

Preset = Literal["danlu", "gopher", "c4", "fineweb", "fineweb-paper", "fineweb2-zh", "cc-net", "none"]
FLOOR = 0.5
"""Pairs less similar than that are not written down, unless the threshold is lower."""
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


class CleanConfig(Section):
    """How documents are repaired, which are dropped."""

    preset: Preset = Field(
        "danlu", description="Named, frozen set of line and document rules: ours, one as published (for web pages), or none."
    )
    rules: dict[str, float | None] = Field(
        {}, description="Thresholds that differ from the preset's; null turns a rule off. `module:name` is a rule of your own."
    )
    width: Literal["letters", "all", "keep"] = Field(
        "letters",
        description="Full-width ASCII. letters: letters and digits in Chinese text become half width; all: those and signs such"
        " as ＃％＋ in every text, and half-width kana full width; keep: none. Chinese punctuation always stays.",
    )
    chinese: Literal["keep", "simplified", "traditional"] = Field(
        "keep", description="Bring Chinese documents into one script, by OpenCC (extra `chinese`)."
    )
    dedup: DedupConfig = DedupConfig()
    decontaminate: bool = Field(
        True, description="Take every dataset's validation and test texts, and the held-out documents, out of training text."
    )

    def own_code(self) -> tuple[str, ...]:
        return tuple(sorted(name for name, threshold in self.rules.items() if threshold is not None and is_own(name)))
