"""C4's rules for lines (Raffel et al. 2020; `clean_page` of TensorFlow Datasets' `text/c4_utils.py`), in its order.

What they mean in Chinese is ours: 。！？ and a closing ”」』 end a line as well; 1.6 Han characters are one word; and Han do
not count for the length of a word, because no space is put between Chinese words. Lines without Han get C4's own verdict.

C4 also drops whole pages (`lorem ipsum`, `{`, under three sentences): those are document rules, and see the text that is left.
C4 takes the spaces off both ends of a line; here repair does so, and leaves the indentation of code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from danlu.text.edits import Edit, apply_edits
from danlu.text.repair import HAN

CITATION, UNENDED, SHORT = "c4_citation", "c4_unended_line", "c4_short_line"
JAVASCRIPT, POLICY, LONG_WORD = "c4_javascript_line", "c4_policy_line", "c4_long_word_line"
HAN_PER_WORD = 1.6  # on average, as where languages are guessed

_CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
_END_MARKS = (".", "?", "!", '"')
_HAN_END_MARKS = ("。", "！", "？", "”", "」", "』")
_POLICIES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
_OTHER_RUN = re.compile("[^\\s\u2e80-\ua4cf\uac00-\ud7ff\uf900-\uffef\U00020000-\U000323af]+")


def c4_edits(line: str, start: int, thresholds: Mapping[str, float]) -> tuple[str, list[Edit]]:
    """The rule that drops the line, or "" and the edits (citation marks) inside it. `start` is where the line begins."""
    han = HAN.search(line) is not None
    if LONG_WORD in thresholds and _longest_word(line, han) > thresholds[LONG_WORD]:
        return LONG_WORD, []
    edits: list[Edit] = []
    if CITATION in thresholds and "[" in line:
        edits = [Edit(found.start(), found.end(), "", CITATION) for found in _CITATION.finditer(line)]
        line = apply_edits(line, edits)
    if UNENDED in thresholds and not (_is_ended(line, han) and not line.endswith("...")):
        return UNENDED, []
    if SHORT in thresholds and _words(line, han) < thresholds[SHORT]:
        return SHORT, []
    lower = line.lower()
    if JAVASCRIPT in thresholds and lower.count("javascript") > thresholds[JAVASCRIPT]:
        return JAVASCRIPT, []
    if POLICY in thresholds and sum(phrase in lower for phrase in _POLICIES) > thresholds[POLICY]:
        return POLICY, []
    return "", [edit._replace(start=edit.start + start, end=edit.end + start) for edit in edits]


def _is_ended(line: str, han: bool) -> bool:
    return line.endswith(_END_MARKS) or (han and line.endswith(_HAN_END_MARKS))


def _words(line: str, han: bool) -> float:
    """Words between spaces; of those with Han in them each Han counts as a part of a word."""
    if not han:
        return len(line.split())
    return len(HAN.findall(line)) / HAN_PER_WORD + sum(HAN.search(word) is None for word in line.split())


def _longest_word(line: str, han: bool) -> int:
    words = _OTHER_RUN.findall(line) if han else line.split()
    return max(map(len, words), default=0)
