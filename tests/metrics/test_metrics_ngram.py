from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.metrics import ngram
from danlu.metrics.ngram import NgramModel, discounts, mark_documents, unigram_nats

Document = tuple[int, ...]


class Textbook:
    """Interpolated modified Kneser-Ney, written as in the books, with tuples and dictionaries."""

    def __init__(self, documents: list[Document], vocabulary: int, order: int) -> None:
        self.vocabulary, self.order = vocabulary, order
        marked = [("<s>", *document) for document in documents]
        raw = [Counter(text[i : i + n] for text in marked for i in range(len(text) - n + 1)) for n in range(order + 2)]
        self.counts: list[dict[tuple[object, ...], int]] = [{} for _ in range(order + 1)]
        for n in range(1, order + 1):
            for gram, count in raw[n].items():
                if n == order or (n > 1 and gram[0] == "<s>"):
                    self.counts[n][gram] = count
                else:
                    self.counts[n][gram] = sum(longer[1:] == gram for longer in raw[n + 1])
            self.counts[n].pop(("<s>",), None)
        self.contexts = [defaultdict(list) for _ in range(order + 1)]
        self.off = [self.discounts(list(table.values())) for table in self.counts]
        for n in range(1, order + 1):
            for gram, count in self.counts[n].items():
                self.contexts[n][gram[:-1]].append(count)

    @staticmethod
    def discounts(counts: list[int]) -> list[float]:
        n = [sum(count == k for count in counts) for k in range(5)]
        if not all(n[1:]):
            return [0, 0.5, 1, 1.5]
        y = n[1] / (n[1] + 2 * n[2])
        found = [0, 1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]]
        return found if all(0 < found[k] <= k for k in (1, 2, 3)) else [0, 0.5, 1, 1.5]

    def probability(self, token: int, history: tuple[object, ...]) -> float:
        history = history[-(self.order - 1) :] if self.order > 1 else ()
        n = len(history) + 1
        lower = self.probability(token, history[1:]) if history else 1 / self.vocabulary
        seen = self.contexts[n].get(history)
        if not seen:
            return lower
        total = sum(seen)
        count = self.counts[n].get((*history, token), 0)
        gamma = sum(self.off[n][min(c, 3)] for c in seen) / total
        return (count - self.off[n][min(count, 3)]) / total + gamma * lower

    def nats(self, documents: list[Document]) -> list[float]:
        return [
            -math.log(self.probability(token, ("<s>", *document[:place])))
            for document in documents
            for place, token in enumerate(document)
        ]


def flat(documents: list[Document]) -> tuple[np.ndarray, np.ndarray]:
    tokens = np.array([token for document in documents for token in document], np.uint16)
    return tokens, np.cumsum([len(document) for document in documents], dtype=np.uint64)


def zipf(seed: int, count: int, vocabulary: int) -> list[Document]:
    rng = np.random.default_rng(seed)
    return [tuple(np.minimum(rng.zipf(1.5, rng.integers(0, 30)) - 1, vocabulary - 1).tolist()) for _ in range(count)]


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_equals_the_textbook(order: int) -> None:
    train, test = zipf(0, 60, 12), zipf(1, 20, 12)
    model = NgramModel.fit(*flat(train), vocabulary=12, order=order)
    found = model.nats(*flat(test))
    assert found == pytest.approx(Textbook(train, 12, order).nats(test), rel=1e-6)


DOCUMENTS = st.lists(st.lists(st.integers(0, 4), max_size=8).map(tuple), min_size=1, max_size=12)


@settings(deadline=None, max_examples=40)
@given(DOCUMENTS, DOCUMENTS, st.integers(1, 5))
def test_equals_the_textbook_on_anything(train: list[Document], test: list[Document], order: int) -> None:
    found = NgramModel.fit(*flat(train), vocabulary=6, order=order).nats(*flat(test))
    expected = Textbook(train, 6, order).nats(test) if any(train) else [math.log(6)] * sum(map(len, test))
    assert found == pytest.approx(expected, rel=1e-6)


