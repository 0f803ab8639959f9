"""A piece of personal data in a text."""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """Characters `start` to `end` of a text are personal data of a kind (see `danlu.recipe.personal.KINDS`)."""

    start: int
    end: int
    kind: str
