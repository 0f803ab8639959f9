"""A stream: the windows of some documents, pass after pass without end. Window n is a pure function of n."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from danlu.tokens.bits import Bits
from danlu.tokens.curriculum import easy_first, window_scores
from danlu.tokens.packing import Marks, PackingPlan, pack


@dataclass
class Stream:
    """`tokens`, `ends` and `words` are a store's, `only` the places of the documents to read (default: all).

    Each pass packs and shuffles anew and has the same number of windows. With `scores` [documents of the store] the first
    `led` windows, at most those of the first pass, come in the order of `curriculum.easy_first`.
    """

    tokens: npt.NDArray[np.generic]
    ends: npt.NDArray[np.integer]
    length: int
    marks: Marks
    seed: int
    only: npt.NDArray[np.integer] | None = None
    scores: npt.NDArray[np.floating] | None = None
    led: int = 0
    words: Bits | None = None
    _plans: dict[int, PackingPlan] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def windows_in_pass(self) -> int:
        """ValueError if there are none."""
        if not len(self.plan(0)):
            raise ValueError("a stream needs a document with a token")
        return len(self.plan(0))

    def plan(self, number: int) -> PackingPlan:
        """The plan of pass `number`; the last one asked for is kept."""
        if number not in self._plans:
            self._plans.clear()
            self._plans[number] = pack(self.ends, self.length, seed=self.seed, epoch=number, marks=self.marks, only=self.only)
        return self._plans[number]

    def windows(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The ids of windows `numbers` [n] of the stream, [n, length]."""
        return self._read(numbers, self.tokens)

    def starts(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether a word begins at each token of these windows, [n, length]; only with `words`."""
        assert self.words is not None
        return np.asarray(self._read(numbers, self.words) == 1)

    def _read(self, numbers: npt.NDArray[np.int64], column: npt.NDArray[np.generic] | Bits) -> npt.NDArray[np.int64]:
        passes, places = np.divmod(numbers, self.windows_in_pass)
        if self.scores is not None:
            leading = numbers < len(self._led)
            places[leading] = self._led[places[leading]]
        found = np.empty((len(numbers), self.length), np.int64)
        for one in np.unique(passes):
            here = passes == one
            found[here] = self.plan(int(one)).windows(places[here], column)[0]
        return found

    @cached_property
    def _led(self) -> npt.NDArray[np.int64]:
        assert self.scores is not None
        scores = window_scores(self.plan(0), self.ends, self.scores)[: self.led]
        return easy_first(scores, self.seed)
