"""Line rules: their names, and which of them a preset applies with which thresholds. Data only, frozen once released."""

from __future__ import annotations

from typing import NamedTuple


class LineRule(NamedTuple):
    """A rule that takes single lines out while documents are repaired; `threshold` is explained in its sentence."""

    threshold: float


LINE_RULES: dict[str, LineRule] = {
    # C4 drops every line with "javascript" or a policy phrase. In prose a line is a paragraph, and a review may speak
    # of JavaScript: ours drops a line only if it is short, and matches a whole phrase.
    "boilerplate_line": LineRule(200),
    # C4's limit for a word: keys, hashes and pictures in Base64. In Chinese it counts the unbroken run of ASCII, not of Han.
    "long_word_line": LineRule(1000),
    # C4 as published (`danlu.clean.c4`), for data like its own.
    "c4_long_word_line": LineRule(1000),
    "c4_citation": LineRule(0),
    "c4_unended_line": LineRule(1),
    "c4_short_line": LineRule(5),
    "c4_javascript_line": LineRule(0),
    "c4_policy_line": LineRule(0),
}

_C4 = {name: rule.threshold for name, rule in LINE_RULES.items() if name.startswith("c4_")}

LINE_PRESETS: dict[str, dict[str, float]] = {
    "danlu": {"boilerplate_line": 200, "long_word_line": 1000},
    "none": {},
    "gopher": {},
    "c4": _C4,
    # FineWeb runs datatrove's C4 filter without the rule of end marks; that filter asks for three words a line, not five.
    "fineweb": {**{name: limit for name, limit in _C4.items() if name != "c4_unended_line"}, "c4_short_line": 3},
    "fineweb-paper": {**{name: limit for name, limit in _C4.items() if name != "c4_unended_line"}, "c4_short_line": 3},
    "fineweb2-zh": {},  # no C4 there
    "cc-net": {},  # takes out paragraphs by their repeats alone
}
