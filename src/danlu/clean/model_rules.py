"""Rules on scores that models of the user's own give. Data only; no preset has a threshold for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from danlu.clean.preset import FAMILIES, Direction, Family, Rule


class LearnedRule(NamedTuple):
    """A rule without a threshold of its own. `section` is the key of `clean` that it needs; `words` and `han` as in `Rule`."""

    section: str
    direction: Direction
    families: tuple[Family, ...] = ("en", "zh")
    words: int = 0
    han: int = 0

    def at(self, thresholds: Mapping[Family, float]) -> Rule:
        limits = {name: thresholds.get(name) if name in self.families else None for name in FAMILIES}
        return Rule(self.direction, limits["en"], limits["zh"], limits["other"], words=self.words, han=self.han)


UNSHOWN = ("flagged",)
"""Reasons of which no text is shown: what decided is in it."""
# A score of a few words is a matter of luck: cc_net asks for 300 characters, which few documents of one's own have.
LEARNED: dict[str, LearnedRule] = {
    "perplexity": LearnedRule("language_model", "most", words=10, han=20),
    "bits_per_character": LearnedRule("language_model", "most", words=10, han=20),
    "classifier": LearnedRule("classifier", "least", FAMILIES),
    "misplaced_characters": LearnedRule("language_model", "most", ("zh",), han=20),
    "flagged": LearnedRule("flagged", "most", FAMILIES, words=10, han=20),
    "misspelling": LearnedRule("misspelling", "most", ("en",), words=20),
}
