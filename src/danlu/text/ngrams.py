"""An n-gram language model of words (of characters in scripts without spaces): learned from a sample, kept in one file that is
mapped into memory, and asked how surprising a text is.

It is modified Kneser-Ney smoothing, interpolated (Chen and Goodman 1998), with the pruning of KenLM: n-grams of three tokens
and more that came once are not kept, and what they had goes to the back-off weight, so that probabilities still sum to one.
Words that came once stand for all that are unknown; an unknown word costs that, and the bits to spell it byte by byte.
"""

from __future__ import annotations

import json
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from danlu.text.characters import kinds_table, lower_table
from danlu.text.kernels.ngrams import (
    NONE,
    SPELLED,
    STEP,
    count_keys,
    count_suffixes,
    extend_keys,
    pack,
    probabilities_of,
    replace_rare,
    score_tokens,
    split_lines,
    totals_of,
)
from danlu.text.kernels.tokens import BOUNDARY, UNKNOWN, read_tokens

KEPT_ALWAYS = 2  # order up to which n-grams that came once are kept
FILL = 0.75  # of the slots of a table
HEADER = 4096  # bytes before the tables
FALLBACK = (0.0, 0.5, 1.0, 1.5)  # discounts where there are too few n-grams to estimate them (as lmplz)
SIGNS = (("“”„‟", '"'), ("‘’‚‛", "'"), ("。｡", "."), ("、､", ","), ("—–―─", "-"), ("《〈«", "<"), ("》〉»", ">"))
SURE = 1e-9  # smallest back-off weight and discount


class Ngrams(NamedTuple):
    """N-grams of one order as they were counted; arrays are [number of n-grams]."""

    keys: NDArray[np.uint64]
    counts: NDArray[np.uint32]
    firsts: NDArray[np.uint32]  # the token at which the first one ends
    prefixes: NDArray[np.uint32]  # number of the (n-1)-gram without the last token
    suffixes: NDArray[np.uint32]  # and without the first
    loose: NDArray[np.int64]  # [(n-1)-grams], by prefix: n-grams that came once and were not numbered
    dropped: int  # the same, all together


class Estimates(NamedTuple):
    """Of the n-grams of one order: probabilities (0: not kept) and back-off weights."""

    keys: NDArray[np.uint64]
    probabilities: NDArray[np.float64]
    weights: NDArray[np.float64]


class NgramModel(NamedTuple):
    """Tables of the orders one after another in `slots`, between `begins`; `spelling` are bits of byte after byte."""

    slots: NDArray[np.uint64]
    begins: NDArray[np.int64]  # [order + 1]
    spelling: NDArray[np.float32]  # [SPELLED, SPELLED]
    about: dict[str, Any]


class Scores(NamedTuple):
    """Of each text: bits, and how many tokens, words, unknown tokens and characters; float64[texts], NaN where not wanted."""

    bits: NDArray[np.float64]
    tokens: NDArray[np.float64]
    words: NDArray[np.float64]
    unknown: NDArray[np.float64]
    characters: NDArray[np.float64]

    @property
    def perplexity(self) -> NDArray[np.float64]:
        """Per token, ends of lines included, as cc_net's; infinite where it is beyond float64."""
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            return np.asarray(np.exp2(self.bits / self.tokens))

    def total(self) -> dict[str, float]:
        """Of all texts together: perplexity, bits per character and per word, share of tokens that are unknown."""
        bits, tokens, words, unknown, characters = (float(np.nansum(values)) for values in self)
        return {
            "perplexity": 2 ** (bits / tokens) if tokens else float("nan"),
            "bits_per_character": bits / characters if characters else float("nan"),
            "bits_per_word": bits / words if words else float("nan"),
            "unknown": unknown / tokens if tokens else float("nan"),
            "tokens": tokens,
            "characters": characters,
        }


@cache
def fold_table() -> NDArray[np.uint32]:
    """What characters are counted as one: case, digits, signs of full and half width; uint32[TABLE_SIZE]."""
    table = lower_table().copy()
    for code in range(0x20000):
        if unicodedata.category(chr(code)) == "Nd":
            table[code] = ord("0")
    for wide in range(0xFF01, 0xFF5F):
        table[wide] = table[wide - 0xFEE0]
    for signs, plain in SIGNS:
        for sign in signs:
            table[ord(sign)] = ord(plain)
    return table


