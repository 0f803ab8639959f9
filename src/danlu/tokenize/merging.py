"""Byte-pair encoding that goes on from the tokens of a tokenizer that is there.

Sennrich et al. (2016) begin with characters; here each word of the text begins as the tokens that it is encoded as today. The
pair that is most frequent becomes a token, again and again; counts are changed only around the pairs that were joined.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Pair = tuple[int, int]
NONE = -1  # instead of a place or an id


@dataclass
class NewToken:
    """A token made of `parts`, ids of the tokens that were there before, in their order.

    `share`: of all tokens of the text, when it was joined. `used`: how often it is left in the text when all are joined.
    """

    name: str
    parts: tuple[int, ...]
    share: float
    used: int = 0


class Merges(NamedTuple):
    """`pairs`: what was joined, in this order, if steps stay; where two give one name, it is one token. `tokens`: their ids go
    on from the vocabulary's. `before` [vocabulary]: how often each old token was in the text."""

    pairs: list[Pair]
    tokens: list[NewToken]
    before: npt.NDArray[np.int64]


def continue_merges(
    words: Mapping[tuple[int, ...], int],
    names: Sequence[str],
    join: Callable[[str, str], str | None],
    most: int,
    least: int,
    steps: bool,
    tell: Callable[[int], None] = lambda tokens: None,
) -> Merges:
    """Up to `most` new tokens from `words`: the ids of each word, and how often it stands in the text.

    `names` [vocabulary]: of the tokens there are. `join`: the name of two tokens together, None if they are never to be one.
    Neither are two whose name an old token has: they would take the place of ids that a model knows. The most frequent pair
    comes first, of several the one with the smallest ids; below `least` occurrences it ends. `steps`: whether tokens that are
    only steps on the way to longer ones, left fewer than `least` times themselves, stay and count: BPE needs them, for others
    their rows would be lost. `tell` hears of how many there are more.

    Time goes with the pairs that are joined, not with the text: 2,000 tokens from 8 MB take seconds.
    """
    text = _Text.of(words, least)
    found = Merges([], [], text.occurrences(len(names)))
    first, names, old, new = len(names), [*names], frozenset(names), {}
    total = int(found.before.sum())
    counted = told = 0
    heap = [(-count, pair) for pair, count in text.counts.items()]
    heapify(heap)
    while heap and counted < most:
        negative, pair = heappop(heap)
        count = text.counts.get(pair, 0)
        if count != -negative:  # it has become less frequent since; had it become more so, it would be here again
            if count >= least:
                heappush(heap, (-count, pair))
            continue
        name = join(names[pair[0]], names[pair[1]])
        if name is None or name in old:
            text.forget(pair)
            continue
        if name not in new:
            new[name] = len(names)
            names.append(name)
            parts = tuple(part for one in pair for part in (found.tokens[one - first].parts if one >= first else (one,)))
            found.tokens.append(NewToken(name, parts, count / total))
        joined, raised = text.join(pair, new[name])
        found.pairs.append(pair)
        total -= joined
        for one, change in ((new[name], joined), (pair[0], -joined), (pair[1], -joined)):
            if one >= first:
                token = found.tokens[one - first]
                counted -= token.used >= least
                token.used += change
                counted += token.used >= least
        if steps:
            counted = len(found.tokens)
        if counted > told:
            tell(counted - told)
            told = counted
        for changed in raised:
            if (count := text.counts[changed]) >= least:
                heappush(heap, (-count, changed))
    return found if steps else Merges([], [token for token in found.tokens if token.used >= least], found.before)


@dataclass
class _Text:
    """All words in one row of tokens; each place knows those before and after it in its word, so that joining moves nothing.

    `counts`: how often each pair stands in the text. `places`: where it stands, or stood. Pairs of old tokens that are too
    seldom are in neither: they can only become more so.
    """

    ids: list[int]
    weights: list[int]
    previous: list[int]
    following: list[int]
    counts: dict[Pair, int]
    places: dict[Pair, list[int]]

    @classmethod
    def of(cls, words: Mapping[tuple[int, ...], int], least: int) -> _Text:
        ids: list[int] = []
        weights: list[int] = []
        previous: list[int] = []
        following: list[int] = []
        for word, count in words.items():
            start, stop = len(ids), len(ids) + len(word)
            ids += word
            weights += [count] * len(word)
            previous += [NONE, *range(start, stop - 1)][: len(word)]
            following += [*range(start + 1, stop), NONE][: len(word)]
        counts: Counter[Pair] = Counter()
        for place, after in enumerate(following):
            if after != NONE:
                counts[ids[place], ids[after]] += weights[place]
        frequent = {pair: count for pair, count in counts.items() if count >= least}
        places: dict[Pair, list[int]] = {pair: [] for pair in frequent}
        for place, after in enumerate(following):
            if after != NONE and (ids[place], ids[after]) in places:
                places[ids[place], ids[after]].append(place)
        return cls(ids, weights, previous, following, frequent, places)

    def occurrences(self, vocabulary: int) -> npt.NDArray[np.int64]:
        """How often each token is in the text, [vocabulary]."""
        found = np.zeros(vocabulary, np.int64)
        np.add.at(found, np.array(self.ids, np.int64), np.array(self.weights, np.int64))
        return found

    def forget(self, pair: Pair) -> None:
        del self.counts[pair], self.places[pair]

    def join(self, pair: Pair, new: int) -> tuple[int, Collection[Pair]]:
        """Put `new` for each occurrence of `pair`, from the left; how many there were, and the pairs that grew."""
        left, right = pair
        ids, following, previous = self.ids, self.following, self.previous
        joined, raised = 0, set()
        for place in sorted(set(self.places[pair])):
            after = following[place]
            if ids[place] != left or after == NONE or ids[after] != right:
                continue  # it stood here once
            weight, before, beyond = self.weights[place], previous[place], following[after]
            ids[place], ids[after] = new, NONE
            following[place] = beyond
            joined += weight
            if before != NONE:
                self._lower((ids[before], left), weight)
                raised.add(self._raise((ids[before], new), weight, before))
            if beyond != NONE:
                previous[beyond] = place
                self._lower((right, ids[beyond]), weight)
                raised.add(self._raise((new, ids[beyond]), weight, place))
        self.forget(pair)
        return joined, raised

    def _lower(self, pair: Pair, weight: int) -> None:
        if pair in self.counts:
            self.counts[pair] -= weight

    def _raise(self, pair: Pair, weight: int, place: int) -> Pair:
        self.counts[pair] = self.counts.get(pair, 0) + weight
        self.places.setdefault(pair, []).append(place)
        return pair
