"""Minimal pairs: of two sentences that differ in one point of grammar, which does a model find likelier (BLiMP, arXiv
1912.00582)?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from danlu.inference.batches import Advance, unheard
from danlu.inference.begin import begin_id
from danlu.inference.choices import BATCH_TOKENS, choice_nats
from danlu.inference.load import Loaded
from danlu.inference.nats import Nats
from danlu.inference.pseudo import pseudo_nats
from danlu.workspace.errors import DanluError


class Pair(NamedTuple):
    """Two sentences, `good` the acceptable one."""

    good: str
    bad: str


@dataclass(frozen=True)
class PairScores:
    """Natural-log probabilities, and the tokens that they are sums over: both [pairs, 2], the good sentence first."""

    logs: npt.NDArray[np.float64]
    tokens: npt.NDArray[np.int64]

    @property
    def as_long(self) -> npt.NDArray[np.bool_]:
        """[pairs] where both sentences have as many tokens: elsewhere the shorter one has an advantage that is no grammar."""
        found: npt.NDArray[np.bool_] = self.tokens[:, 0] == self.tokens[:, 1]
        return found


def score_pairs(
    loaded: Loaded, pairs: Sequence[Pair], *, batch_tokens: int = BATCH_TOKENS, advance: Advance = unheard
) -> PairScores:
    """The log-probability of both sentences of each pair, taken as they are.

    A causal model's is the sum over the tokens, each given those before it and the first given BOS (the formula of lm-eval); a
    masked model's is its pseudo-log-likelihood (`pseudo.pseudo_nats`). DanluError for other models. `advance` is told of pairs.
    """
    found: list[list[Nats]]
    if loaded.kind == "clm":
        if (bos := begin_id(loaded.tokenizer)) is None:
            raise DanluError("inference.no-begin", where=loaded.name)
        coded = [[_ids(loaded, text) for text in (pair.good, pair.bad)] for pair in pairs]
        found = choice_nats(loaded.model, coded, bos=bos, batch_tokens=batch_tokens, advance=advance)
    elif loaded.kind == "mlm":
        texts = [text for pair in pairs for text in (pair.good, pair.bad)]
        nats = pseudo_nats(
            loaded.model, loaded.tokenizer, texts, batch_tokens=batch_tokens, advance=lambda texts: advance(texts // 2)
        )
        found = [nats[index : index + 2] for index in range(0, len(nats), 2)]
    else:
        raise DanluError("inference.no-likelihood", where=loaded.name)
    table = [[(-float(nats.sum()), len(nats)) for nats in choices] for choices in found]
    logs = np.array([[log for log, _ in row] for row in table], np.float64).reshape(-1, 2)
    return PairScores(logs, np.array([[count for _, count in row] for row in table], np.int64).reshape(-1, 2))


def _ids(loaded: Loaded, text: str) -> npt.NDArray[np.int64]:
    return np.array(loaded.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"], np.int64)
