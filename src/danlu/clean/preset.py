"""Rules and presets. A preset is data (`presets/*.yaml`): which rules apply and their thresholds in each language.

A threshold of null says that the rule has no meaning in that language. `other` holds for every language but English and
Chinese: only rules that need no knowledge of the language have one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple

import yaml

Direction = Literal["least", "most"]
Family = Literal["en", "zh", "other"]
FAMILIES: tuple[Family, ...] = ("en", "zh", "other")


class Rule(NamedTuple):
    """A document is kept if its score is at least (or at most) the threshold of its language.

    The rule is not applied to a text with fewer words (`han` in Chinese, where each character counts) or lines than named.
    """

    direction: Direction
    en: float | None
    zh: float | None
    other: float | None
    words: int = 0
    han: int | None = None  # None: as `words`
    lines: int = 0

    def least_words(self, family: Family) -> int:
        return self.words if self.han is None or family != "zh" else self.han

    def threshold(self, family: Family) -> float | None:
        return {"en": self.en, "zh": self.zh, "other": self.other}[family]


class Preset(NamedTuple):
    """Line rules take single lines out while documents are repaired; their numbers are explained in their sentences."""

    lines: Mapping[str, float]
    rules: Mapping[str, Rule]


# Every measure that a rule can put a threshold on, by its name, which is also its column among the scores. The order is the
# order of reasons: a document that fails several rules is counted at the first.
RULES: dict[str, Direction] = {
    "few_words": "least",
    "many_words": "most",
    "short_text": "least",
    "long_text": "most",
    "few_sentences": "least",
    "broken_characters": "most",
    "invisible_characters": "most",
    "mojibake": "most",
    "letters": "least",
    "script": "least",
    "language_confidence": "least",
    "mixed": "most",
    "latin": "most",
    "han": "most",
    "kana": "most",
    "hangul": "most",
    "cyrillic": "most",
    "digits": "most",
    "marks": "most",
    "upper_case": "most",
    "character_runs": "most",
    "urls": "most",
    "markup": "most",
    "boilerplate": "most",
    "braces": "most",
    "lorem_ipsum": "most",
    "short_words": "least",
    "long_words": "most",
    "alphabetic_words": "least",
    "alphabetic_tokens": "least",
    "stop_words": "least",
    "gopher_stop_words": "least",
    "fineweb2_stop_words": "least",
    "hashes": "most",
    "ellipses": "most",
    "bullet_lines": "most",
    "ellipsis_lines": "most",
    "ended_lines": "least",
    "short_lines": "most",
    "lines_per_word": "most",
    "newlines_per_word": "most",
    "repeated_lines": "most",
    "repeated_line_characters": "most",
    "repeated_paragraphs": "most",
    "repeated_paragraph_characters": "most",
    "top_2_gram": "most",
    "top_3_gram": "most",
    "top_4_gram": "most",
    "repeated_5_gram": "most",
    "repeated_6_gram": "most",
    "repeated_7_gram": "most",
    "repeated_8_gram": "most",
    "repeated_9_gram": "most",
    "repeated_10_gram": "most",
    "distinct_words": "least",
}
# Rules that take single lines out while documents are repaired; those of C4 (`danlu.clean.c4`) in its order.
LINE_RULES = (
    "boilerplate_line",
    "long_word_line",
    "c4_long_word_line",
    "c4_citation",
    "c4_unended_line",
    "c4_short_line",
    "c4_javascript_line",
    "c4_policy_line",
)
# What a measure cannot tell in a language, whatever the preset: a threshold of the recipe's does not hold there either.
WITHOUT_MEANING: dict[str, tuple[Family, ...]] = {
    "script": ("other",),
    "short_words": ("zh", "other"),
    "long_words": ("zh", "other"),
    "alphabetic_words": ("zh", "other"),
    "stop_words": ("other",),
    "gopher_stop_words": ("zh", "other"),
    "fineweb2_stop_words": ("en", "other"),
    "short_lines": ("zh",),
}

UNSPACED = ("zh", "yue", "ja", "th", "lo", "my", "km", "bo")


@cache
def load_preset(name: str) -> Preset:
    """A preset by name; FileNotFoundError if there is none (the recipe's schema names them all)."""
    table = yaml.safe_load((files(__package__) / "presets" / f"{name}.yaml").read_text(encoding="utf-8"))
    rules = {rule: _rule(RULES[rule], entry) for rule, entry in table["rules"].items()}
    return Preset(table["lines"], {rule: rules[rule] for rule in RULES if rule in rules})


def _rule(direction: Direction, entry: Mapping[str, Any]) -> Rule:
    limits = entry[direction]
    limits = dict.fromkeys(FAMILIES, limits) if isinstance(limits, int | float) else limits
    return Rule(direction, **limits, **{name: value for name, value in entry.items() if name != direction})


def is_unspaced(language: str) -> bool:
    """Whether a BCP-47 tag is of a language whose words no spaces part: each character is a word, n-grams are longer."""
    return language.split("-", 1)[0] in UNSPACED


def family(language: str) -> Family:
    """Which thresholds a BCP-47 tag reads."""
    tag = language.split("-", 1)[0]
    return "en" if tag == "en" else "zh" if tag in ("zh", "yue") else "other"
