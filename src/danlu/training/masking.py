"""Masking for masked-language modelling: which tokens are hidden is a pure function of seed, epoch and sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from danlu.tokens.special import MASK_ID

IGNORED = -100
"""Target of a position that is not predicted (the convention of transformers and of F.cross_entropy)."""
EVALUATION_RATE = 0.15
_TRAINING, _EVALUATION = 0, 1  # purposes of the random streams


def mask_tokens(
    ids: npt.NDArray[np.int64],
    special: Sequence[int] | npt.NDArray[np.integer],
    rate: float,
    seed: int,
    sample_ids: Sequence[int] | npt.NDArray[np.integer],
    epoch: int,
    vocabulary: int,
    *,
    evaluate: bool = False,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Hide tokens as BERT does: (inputs, targets), both shaped like `ids` [samples, length]; unpredicted targets are -100.

    In each sample `rate` of its ordinary tokens, rounded, at least one, is chosen; of these 80% become the mask token,
    10% a random ordinary token, 10% stay. Ids in `special` are neither chosen nor put in. `sample_ids` [samples] number
    the samples, so the same sample of the same epoch is masked alike in any batch. `evaluate` draws from a stream of its
    own with seed and epoch 0: the fixed mask of every evaluation.
    """
    if evaluate:
        seed, epoch = 0, 0
    ordinary = np.ones(vocabulary, bool)
    ordinary[np.asarray(special, np.int64)] = False
    replacements = np.flatnonzero(ordinary)
    inputs, targets = ids.copy(), np.full_like(ids, IGNORED)
    for row, sample in enumerate(sample_ids):
        candidates = np.flatnonzero(ordinary[ids[row]])
        if not len(candidates):
            continue
        draws = _draws(seed, epoch, int(sample), _EVALUATION if evaluate else _TRAINING, 3 * len(candidates)).reshape(3, -1)
        count = min(len(candidates), max(1, round(rate * len(candidates))))
        chosen = np.argsort(draws[0], kind="stable")[:count]
        places = candidates[chosen]
        targets[row, places] = ids[row, places]
        fate = draws[1, chosen] % np.uint64(10)
        inputs[row, places[fate < 8]] = MASK_ID
        swapped = fate == 8
        inputs[row, places[swapped]] = replacements[draws[2, chosen[swapped]] % np.uint64(len(replacements))]
    return inputs, targets


def _draws(seed: int, epoch: int, sample: int, purpose: int, count: int) -> npt.NDArray[np.uint64]:
    """Raw Philox output (the only one whose stream NumPy promises) at the counter of this sample."""
    key, counter = np.array([seed, epoch], np.uint64), np.array([0, 0, sample, purpose + 2], np.uint64)
    return np.random.Philox(key=key, counter=counter).random_raw(count)
