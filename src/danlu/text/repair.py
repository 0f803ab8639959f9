"""Repair of one text: wrong decoding, control characters, Unicode form, width, mark-up, spaces.

Each pass looks at the text that the pass before left and gives edits; `repair` joins them into edits of the first text.
Nothing that carries meaning is taken away: Chinese punctuation, traditional characters, emoji and the indentation of
code stay as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from danlu.text.edits import Edit, apply_edits, compose, trimmed
from danlu.text.encoding import repair_encoding
from danlu.text.markup import in_code_line, repair_entities, repair_tags

REASONS = ("encoding", "control", "nfc", "width", "entity", "markup", "space")
ROUNDS = 4  # an entity can hide a tag, a tag a space; text that needs more rounds is not worth them

CONTROL = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]+"
    "|[\u200c\u200d]"
)
NEWLINE = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SPACE = re.compile(r"\A\s+|\s+\Z|[^\S\n]*\n\s*\n|[^\S\n]+(?=\n)|(?<=\n)[^\S\n]+|[^\S\n]{2,}|[^\S\n \t]")
ODD_SPACE = re.compile(r"[^\S\n \t]")
_SPACE_SIGNS = ("  ", " \n", "\n ", "\n\n\n")
HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
# Full-width letters and digits; the full-width point between digits and the per cent sign after one are part of a number.
WIDE = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]+(?:\uff0e[\uff10-\uff19]+)*(?:(?<=[\uff10-\uff19])\uff05)?")
# With the policy `all`: also signs that Chinese does not write full width, and half-width kana and the marks beside them.
WIDE_SIGNS = re.compile(
    "(?:[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a＃＄％＆＊＋－／＜＝＞＠＼＾＿｀｜]|(?<=[\uff10-\uff19])\uff0e(?=[\uff10-\uff19]))+|[\uff61-\uff9f]+"
)
_LATIN = re.compile("[A-Za-z]")
_NARROW = {0xFF01 + offset: 0x21 + offset for offset in range(94)}
_UNICODE_RUN = re.compile("[\x00-\x7f]?[^\x00-\x7f]+")


class Pass(NamedTuple):
    """One kind of repair: what a text asks for where it may need it (`danlu.text.asks`), and the edits that it makes."""

    asks: str
    edits: Callable[[str], list[Edit]]


class Repair(NamedTuple):
    """The repaired text, and the edits that lead to it from the text as it came."""

    text: str
    edits: list[Edit]


def repair(text: str) -> Repair:
    """Repair a text. To repair the result again changes nothing more (but for text made to defeat it)."""
    edits: list[Edit] = []
    for _ in range(ROUNDS):
        again = False
        for repair_pass in PASSES:
            found = repair_pass.edits(text)
            if found:
                edits = compose(edits, text, found)
                text = apply_edits(text, found)
                again = again or repair_pass in REVEALING
        if not again:
            break
    return Repair(text, edits)


def repair_controls(text: str) -> list[Edit]:
    """Edits that take out control and zero-width characters, reason `control`.

    Joiners stay inside emoji and inside scripts that need them; beside ASCII or Han, or at an end, they do nothing.
    """
    if _plain(text):
        return []
    edits = []
    for found in CONTROL.finditer(text):
        if found[0] in "\u200c\u200d":
            beside = (text[found.start() - 1 : found.start()] or " ", text[found.end() : found.end() + 1] or " ")
            if not any(character.isascii() or HAN.match(character) for character in beside):
                continue
        edits.append(Edit(found.start(), found.end(), "", "control"))
    return edits


def repair_unicode_form(text: str) -> list[Edit]:
    """Edits that bring the text into NFC, reason `nfc`."""
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return []
    edits = []
    # Nothing composes with an ASCII character before it but what follows it, so runs that begin with one are independent.
    for run in _UNICODE_RUN.finditer(text):
        if unicodedata.is_normalized("NFC", run[0]):
            continue
        pieces = re.split(r"(?<=.)(?=[\u2e80-\u30ff\u3400-\u9fff\uff01-\uff60])", run[0])  # nor with these
        if "".join(unicodedata.normalize("NFC", piece) for piece in pieces) != unicodedata.normalize("NFC", run[0]):
            pieces = [run[0]]
        position = run.start()
        for piece in pieces:
            after = unicodedata.normalize("NFC", piece)
            if after != piece:
                edits.append(trimmed(position, piece, after, "nfc"))
            position += len(piece)
    return edits


def repair_width(text: str) -> list[Edit]:
    """Edits that make full-width ASCII letters and digits half width in Chinese text, reason `width`.

    Text is Chinese here if it has Han, or nothing that says otherwise (no ordinary Latin letter).
    """
    if text.isascii() or not WIDE.search(text) or not (HAN.search(text) or not _LATIN.search(text)):
        return []
    return [Edit(found.start(), found.end(), found[0].translate(_NARROW), "width") for found in WIDE.finditer(text)]


def repair_all_width(text: str) -> list[Edit]:
    """Edits that make full-width letters, digits and signs half width and half-width kana full width, in any text, reason
    `width`. The punctuation that Chinese writes full width (，。：；！？（） and the like) stays."""
    return [
        Edit(found.start(), found.end(), unicodedata.normalize("NFKC", found[0]), "width")
        for found in WIDE_SIGNS.finditer(text)
    ]


def repair_newlines(text: str) -> list[Edit]:
    """Edits that make every kind of line break `\\n`, reason `space`."""
    return [] if _plain(text) else [Edit(found.start(), found.end(), "\n", "space") for found in NEWLINE.finditer(text)]


def repair_spaces(text: str) -> list[Edit]:
    """Edits that put one space for a run of spaces, at most one blank line, none at the ends, reason `space`.

    Lines of code (indented by four, or after a prompt) keep their spaces; indentation by ASCII spaces stays.
    """
    if _plain(text) and not any(sign in text for sign in _SPACE_SIGNS) and text.strip() == text:
        return []
    edits = []
    for found in _SPACE.finditer(text):
        start, end = found.span()
        before = found[0]
        if start == 0 or end == len(text):
            after = ""
        elif "\n" in before:
            after = "\n\n"
        elif text[end] == "\n":
            after = ""
        elif text[start - 1] == "\n":
            after = before if len(before) > 1 and not before.strip(" \t") else ""
        elif not before.strip(" \t") and in_code_line(text, text.rfind("\n", 0, start) + 1):
            after = before
        else:
            after = " "
        if after != before:
            edits.append(Edit(start, end, after, "space"))
    return edits


def _plain(text: str) -> bool:
    """Whether there is nothing but printable characters, spaces and `\\n`: no control, no zero width, no unusual space.

    It is what most texts are, and CPython tells it ten times faster than a search by pattern.
    """
    return text.replace("\n", " ").isprintable()


PASSES = (
    Pass("encoding", repair_encoding),
    Pass("control", repair_controls),
    Pass("nfc", repair_unicode_form),
    Pass("width", repair_width),
    Pass("entity", repair_entities),
    Pass("markup", repair_tags),
    Pass("newline", repair_newlines),
    Pass("space", repair_spaces),
)
# What these leave may need another look.
REVEALING = (PASSES[0], PASSES[1], PASSES[4], PASSES[5])
