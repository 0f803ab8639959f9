"""The sources of one token store as streams, and what counting finds in a mixture of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.recipe.pretrain import PretrainConfig
from danlu.tokens.bits import Bits
from danlu.tokens.curriculum import document_scores
from danlu.tokens.interleave import shares_of
from danlu.tokens.packing import Marks
from danlu.tokens.store import TokenStore
from danlu.tokens.stream import Stream
from danlu.training.mixture import MixtureSource
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import listed

ALL = ""
"""The one stream of a training that mixes nothing."""
COUNTED_AT_ONCE = 1 << 22  # tokens

Places = npt.NDArray[np.integer]


def documents_by_source(store: TokenStore, mixture: Mapping[str, float]) -> dict[str, Places]:
    """The places of the documents of each source that is read; DanluError if one of them has no text left."""
    names, lengths = list(store.header["sources"]), store.lengths()
    found: dict[str, Places] = {}
    for name in shares_of(mixture):
        places = np.flatnonzero(store.sources == names.index(name)) if name in names else np.empty(0, np.int64)
        if not lengths[places].any():
            there = [names[place] for place in np.unique(store.sources[lengths > 0])]
            raise DanluError("pretrain.empty-source", where=str(store.path), name=name, sources=listed(there))
        found[name] = places
    return found


def mixture_source(
    store: TokenStore, config: PretrainConfig, marks: Marks, windows: int, micro: int, seed: int, words: Bits | None = None
) -> MixtureSource:
    """Steps by the `mixture` and `curriculum` of the recipe; `words` is the store's column where words are asked for."""
    weights = config.mixture or {ALL: 1.0}
    places = documents_by_source(store, weights) if config.mixture else {ALL: None}
    by = config.curriculum.by
    scores = None if by == "none" else document_scores(store, by)
    led = config.curriculum.steps * windows
    shares = shares_of(weights)
    streams = {
        name: Stream(
            store.tokens,
            store.ends,
            config.length,
            marks,
            seed,
            only=chosen,
            scores=scores,
            led=math.ceil(shares[name] * led),
            words=words,
        )
        for name, chosen in places.items()
    }
    return MixtureSource(streams, {name: weights[name] for name in streams}, windows, micro)


def mixed_tokens(store: TokenStore, mixture: Mapping[str, float]) -> int:
    """Tokens of the documents that a mixture reads, each once."""
    lengths = store.lengths()
    return sum(int(lengths[places].sum()) for places in documents_by_source(store, mixture).values())


def mixed_counts(store: TokenStore, mixture: Mapping[str, float], vocabulary: int) -> npt.NDArray[np.int64]:
    """How often each token comes in an epoch of the mixture, [vocabulary]: sources count by their weights, not their sizes."""
    lengths, weight, total = store.lengths(), np.zeros(len(store)), mixed_tokens(store, mixture)
    for name, places in documents_by_source(store, mixture).items():
        weight[places] = shares_of(mixture)[name] * total / lengths[places].sum()
    counts = np.zeros(vocabulary)
    for documents, tokens in store.runs(COUNTED_AT_ONCE):
        each = np.repeat(weight[documents], lengths[documents])
        counts += np.bincount(store.tokens[tokens], weights=each, minlength=vocabulary)
    return np.rint(counts).astype(np.int64)


def mixed_sample(store: TokenStore, mixture: Mapping[str, float], most: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """(tokens, ends) of the first documents of each source, about `most` tokens in all, in the shares of the mixture."""
    lengths = store.lengths()
    chosen = []
    for name, places in documents_by_source(store, mixture).items():
        sums = np.cumsum(lengths[places])
        chosen.append(places[: int(np.searchsorted(sums, shares_of(mixture)[name] * most)) + 1])
    documents = np.concatenate(chosen)
    tokens = np.concatenate([store.document(place) for place in documents.tolist()])
    return tokens, np.cumsum(lengths[documents])