def train(data: NDArray[np.uint8], order: int) -> tuple[NgramModel, list[Estimates]]:
    """The model of lines of UTF-8 text, and the unrounded probabilities that it was made of.

    Memory: 10 to 30 bytes for each byte of text, more where tokens are short.
    """
    tokens, starts, ends = tokens_of(data)
    index, counts, _ = number_keys(tokens)
    spelled = np.ones((SPELLED, SPELLED), np.int64)  # each pair once more than seen, so that none is impossible
    replace_rare(tokens, index, counts, frozen(data), starts, ends, spelled)
    del starts, ends, index
    estimates = estimate(count(tokens, order))
    spelling = -np.log2(spelled / spelled.sum(axis=1, keepdims=True)).astype(np.float32)
    return packed(estimates, spelling), estimates


def split(data: NDArray[np.uint8], one_in: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Lines to learn from, and one in so many to measure on, the same wherever they stand."""
    learned, held = np.empty(len(data) + 1, np.uint8), np.empty(len(data) + 1, np.uint8)
    kept, left = split_lines(frozen(data), one_in, learned, held)
    return learned[:kept], held[:left]


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """A view that cannot be written to: kernels are compiled once, whether the bytes lie in a buffer of Arrow's or in ours."""
    view = array.view()
    view.flags.writeable = False
    return view


def tokens_of(data: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
    """Hashes of the tokens of a text and their bytes, a boundary first."""
    data = frozen(data)
    most = len(data) + 2
    hashes, starts, ends = np.empty(most, np.uint64), np.empty(most, np.int64), np.empty(most, np.int64)
    words = np.empty(most, np.bool_)
    hashes[0], starts[0], ends[0] = BOUNDARY, 0, 0
    tables = frozen(kinds_table()), frozen(fold_table())
    found, _, _ = read_tokens(data, 0, len(data), False, *tables, hashes[1:], starts[1:], ends[1:], words)
    return hashes[: found + 1].copy(), starts[: found + 1].copy(), ends[: found + 1].copy()


def number_keys(keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint32]]:
    """The number of each key, and of each number how often and where first it came."""
    alive = int(np.count_nonzero(keys))
    index = np.empty(len(keys), np.uint32)
    slots = np.full(1 << max(4, int(alive * 1.5).bit_length()), NONE, np.uint32)
    counts, firsts = np.empty(alive, np.uint32), np.empty(alive, np.uint32)
    found = count_keys(keys, index, slots, counts, firsts)
    return index, counts[:found].copy(), firsts[:found].copy()


def count(tokens: NDArray[np.uint64], order: int) -> list[Ngrams]:
    """The n-grams of every order up to `order`."""
    keys = tokens.copy()
    index, counts, firsts = number_keys(keys)
    nothing = np.zeros(0, np.uint32)
    found = [Ngrams(keys[firsts], counts, firsts, nothing, nothing, np.zeros(0, np.int64), 0)]
    for size in range(2, order + 1):
        loose = np.zeros(len(found[-1].keys), np.int64)
        dropped, _ = extend_keys(tokens, keys, size, index, found[-1].counts, loose, least(size - 1))
        shorter = index
        index, counts, firsts = number_keys(keys)
        found.append(Ngrams(keys[firsts], counts, firsts, shorter[firsts - 1], shorter[firsts], loose, dropped))
    return found


def least(order: int) -> int:
    """How often an n-gram must have come to be kept."""
    return 1 if order <= KEPT_ALWAYS else 2


def estimate(found: list[Ngrams]) -> list[Estimates]:
    """Probabilities and back-off weights of the n-grams of every order."""
    adjusted = [_adjusted(found, place) for place in range(len(found))]
    discounts = [
        discounts_of(np.bincount(np.minimum(values, 5), minlength=6)[1:5] + [ngrams.dropped, 0, 0, 0])
        for values, ngrams in zip(adjusted, found, strict=True)
    ]
    known = len(found[0].keys) + int(UNKNOWN not in found[0].keys)
    total = adjusted[0].sum()
    shares = (adjusted[0] - discounts[0][np.minimum(adjusted[0], 3)]) / total
    rest = (1 - shares.sum()) / known
    keys, probabilities = found[0].keys, shares + rest
    if known > len(keys):
        keys, probabilities = np.append(keys, UNKNOWN), np.append(probabilities, rest)
    result: list[Estimates] = []
    for place, ngrams in enumerate(found[1:], 1):
        totals, kept = ngrams.loose.copy(), np.zeros(len(ngrams.loose))
        limit, values = least(place + 1), adjusted[place]
        totals_of(ngrams.prefixes, values, ngrams.counts, limit, discounts[place], totals, kept)
        weights = np.maximum(1 - kept / np.maximum(totals, 1), SURE)
        longer = np.empty(len(ngrams.keys))
        probabilities_of(
            ngrams.prefixes, ngrams.suffixes, values, ngrams.counts, limit, discounts[place], totals, weights,
            probabilities, longer,
        )  # fmt: skip
        result.append(Estimates(keys, probabilities, np.append(weights, np.ones(len(keys) - len(weights)))))
        keys, probabilities = ngrams.keys, longer
    result.append(Estimates(keys, probabilities, np.ones(len(keys))))
    return result


def _adjusted(found: list[Ngrams], place: int) -> NDArray[np.int64]:
    """The counts that probabilities are made of: how often, for the highest order; else how many different tokens stand before.

    What begins a line has nothing before it, and counts as often as it came.
    """
    counts = found[place].counts.astype(np.int64)
    if place + 1 == len(found):
        return counts
    before = np.zeros(len(counts), np.int64)
    count_suffixes(found[place + 1].suffixes, before)
    return np.where(before > 0, before, counts)


def discounts_of(number: NDArray[Any]) -> NDArray[np.float64]:
    """What is taken off the counts 0, 1, 2 and more, float64[4]; `number`: how many n-grams have the counts 1 to 4."""
    if not number.all():
        return np.array(FALLBACK)
    share = number[0] / (number[0] + 2 * number[1])
    raw = [0.0] + [size - (size + 1) * share * number[size] / number[size - 1] for size in (1, 2, 3)]
    if not all(0 < raw[size] <= size for size in (1, 2, 3)):
        return np.array(FALLBACK)
    return np.array(raw)


def packed(estimates: list[Estimates], spelling: NDArray[np.float32]) -> NgramModel:
    """The tables of a model."""
    sizes = [int(np.count_nonzero(one.probabilities) / FILL) + 2 for one in estimates]
    begins = np.concatenate(([0], np.cumsum(sizes)))
    slots = np.zeros(begins[-1], np.uint64)
    for one, begin, end in zip(estimates, begins[:-1], begins[1:], strict=True):
        pack(one.keys, one.probabilities, one.weights, slots[begin:end])
    return NgramModel(slots, begins, spelling, {"ngrams": [int(np.count_nonzero(one.probabilities)) for one in estimates]})


def write_model(path: Path, model: NgramModel) -> None:
    """Write a model as one file: a header, the spelling, the tables."""
    header = {"begins": model.begins.tolist(), "about": model.about, "step": STEP}
    with path.open("wb") as file:
        file.write(json.dumps(header, sort_keys=True).encode().ljust(HEADER, b"\n"))
        file.write(np.ascontiguousarray(model.spelling, "<f4").tobytes())
        model.slots.astype("<u8", copy=False).tofile(file)


def read_model(path: Path) -> NgramModel:
    """A model whose tables stay in the file until they are looked at."""
    with path.open("rb") as file:
        header = json.loads(file.read(HEADER))
        spelling = np.frombuffer(file.read(4 * SPELLED * SPELLED), "<f4").reshape(SPELLED, SPELLED)
    offset = HEADER + 4 * SPELLED * SPELLED
    slots = np.memmap(path, "<u8", "r", offset=offset)
    return NgramModel(np.asarray(slots), np.array(header["begins"]), spelling, header["about"])


def score_buffers(
    model: NgramModel, data: NDArray[np.uint8], offsets: NDArray[np.int64], wanted: NDArray[np.bool_] | None = None
) -> Scores:
    """How surprising texts are: `data` are their bytes one after another, `offsets` their borders, int64[texts + 1]."""
    texts = len(offsets) - 1
    wanted = np.ones(texts, bool) if wanted is None else wanted
    bits, counts = np.zeros(texts), np.zeros((texts, 4), np.int64)
    score_tokens(
        frozen(data), frozen(offsets), frozen(wanted), frozen(kinds_table()), frozen(fold_table()), frozen(model.slots),
        frozen(model.begins), frozen(model.spelling), bits, counts,
    )  # fmt: skip
    return Scores(*(np.where(wanted, values, np.nan) for values in (bits, *counts.T)))
