"""HTML left in text: entities and tags, where they are mark-up and not something that the text talks about.

`a < b`, `List<int>`, `<stdin>` and 《书名》 typed as `<书名>` are not mark-up. A tag counts as one when its name is HTML's, its
attributes are well formed and, for names that are also ordinary words or letters, its mate is in the text. What
stands in backticks, in an indented block or after `>>>` is code and stays.
"""

from __future__ import annotations

import html
import html.entities
import re

from danlu.text.edits import Edit

_PARAGRAPHS = ("p", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "table", "ul", "ol", "dl", "blockquote", "pre")
_LINES = ("br", "div", "li", "tr", "dt", "dd", "tbody", "thead", "html", "head", "body", "center")
_CELLS = ("td", "th", "img")
_INLINE = ("span", "em", "strong", "tt", "strike", "font", "sup", "sub", "nobr", "wbr")
# Words and letters that a text also puts between angle brackets for other reasons: they need their mate.
_PAIRED = (
    "a", "b", "i", "u", "q", "s", "small", "big", "code", "cite", "del", "ins", "kbd", "samp", "var", "mark", "label",
    "section", "article", "header", "footer", "nav", "main", "aside", "figure", "figcaption", "form", "title", "button",
    "abbr", "acronym", "address", "object", "iframe", "noscript", "caption",
)  # fmt: skip
_EMPTY_ATTRIBUTES = "nowrap|noshade|hidden|disabled|checked|async|defer|compact"
_ATTRIBUTE = rf"""[A-Za-z_:][\w:.-]*\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=`]+)|{_EMPTY_ATTRIBUTES}"""
_NAMES = "|".join(sorted((*_PARAGRAPHS, *_LINES, *_CELLS, *_INLINE, *_PAIRED), key=len, reverse=True))
TAG_NAMES = (*_NAMES.split("|"), "script", "style")
_TAG = re.compile(
    rf"<(?P<close>/?)(?P<name>{_NAMES})(?P<attributes>(?:\s+(?:{_ATTRIBUTE}))*)\s*/?>"
    r"|<(?P<block>script|style)\b[^<>]*>.*?</(?P=block)\s*>|<!--.*?-->|<!DOCTYPE\b[^<>]*>",
    re.IGNORECASE | re.DOTALL,
)
_ENTITY = re.compile(r"&(?:amp;)*(#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_CODE_LINE = re.compile(r" {4}|\t|>>> |\.\.\. ")
_PAIRED_NAMES = frozenset(_PAIRED)
_BREAKS = {**dict.fromkeys(_PARAGRAPHS, 2), **dict.fromkeys(_LINES, 1), **dict.fromkeys(_CELLS, 0)}
_LOOK_AROUND = 80  # how far off the backticks around code are looked for
_QUOTED = re.compile(r"['\n]|^\s")


def repair_entities(text: str) -> list[Edit]:
    """Edits that turn entities into their characters, reason `entity`.

    `&amp;lt;` becomes `<` at once: scraped text is often escaped twice.
    """
    if "&" not in text:
        return []
    edits = []
    for found in _ENTITY.finditer(text):
        if found[1][0] != "#" and found[1] + ";" not in html.entities.html5:
            continue
        if in_code(text, found.start(), found.end()):
            continue
        edits.append(Edit(found.start(), found.end(), html.unescape(f"&{found[1]};"), "entity"))
    return edits


def repair_tags(text: str) -> list[Edit]:
    """Edits that take tags out, reason `markup`; tags that break lines leave a line break, blocks a blank line."""
    if "<" not in text:
        return []
    tags = [
        (found.start(), found.end(), (found["name"] or "").lower(), found)
        for found in _TAG.finditer(text)
        if not in_code(text, found.start(), found.end())
    ]
    if any(name in _PAIRED_NAMES for _, _, name, _ in tags):
        opened = {name for _, _, name, found in tags if not found["close"]}
        closed = {name for _, _, name, found in tags if found["close"]}
        single = _PAIRED_NAMES - (opened & closed)
        tags = [tag for tag in tags if tag[2] not in single or tag[3]["attributes"]]
    edits: list[Edit] = []
    index = 0
    while index < len(tags):
        start, end, name, found = tags[index]
        strongest = _BREAKS.get(name)
        if strongest is None:
            edits.append(Edit(start, end, "\n" if found["block"] else "", "markup"))
            index += 1
            continue
        # Breaking tags with only spaces between them are one edit, the spaces around them included.
        breaks = name == "br"
        index += 1
        while index < len(tags):
            following, until, name, _ = tags[index]
            size = _BREAKS.get(name)
            if size is None or text[end:following].strip():
                break
            breaks += name == "br"
            strongest = max(strongest, size)
            end = until
            index += 1
        floor = edits[-1].end if edits else 0
        ceiling = tags[index][0] if index < len(tags) else len(text)
        while start > floor and text[start - 1].isspace():
            start -= 1
        while end < ceiling and text[end].isspace():
            end += 1
        at_end = start == 0 or end == len(text)
        replacement = "" if at_end else (" ", "\n", "\n\n")[2 if breaks > 1 else strongest]
        edits.append(Edit(start, end, replacement, "markup"))
    return edits


def in_code(text: str, start: int, end: int) -> bool:
    """Whether the span stands in code: an indented or `>>>` line, or between backticks or lone quotes."""
    if start and text[start - 1] == "`":
        return True
    # A tag that is all there is between two quotes is quoted: the text talks about it.
    if (
        start > 1
        and end < len(text)
        and text[start - 1] in "\"'"
        and text[end] == text[start - 1]
        and text[start - 2] in " (=,"
    ):
        return True
    if in_code_line(text, text.rfind("\n", 0, start) + 1):
        return True
    # Inside a pair of backticks; not after the backtick that opens a `quotation' in old English typing.
    tick = text.rfind("`", max(0, start - _LOOK_AROUND), start)
    return tick >= 0 and text.find("`", end, end + _LOOK_AROUND) >= 0 and not _QUOTED.search(text, tick + 1, start)


def in_code_line(text: str, line: int) -> bool:
    """Whether the line that begins at `line` is indented or begins with a Python prompt."""
    return _CODE_LINE.match(text, line) is not None
