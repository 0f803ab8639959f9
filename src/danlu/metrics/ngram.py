"""N-gram language models over token ids: what a neural model must beat. Pure NumPy, exact, no hashing.

Interpolated modified Kneser-Ney (Chen and Goodman 1999, section 3; lower orders as in Heafield et al. 2013):

    p(w | h) = (c(hw) - D(c(hw))) / c(h.) + gamma(h) p(w | h'),    gamma(h) = sum of the D taken off under h / c(h.)

where h' is h without its first token, D is one of three discounts an order (for counts 1, 2, 3 and more), and c is the number
of occurrences at the highest order and for n-grams that begin a document, else the number of distinct tokens seen before the
n-gram. Below the unigrams lies the uniform distribution: every token has a probability, and they sum to 1 over the vocabulary.

A document is begun by a mark that is context but never predicted, contexts do not cross documents, and the end of a document
is not predicted: the same tokens are scored as for the neural models' bits per byte.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Tokens = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]

SLICE = 1_000_000  # tokens scored at a time


@dataclass(frozen=True)
class Order:
    """The n-grams of one order, n >= 2. An n-gram's id is its place in `keys`; a unigram's id is its token.

    `keys` [n-grams] uint64, sorted: id of the first n - 1 tokens x (vocabulary + 1) + last token. `counts` [n-grams]: c(hw).
    `totals`, `gammas` [(n-1)-grams]: c(h.) and gamma(h) of each context, 0 and 1 where it was never continued.
    """

    keys: npt.NDArray[np.uint64]
    counts: npt.NDArray[np.int32]
    totals: npt.NDArray[np.int32]
    gammas: npt.NDArray[np.float32]
    discounts: Floats


@dataclass(frozen=True)
class NgramModel:
    """A fitted model. `unigrams` [vocabulary]: the lowest distribution, interpolated with the uniform one."""

    vocabulary: int
    unigrams: Floats
    orders: tuple[Order, ...]

    @classmethod
    def fit(cls, tokens: Tokens, ends: Tokens, vocabulary: int, order: int = 5) -> NgramModel:
        """Learn from the documents that end at `ends` [documents] in `tokens` [total], ids below `vocabulary`.

        Eight million tokens of real text take about 11 s of one core and 0.75 GB; the model of order 5 then holds 0.3 GB.
        """
        lowest, levels = _count(tokens, ends, vocabulary, order)
        orders, contexts = [], vocabulary + 1
        for keys, counts in levels:
            orders.append(_discount(keys, counts, vocabulary + 1, contexts))
            contexts = len(keys)
        return cls(vocabulary, _lowest(lowest[:vocabulary]), tuple(orders))

    def nats(self, tokens: Tokens, ends: Tokens) -> Floats:
        """-ln p of each token given the tokens before it in its document, [total]."""
        stops = ends.astype(np.int64)
        found = np.empty(int(stops[-1]) if len(stops) else 0)
        document, start = 0, 0
        while document < len(stops):
            after = max(document + 1, int(np.searchsorted(stops, start + SLICE)))
            stop = int(stops[after - 1])
            found[start:stop] = self._nats(tokens[start:stop], stops[document:after] - start)
            document, start = after, stop
        return found

    def _nats(self, tokens: Tokens, ends: Tokens) -> Floats:
        base = self.vocabulary + 1
        marked, starts = mark_documents(tokens, ends, self.vocabulary)
        since = _since(starts, len(marked))
        real = since > 0
        probability = np.ones(len(marked))
        probability[real] = self.unigrams[marked[real]]
        ids = marked.astype(np.int64)  # of the n-gram that ends here; -1 where it was never seen
        for n, level in enumerate(self.orders, start=2):
            here = np.flatnonzero(since >= n - 1)
            here = here[ids[here - 1] >= 0]
            context = ids[here - 1]
            key = _keys(context, marked[here], base)
            place = np.searchsorted(level.keys, key)
            place[place == len(level.keys)] = 0
            seen = level.keys[place] == key if len(level.keys) else np.zeros(len(key), bool)
            ids = np.full(len(marked), -1)
            ids[here[seen]] = place[seen]
            count = np.zeros(len(here))
            count[seen] = level.counts[place[seen]]
            taken = level.discounts[np.minimum(count, 3).astype(np.intp)]
            total = np.maximum(level.totals[context], 1)
            probability[here] = (count - taken) / total + level.gammas[context] * probability[here]
        nats: Floats = -np.log(probability[real])
        return nats


def mark_documents(tokens: Tokens, ends: Tokens, mark: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Put `mark` before each document: (tokens with marks [total + documents], where the marks are [documents])."""
    stops = ends.astype(np.int64)
    documents = np.arange(len(stops))
    starts = np.concatenate(([0], stops[:-1]))[: len(stops)] + documents
    total = int(stops[-1]) if len(stops) else 0
    marked = np.empty(total + len(stops), np.uint32)
    marked[starts] = mark
    real = np.ones(len(marked), bool)
    real[starts] = False
    marked[real] = tokens[:total]
    return marked, starts


