"""Mojibake: text that was decoded with the wrong encoding, repaired by ftfy where signs of it are seen.

Looking for the signs is cheap, so clean text pays nothing. Each run of characters outside ASCII is repaired on its own:
an edit then covers the damaged characters only, and a sound `façade` beside them stays as it is.
"""

from __future__ import annotations

import re

import ftfy

from danlu.text.edits import Edit

# What UTF-8 looks like when it was read as Windows-1252 or Latin-1: a lead byte, then a continuation byte; and C1
# controls, which no text wants: they are Windows-1252 punctuation read as Latin-1.
_CONTINUED = (
    "\x80-\xbf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u2022\u2026\u2030\u2039\u203a\u20ac\u2122"
)
LEAD_SIGN, CONTINUED_SIGN = re.compile("[\xc2-\xf4]"), re.compile(f"[{_CONTINUED}]")
_SIGN = re.compile(f"[\x80-\x9f]|{LEAD_SIGN.pattern}{CONTINUED_SIGN.pattern}")
_RUN = re.compile("[^\x00-\x7f]+(?:[ ][^\x00-\x7f]+)*")


def repair_encoding(text: str) -> list[Edit]:
    """Edits that undo wrong decoding, reason `encoding`."""
    if text.isascii() or not _SIGN.search(text):
        return []
    edits = []
    for found in _RUN.finditer(text):
        before = found[0]
        if not _SIGN.search(before):
            continue
        after = ftfy.fixes.fix_c1_controls(ftfy.fix_encoding(before))
        if after != before:
            edits.append(Edit(found.start(), found.end(), after, "encoding"))
    return edits
