"""How many tokens a text can teach: the rule of `tokenize.vocabulary: auto`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.tokens.encoding import reference_encoder
from danlu.tokens.files import tokenizer_text, vocabulary_of
from danlu.tokens.pieces import bytes_of_tokens
from danlu.tokens.special import SPECIAL

SIZES = tuple(size for power in range(9, 17) for size in (1 << power, 3 << power - 1) if size <= 1 << 16)
"""512, 768, 1024, 1536 and so on to 65536: numbers that matrix products like."""
SHARE, EXAMPLES = 0.95, 100


def fitting_size(
    content: Mapping[str, Any], texts: Mapping[str, Sequence[str]], totals: Mapping[str, int], least: int
) -> tuple[int, float]:
    """The largest of `SIZES`, from `least` on, where 95% of the learned tokens occur at least 100 times in the training text.

    The rule of Gowda and May (Findings of EMNLP 2020): fewer tokens make texts longer than they need be, more are tokens that a
    model sees too seldom to learn. `content`: a tokenizer with as many tokens as are ever thought of; smaller ones are it
    without what it learned last. `texts`: a sample by language; `totals`: the bytes of all text in each.
    Also the share that the size reaches: less than 95% where even the smallest one does not.
    """
    found, reached = least, 0.0
    for size in SIZES:
        if not least <= size <= len(vocabulary_of(content)):
            continue
        smaller = first_tokens(content, size)
        learned = np.array([len(piece) > 1 for piece in bytes_of_tokens({**smaller, "added_tokens": []})])
        learned[: len(SPECIAL)] = False
        share = float((occurrences(smaller, texts, totals)[learned] >= EXAMPLES).mean())
        if size > least and share < SHARE:
            break
        found, reached = size, share
    return found, reached


def first_tokens(content: Mapping[str, Any], size: int) -> dict[str, Any]:
    """A tokenizer of the first `size` tokens of another: special ones, bytes, and what was learned first."""
    model = content["model"]
    if isinstance(model["vocab"], list):
        return {**content, "model": {**model, "vocab": model["vocab"][:size]}}
    vocab = {name: place for name, place in model["vocab"].items() if place < size}
    merges = {} if "merges" not in model else {"merges": [pair for pair in model["merges"] if "".join(pair) in vocab]}
    return {**content, "model": {**model, "vocab": vocab, **merges}}


def occurrences(
    content: Mapping[str, Any], texts: Mapping[str, Sequence[str]], totals: Mapping[str, int]
) -> npt.NDArray[np.float64]:
    """How often each token occurs in all text, [vocabulary], as the samples tell."""
    encode = reference_encoder(tokenizer_text({**content, "added_tokens": [], "post_processor": None}))
    found = np.zeros(len(vocabulary_of(content)))
    for language, chosen in texts.items():
        size = sum(len(text.encode("utf-8")) for text in chosen)
        found += np.bincount(encode(chosen).tokens.astype(np.int64), minlength=len(found)) * (totals[language] / max(1, size))
    return found