@settings(deadline=None, max_examples=30)
@given(DOCUMENTS, st.lists(st.integers(0, 6), max_size=6), st.integers(1, 5))
def test_sums_to_one(train: list[Document], history: list[int], order: int) -> None:
    vocabulary = 7
    model = NgramModel.fit(*flat(train), vocabulary=vocabulary, order=order)
    documents = [(*history, token) for token in range(vocabulary)]
    tokens, ends = flat(documents)
    last = model.nats(tokens, ends)[ends.astype(int) - 1]
    assert np.exp(-last).sum() == pytest.approx(1, abs=1e-6)


def test_contexts_do_not_cross_documents() -> None:
    train = zipf(2, 80, 10)
    model = NgramModel.fit(*flat(train), vocabulary=10)
    test = [document for document in zipf(3, 10, 10) if document]
    alone = np.concatenate([model.nats(*flat([document])) for document in test])
    assert np.array_equal(model.nats(*flat(test)), alone)
    order = list(reversed(test))
    backwards = np.concatenate([model.nats(*flat([document])) for document in order])
    assert model.nats(*flat(order)) == pytest.approx(backwards)


def test_scoring_in_slices_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    train = zipf(4, 100, 20)
    model = NgramModel.fit(*flat(train), vocabulary=20)
    whole = model.nats(*flat(train))
    monkeypatch.setattr(ngram, "SLICE", 17)
    assert np.array_equal(model.nats(*flat(train)), whole)


def test_order_of_documents_does_not_matter() -> None:
    train = zipf(5, 50, 15)
    one, other = (NgramModel.fit(*flat(texts), vocabulary=15) for texts in (train, train[::-1]))
    for level, same in zip(one.orders, other.orders, strict=True):
        assert np.array_equal(level.keys.shape, same.keys.shape)
    assert one.nats(*flat(train)) == pytest.approx(other.nats(*flat(train)))


def test_longer_contexts_help_on_text_that_has_them() -> None:
    rng = np.random.default_rng(0)
    phrases = [tuple(rng.integers(0, 300, 12).tolist()) for _ in range(30)]
    train, test = ([sum((phrases[k] for k in rng.integers(0, 30, 4)), ()) for _ in range(n)] for n in (200, 20))
    costs = [NgramModel.fit(*flat(train), vocabulary=300, order=order).nats(*flat(test)).mean() for order in (1, 2, 3, 5)]
    assert all(before > after for before, after in pairwise(costs[:3]))
    assert costs[-1] < 0.7


def test_large_vocabulary() -> None:
    tokens = np.array([65535, 65534, 65535, 65534, 3], np.uint16)
    model = NgramModel.fit(tokens, np.array([4, 5]), vocabulary=65536)
    found = model.nats(tokens, np.array([5]))
    assert np.isfinite(found).all()
    assert found[1] < found[4]


def test_nothing_to_score_or_to_learn_from() -> None:
    empty = np.empty(0, np.uint16), np.empty(0, np.uint64)
    model = NgramModel.fit(*empty, vocabulary=8)
    assert model.nats(*empty).tolist() == []
    assert model.nats(np.array([1, 2]), np.array([2])) == pytest.approx([math.log(8)] * 2)


def test_discounts_by_hand() -> None:
    counts = np.array([1] * 10 + [2] * 4 + [3] * 2 + [4] + [9])
    y = 10 / 18
    assert discounts(counts) == pytest.approx([0, 1 - 2 * y * 0.4, 2 - 3 * y * 0.5, 3 - 4 * y * 0.5])
    assert discounts(np.array([1, 1, 7])).tolist() == [0, 0.5, 1, 1.5]


def test_marks() -> None:
    marked, starts = mark_documents(np.array([4, 5, 6]), np.array([2, 2, 3]), 9)
    assert marked.tolist() == [9, 4, 5, 9, 9, 6]
    assert starts.tolist() == [0, 3, 4]


def test_unigram() -> None:
    found = unigram_nats(np.array([3, 0, 1]), np.array([0, 1, 1, 2]))
    assert np.exp(-found) == pytest.approx([4 / 7, 1 / 7, 1 / 7, 2 / 7])
