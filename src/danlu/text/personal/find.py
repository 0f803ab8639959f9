"""All personal data of a text, and the edits that mask it.

The bytes of many texts are asked first: patterns run only around what may be a value, and only those of its family.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from danlu.recipe.personal import KINDS
from danlu.text.buffers import read_only, text_buffers
from danlu.text.edits import Edit, apply_edits
from danlu.text.kernels.personal import ADDRESS, CLASSES, EMAIL, KEY_BLOCK, NUMBER, PLACE, SECRET, look_at_all
from danlu.text.personal.addresses import find_emails, find_ips
from danlu.text.personal.numbers import find_bank_cards, find_company_codes, find_ibans, find_id_cards, find_passports
from danlu.text.personal.phones import find_phones
from danlu.text.personal.places import find_coordinates
from danlu.text.personal.secrets import find_key_blocks, find_secrets
from danlu.text.personal.span import Span

REASON = "pii:"
"""Reasons of edits and verdicts begin with it, the kind follows."""
LONGEST = 25_000  # characters that a value and the words around it take at most
_Finders = tuple[Callable[[str], Iterator[Span]], ...]
# The finders of each family, in the order in which they look.
_FAMILIES: tuple[tuple[int, _Finders], ...] = (
    (KEY_BLOCK, (find_key_blocks,)),
    (SECRET, (find_secrets,)),
    (EMAIL, (find_emails,)),
    (NUMBER, (find_ibans, find_company_codes, find_id_cards, find_bank_cards, find_passports, find_phones)),
    (ADDRESS, (find_ips,)),
    (PLACE, (find_coordinates,)),
)
_WHOLE = EMAIL | KEY_BLOCK  # families that look around signs of their own, in all of a text
_RANK: dict[str, int] = {kind: rank for rank, kind in enumerate(KINDS)}


class Candidates(NamedTuple):
    """Which texts may hold something, and where."""

    data: NDArray[np.uint8]  # the texts, UTF-8
    offsets: NDArray[np.int64]  # [texts + 1]
    flags: NDArray[np.uint8]  # [texts], families; 0 where there is nothing to look for
    spans: NDArray[np.int64]  # [spans, 3], family, the bytes from and to
    firsts: NDArray[np.int64]  # [texts + 1], the first span of each text

    def find(self, text: int) -> list[Span]:
        """All personal data of one of the texts, by place. Where two kinds claim the same characters, the first in `KINDS`
        has them."""
        begin, end = int(self.offsets[text]), int(self.offsets[text + 1])
        spans = self.spans[self.firsts[text] : self.firsts[text + 1]].tolist()
        spans += [(family, begin, end) for family, _ in _FAMILIES if family & _WHOLE & int(self.flags[text])]
        found: list[Span] = []
        for family, finders in _FAMILIES:
            for low, high in [(low, high) for asked, low, high in spans if asked == family]:
                piece = self.data[low:high].tobytes().decode("utf-8", "surrogatepass")
                values = [span for finder in finders for span in finder(piece)]
                if values:
                    before = int(np.count_nonzero(self.data[begin:low] & 0xC0 != 0x80))  # characters
                    found += [Span(before + value.start, before + value.end, value.kind) for value in values]
        return _disjoint(found)


def candidates(texts: Any) -> Candidates:
    """Where an array or a column of strings, Arrow's, may hold personal data."""
    return _candidates(*text_buffers(texts))


def find(text: str) -> list[Span]:
    """All personal data of a text, by place."""
    data = text.encode("utf-8", "surrogatepass")
    offsets = read_only(np.array([0, len(data)], np.int64))
    return _candidates(np.frombuffer(data, np.uint8), offsets).find(0)


def _candidates(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Candidates:
    flags, spans = np.zeros(len(offsets) - 1, np.uint8), np.empty((64 + len(data) // 1000, 4), np.int64)
    while (count := look_at_all(data, offsets, CLASSES, flags, spans)) > len(spans):
        spans = np.empty((count, 4), np.int64)
    firsts = np.searchsorted(spans[:count, 0], np.arange(len(offsets)))
    return Candidates(data, offsets, flags, spans[:count, 1:], firsts)


def _disjoint(found: Sequence[Span]) -> list[Span]:
    taken: list[Span] = []
    claimed = bytearray(max((span.end for span in found), default=0))
    for span in sorted(found, key=lambda span: (_RANK[span.kind], span.start - span.end, span.start)):
        if claimed.find(1, span.start, span.end) < 0:
            claimed[span.start : span.end] = b"\1" * (span.end - span.start)
            taken.append(span)
    return sorted(taken)


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
