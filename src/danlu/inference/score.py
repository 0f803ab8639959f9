"""Log-probabilities of the tokens of a text under a causal model: what completions with `echo` and perplexity need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from danlu.inference.generate import prompt_ids
from danlu.inference.nats import causal_nats


@dataclass(frozen=True)
class Scored:
    """`tokens` [n] ids without BOS; `logprobs` [n], None where nothing predicts the token (the first, without a BOS).

    `top` [n]: for each the likeliest (id, log probability) pairs.
    """

    tokens: tuple[int, ...]
    logprobs: tuple[float | None, ...]
    top: tuple[tuple[tuple[int, float], ...], ...]


def score(model: Any, tokenizer: Any, text: str | Sequence[int], *, top: int = 0) -> Scored:
    """The log-probability of each token given all before it that fit the context (at least half of it); BOS is never scored."""
    ids = prompt_ids(tokenizer, text) if isinstance(text, str) else list(text)
    bos = tokenizer.bos_token_id if ids and ids[0] == tokenizer.bos_token_id else None
    row = np.array(ids[bos is not None :], np.int64)
    best: list[tuple[tuple[int, float], ...]] = [()] * len(row)

    def visit(_: int, first: int, logs: torch.Tensor) -> None:
        found = logs.topk(min(top, logs.shape[1]))
        for index, (names, values) in enumerate(zip(found.indices.tolist(), found.values.tolist(), strict=True), start=first):
            best[index] = tuple(zip(names, values, strict=True))

    nats = causal_nats(model, [row], bos=bos, visit=visit if top else None)[0]
    logprobs = tuple(None if np.isnan(value) else -float(value) for value in nats)
    return Scored(tokens=tuple(map(int, row)), logprobs=logprobs, top=tuple(best))
