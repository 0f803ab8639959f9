"""One form for all texts that a person would call the same: the ground of repeats, splits and decontamination.

Case, width, spacing, punctuation, mark-up and entities do not count, so a text and its cleaned copy have one digest.
Combining marks that compose with no letter do not count either. Simplified and traditional characters stay apart.
"""

from __future__ import annotations

import html.entities
import re
import unicodedata

from danlu.workspace.digest import digest_bytes

# A tag stops at the next angle bracket, so that the search is linear even in text made of "<a<a<a".
_TAG = re.compile(r"<(?:!--|[!?/]?[A-Za-z])[^<>]*>")
_ENTITY = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_KEPT = re.compile(r"[^\W_]+")


def canonical(text: str) -> str:
    """The letters, digits and Han of `text` in NFKC and folded case, without mark-up (`<...>`) and entities."""
    if "&" in text:
        text = _unescape(text)
    if "<" in text:
        text = _TAG.sub(" ", text)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFKC", "".join(_KEPT.findall(folded)))


def canonical_digest(text: str) -> str:
    """128-bit digest of the canonical form, 32 hexadecimal digits."""
    return digest(canonical(text))


def digest(text: str) -> str:
    """128-bit digest of the exact text, 32 hexadecimal digits."""
    return digest_bytes(text.encode("utf-8", "surrogatepass"))


def _unescape(text: str) -> str:
    """Entities as their characters; twice, because scraped text is often escaped twice (`&amp;lt;`)."""
    return _ENTITY.sub(_character, _ENTITY.sub(_character, text))


def _character(found: re.Match[str]) -> str:
    name = found[1]
    if not name.startswith("#"):
        return html.entities.html5.get(name + ";", found[0])
    point = int(f"0{name[1:]}", 0) if name[1] in "xX" else int(name[1:])
    return chr(point) if point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF else " "
