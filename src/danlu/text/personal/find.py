"""All personal data of a text, and the edits that mask it.

Documents are told by their bytes first (`candidates`); patterns run only on those, and only the families that a byte asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danlu.recipe.personal import KINDS
from danlu.text.buffers import text_buffers
from danlu.text.edits import Edit, apply_edits
from danlu.text.kernels.personal import ADDRESS, CLASSES, EMAIL, NUMBER, PLACE, SECRET, flag_documents
from danlu.text.personal.addresses import find_emails, find_ips
from danlu.text.personal.numbers import find_bank_cards, find_company_codes, find_ibans, find_id_cards, find_passports
from danlu.text.personal.phones import find_phones
from danlu.text.personal.places import find_coordinates
from danlu.text.personal.secrets import find_key_blocks, find_secrets
from danlu.text.personal.span import Span

REASON = "pii:"
"""Reasons of edits and verdicts begin with it, the kind follows."""
LONGEST = 25_000  # characters that a value and the words around it take at most
ALL = EMAIL | NUMBER | ADDRESS | PLACE | SECRET

_Finders = tuple[Callable[[str], Iterator[Span]], ...]
_DIGITS = re.compile(r"\d(?:[ ().-]{0,2}+\d){6,}+", re.ASCII)
_RUN = re.compile(r"[0-9A-Za-z_+/=-]{16,}+", re.ASCII)
# The finders of each family, and the pattern around which they look; None: each looks around a sign of its own.
_FAMILIES: tuple[tuple[int, re.Pattern[str] | None, _Finders], ...] = (
    (SECRET, None, (find_key_blocks,)),
    (SECRET, _RUN, (find_secrets,)),
    (EMAIL, None, (find_emails,)),
    (NUMBER, _DIGITS, (find_ibans, find_company_codes, find_id_cards, find_bank_cards, find_passports, find_phones)),
    (ADDRESS, None, (find_ips,)),
    (PLACE, None, (find_coordinates,)),
)
_AROUND = 64  # characters on either side of what a pattern found: where words stand that say what it is
_RANK: dict[str, int] = {kind: rank for rank, kind in enumerate(KINDS)}


def candidates(texts: Any) -> NDArray[np.uint8]:
    """Which families each text may hold, uint8[texts]; 0 where there is nothing to look for. `texts` are an array of Arrow."""
    return _flags(*text_buffers(texts))


def _flags(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.uint8]:
    flags = np.zeros(len(offsets) - 1, np.uint8)
    if len(flags):
        data, offsets = data.view(), offsets.view()
        for array in (data, offsets):  # Arrow's may be written to or not: one kind of array is one compilation
            array.setflags(write=False)
        flag_documents(data, offsets, CLASSES, flags)
    return flags


def find(text: str, families: int | None = None) -> list[Span]:
    """All personal data of a text, by place. Where two kinds claim the same characters, the first in `KINDS` has them.
    `families` are those to look for, None: those that its bytes ask for."""
    if families is None:
        data = text.encode("utf-8", "surrogatepass")
        families = int(_flags(np.frombuffer(data, np.uint8), np.array([0, len(data)]))[0])
    found: list[Span] = []
    for family, pattern, finders in _FAMILIES:
        if families & family:
            for start, end in _windows(text, pattern):
                piece = text[start:end]
                found += [Span(start + span.start, start + span.end, span.kind) for finder in finders for span in finder(piece)]
    if len(found) < 2:
        return found
    taken: list[Span] = []
    claimed = bytearray(len(text))
    for span in sorted(found, key=lambda span: (_RANK[span.kind], span.start - span.end, span.start)):
        if claimed.find(1, span.start, span.end) < 0:
            claimed[span.start : span.end] = b"\1" * (span.end - span.start)
            taken.append(span)
    return sorted(taken)


def _windows(text: str, pattern: re.Pattern[str] | None) -> Iterator[tuple[int, int]]:
    """The pieces of a text in which something may stand: around all matches, joined where they meet."""
    if pattern is None:
        yield 0, len(text)
        return
    low = high = 0
    for found in pattern.finditer(text):
        start = max(0, found.start() - _AROUND)
        if high and start > high:
            yield low, high
        if not high or start > high:
            low = start
        high = min(len(text), found.end() + _AROUND)
    if high:
        yield low, high


def masks(spans: Collection[Span]) -> list[Edit]:
    """The edits that put a placeholder for each span, reason `pii:` and the kind.

    The placeholder is the same for all values of a kind and in both languages. It looks like no value, so that a model learns
    to write none, and like a tag, so that `canonical` takes texts that differ in a number alone for the same.
    """
    return [Edit(span.start, span.end, placeholder(span.kind), REASON + span.kind) for span in spans]


def placeholder(kind: str) -> str:
    """What stands in the place of a value: `<EMAIL>`."""
    return f"<{kind.upper()}>"


def hide(text: str) -> str:
    """The text with everything personal masked, whatever the recipe says: for logs, examples and reports."""
    return apply_edits(text, masks(find(text)))


def hidden_beginning(text: str, most: int) -> str:
    """The first `most` characters of a text with everything personal masked, also what is longer than that."""
    return hide(text[: most + LONGEST])[:most]
