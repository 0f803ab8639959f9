"""Curricula: short or easy text first, without leaving anything out or ending on the hardest.

A curriculum orders the windows of a stretch, which are a fair sample of the text, and leaves what comes after it shuffled. At
the share q of the stretch windows come from the easiest sqrt(q) of it: the square-root competence of Platanios and others,
"Competence-based Curriculum Learning for Neural Machine Translation" (NAACL 2019, arXiv 1903.09848).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from danlu.tokens.packing import PackingPlan
from danlu.tokens.random import random_keys
from danlu.tokens.store import TokenStore

Kind = Literal["length", "difficulty"]
Scores = npt.NDArray[np.floating]

_CURRICULUM = 2  # purpose of the random stream; packing has 0 and 1


def document_scores(store: TokenStore, kind: Kind) -> Scores:
    """What a curriculum goes by, low first, [documents].

    length: tokens. difficulty: tokens a byte, since rare words and bad spelling take more of them, as a rank (0 to 1) among
    the documents of the same language: Chinese and English have other lengths of tokens, not other difficulties.
    """
    lengths = store.lengths().astype(np.float64)
    if kind == "length":
        return lengths
    density, found = lengths / np.maximum(store.document_bytes, 1), np.zeros(len(store))
    for language in np.unique(store.languages):
        here = np.flatnonzero(store.languages == language)
        found[here[np.argsort(density[here], kind="stable")]] = (np.arange(len(here)) + 0.5) / len(here)
    return found


def window_scores(plan: PackingPlan, ends: npt.NDArray[np.integer], scores: Scores) -> Scores:
    """The mean score of a window's tokens, [windows]; `ends`, `scores` are of all documents of the store."""
    if not len(plan):
        return np.empty(0)
    sizes = (plan.stops - plan.starts).astype(np.float64)
    of_pieces = scores[np.searchsorted(ends.astype(np.int64), plan.starts, side="right")] * sizes
    first = plan.offsets[:-1]
    return np.asarray(np.add.reduceat(of_pieces, first) / np.add.reduceat(sizes, first))


def easy_first(scores: Scores, seed: int) -> npt.NDArray[np.int64]:
    """An order of windows with these scores, [n]: one that is harder than the share p of them comes no earlier than the share
    p squared of the order, and beyond that anywhere."""
    count = len(scores)
    rank = np.empty(count)
    rank[np.argsort(scores, kind="stable")] = (np.arange(count) + 0.5) / max(1, count)
    drawn = random_keys(count, seed=seed, epoch=0, purpose=_CURRICULUM) / 2.0**64
    return np.argsort(np.maximum(rank, drawn), kind="stable")
