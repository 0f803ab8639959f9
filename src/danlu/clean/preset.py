"""The preset `danlu`: which rules there are and their thresholds in each language. Data only, frozen once released.

The measures are those of Gopher (Rae et al. 2021), C4, FineWeb and FineWeb-2 (Chinese); the thresholds were set by
looking at what each removes. They differ from the published ones for one reason: those were made for crawled web pages,
where a short text is a menu and a repeated phrase an advertisement. Here a review of one sentence is a legitimate document,
a paragraph of a law repeats its terms, and people bring their own text. So shares that are noise in a short text are asked of
long texts only (`words`, `lines`), and a rule that removed more sound texts than bad ones was moved until it did not.

A threshold of None says that the rule has no meaning in that language; its sentence in the message table says so too.
`other` holds for every language but English and Chinese: only rules that need no knowledge of the language.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

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


class LineRule(NamedTuple):
    """A rule that takes single lines out while documents are repaired; `threshold` is explained in its sentence."""

    threshold: float


LINE_RULES: dict[str, LineRule] = {
    # C4 drops every line with "javascript" or a policy phrase. In prose a line is a paragraph, and a review may speak
    # of JavaScript: ours drops a line only if it is short, and matches a whole phrase.
    "boilerplate_line": LineRule(200),
    # C4's limit for a word: keys, hashes and pictures in Base64. In Chinese it counts the unbroken run of ASCII, not of Han.
    "long_word_line": LineRule(1000),
}

# The order is the order of reasons: a document that fails several rules is counted at the first.
RULES: dict[str, Rule] = {
    # Length. Gopher asks for 50 words; ours only turns away what cannot be a sentence (a name, a page number).
    "few_words": Rule("least", 2, 3, 2),
    # Gopher's limit of 100,000 words is against dumps of databases; people bring books, so ours is that of a big one.
    "long_text": Rule("most", 20_000_000, 20_000_000, 20_000_000),
    # What the characters are.
    "broken_characters": Rule("most", 0.05, 0.05, 0.05),
    # Runs do not count (they have a rule of their own; "no answer!!!!!!" is a sentence); digits count half, so that a table of
    # figures fails and a sentence with figures does not.
    "letters": Rule("least", 0.5, 0.4, 0.4),
    # FineWeb asks for a language score of .65 (Chinese .69); the script alone must allow for names and terms.
    "script": Rule("least", 0.3, 0.3, None),
    "character_runs": Rule("most", 0.6, 0.6, 0.6),
    "urls": Rule("most", 0.7, 0.7, 0.7),
    "lorem_ipsum": Rule("most", 0, 0, 0),
    # Gopher quality. Ours counts no lone punctuation as a word, so that its .8 would ask more of lists of years.
    "short_words": Rule("least", 2.2, None, None, words=8),
    "long_words": Rule("most", 10, None, None, words=8),
    "alphabetic_words": Rule("least", 0.5, None, None, words=8),
    # Gopher asks for two of eight words; ours for one of fourteen, of 30 words or more: what has none is in another language.
    # Chinese news goes far without a function word.
    "stop_words": Rule("least", 1, 1, None, words=30, han=200),
    "hashes": Rule("most", 0.1, 0.1, 0.1),
    # Gopher: .1. Reviews put dots where others put commas, and mean nothing bad by it.
    "ellipses": Rule("most", 0.25, 0.25, 0.25, words=8),
    # Lines. Gopher's .9 and .3, FineWeb's .12 and .67 are for pages; four paragraphs are too few for such shares,
    # and a modern Chinese poem of thirty lines has no mark at the end of any.
    "bullet_lines": Rule("most", 0.95, 0.95, 0.95, lines=10),
    "ellipsis_lines": Rule("most", 0.95, 0.95, 0.95, lines=10),
    "ended_lines": Rule("least", 0.05, 0.05, 0.05, lines=50),
    # FineWeb-2 turns short lines off for Chinese: thirty characters are a sentence there.
    "short_lines": Rule("most", 0.75, None, None, lines=10),
    # FineWeb .3; FineWeb-2 Chinese .178 for words, which is .11 for characters; but a poem of three characters a line has .33.
    "lines_per_word": Rule("most", 0.3, 0.34, None, lines=10),
    # Gopher repetition. A short refrain among few lines is no fault, so counts of lines are asked of twenty.
    # FineWeb's .01 for characters in repeated lines (its paper says .1) takes out every song.
    "repeated_lines": Rule("most", 0.3, 0.3, 0.3, lines=20),
    "repeated_line_characters": Rule("most", 0.2, 0.2, 0.2),
    "repeated_paragraphs": Rule("most", 0.3, 0.3, 0.3, lines=20),
    "repeated_paragraph_characters": Rule("most", 0.2, 0.2, 0.2),
    # Gopher .20, .18, .16; FineWeb-2 Chinese .256, .201, .171. In less than a hundred words a phrase said twice is as much.
    "top_2_gram": Rule("most", 0.22, 0.28, None, words=100),
    "top_3_gram": Rule("most", 0.22, 0.28, None, words=100),
    "top_4_gram": Rule("most", 0.22, 0.28, None, words=100),
    # Gopher .15 to .10; FineWeb-2 Chinese .198 to .127. In 73,000 reviews and news paragraphs those between these values and
    # ours were sound (laws, formulas of news, wordplay), and those beyond ours were pasted twice or more.
    "repeated_5_gram": Rule("most", 0.34, 0.39, None),
    "repeated_6_gram": Rule("most", 0.33, 0.38, None),
    "repeated_7_gram": Rule("most", 0.32, 0.37, None),
    "repeated_8_gram": Rule("most", 0.31, 0.36, None),
    "repeated_9_gram": Rule("most", 0.3, 0.35, None),
    "repeated_10_gram": Rule("most", 0.29, 0.34, None),
    "distinct_words": Rule("least", 0.25, 0.25, None, words=8),
}

# Rules by models of the user's own (`danlu.clean.learned`); no preset has a threshold for them.
# A score of a few words is a matter of luck: cc_net asks for 300 characters, which few documents of one's own have.
LEARNED: dict[str, LearnedRule] = {
    "perplexity": LearnedRule("language_model", "most", words=10, han=20),
    "bits_per_character": LearnedRule("language_model", "most", words=10, han=20),
    "classifier": LearnedRule("classifier", "least", FAMILIES),
    "misspelling": LearnedRule("misspelling", "most", words=20, han=20),
}

# C4 rules that are left out: at least three sentences, five words a line, a stop mark at the end of each line, no `{` (all
# would throw out reviews, dialogue, verse or text about programming), and the list of bad words (it silences whole topics).


def family(language: str) -> Family:
    """Which column of the table a BCP-47 tag reads."""
    tag = language.split("-", 1)[0]
    return "en" if tag == "en" else "zh" if tag in ("zh", "yue") else "other"