def unigram_nats(counts: Tokens, targets: Tokens) -> Floats:
    """-ln p of `targets` by the frequencies `counts` [vocabulary] of a training text, one added to each."""
    smoothed = counts.astype(np.float64) + 1
    nats: Floats = (np.log(smoothed.sum()) - np.log(smoothed))[targets]
    return nats


def discounts(counts: Tokens) -> Floats:
    """The amounts taken off counts of 0, 1, 2, and 3 or more, [4]: from how many n-grams have counts 1 to 4.

    Where the text is too small for these to be had or to make sense, the usual 0.5, 1 and 1.5.
    """
    have = np.bincount(np.minimum(counts, 5), minlength=6).astype(np.float64)
    usual = np.array([0.0, 0.5, 1.0, 1.5])
    if not have[1:5].all():
        return usual
    y = have[1] / (have[1] + 2 * have[2])
    found = np.array([0.0, *(n - (n + 1) * y * have[n + 1] / have[n] for n in (1, 2, 3))])
    return found if np.all((found[1:] > 0) & (found[1:] <= [1, 2, 3])) else usual


def _count(
    tokens: Tokens, ends: Tokens, vocabulary: int, order: int
) -> tuple[npt.NDArray[np.int32], list[tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]]]:
    """c(hw) of unigrams [vocabulary + 1], and (keys, c(hw)) of orders 2, 3, ... as in `Order`."""
    base = vocabulary + 1
    marked, starts = mark_documents(tokens, ends, vocabulary)
    since = _since(starts, len(marked))
    ids = marked.astype(np.int32)  # of the n-gram that ends here
    counts = np.bincount(marked, minlength=base).astype(np.int32)  # occurrences of the n-grams of this order
    leading = np.arange(base) == vocabulary  # [n-grams]: whether it begins a document, and so has nothing before it
    lowest, levels = counts, []
    for n in range(2, order + 1):
        here = np.flatnonzero(since >= n - 1).astype(np.uint32)
        keys, inverse, occurrences = _unique(_keys(ids[here - np.uint32(1)], marked[here], base))
        suffix = np.empty(len(keys), np.int32)  # id of each n-gram without its first token
        suffix[inverse] = ids[here]
        before = np.bincount(suffix, minlength=len(counts)).astype(np.int32)  # distinct tokens seen before each (n-1)-gram
        np.copyto(counts, before, where=~leading)  # in place: these are the last order's counts in `levels`
        counts, leading = occurrences, np.zeros(len(keys), bool)
        leading[inverse] = since[here] == n - 1
        ids[here] = inverse
        levels.append((keys, counts))
    return lowest, levels


def _lowest(counts: npt.NDArray[np.int32]) -> Floats:
    """The unigrams: discounted, what is taken off spread evenly over the vocabulary."""
    if not counts.any():
        return np.full(len(counts), 1 / len(counts))
    taken = discounts(counts)[np.minimum(counts, 3)]
    total = counts.sum(dtype=np.float64)
    return np.asarray((counts - taken) / total + taken.sum() / total / len(counts))


def _discount(keys: npt.NDArray[np.uint64], counts: npt.NDArray[np.int32], base: int, contexts: int) -> Order:
    """Totals and gammas of the contexts, of which there are `contexts`."""
    off = discounts(counts)
    context = (keys // np.uint64(base)).astype(np.int32)
    totals = np.bincount(context, weights=counts, minlength=contexts)
    taken = np.bincount(context, weights=off[np.minimum(counts, 3)], minlength=contexts)
    gammas = np.divide(taken, totals, out=np.ones(contexts), where=totals > 0)
    return Order(keys, counts, totals.astype(np.int32), gammas.astype(np.float32), off)


def _since(starts: npt.NDArray[np.int64], total: int) -> npt.NDArray[np.int32]:
    """How many places after the mark of its document each place is, [total]."""
    step = np.ones(total, np.int32)
    if total:
        step[0] = 0
        step[starts[1:]] = 1 - np.diff(starts)
    return np.cumsum(step, dtype=np.int32)


def _keys(contexts: npt.NDArray[np.integer], last: npt.NDArray[np.uint32], base: int) -> npt.NDArray[np.uint64]:
    keys = contexts.astype(np.uint64)
    keys *= np.uint64(base)
    keys += last
    return keys


def _unique(
    keys: npt.NDArray[np.uint64],
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """(sorted distinct keys, place of every key among them, how often each occurs); `np.unique` takes twice the memory."""
    order = np.argsort(keys)
    keys = keys[order]
    new = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    place = np.cumsum(new, dtype=np.int32)
    place -= 1
    inverse = np.empty(len(keys), np.int32)
    inverse[order] = place
    borders = np.flatnonzero(new)
    return keys[borders], inverse, np.diff(borders, append=len(keys)).astype(np.int32)
