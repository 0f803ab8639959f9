"""Neighbours: counts beside a plain loop, information beside its definition, vectors that put alike tokens together."""

from __future__ import annotations

import numpy as np
import pytest

from danlu.tokens import neighbours
from danlu.tokens.neighbours import SMOOTHING, WINDOW, count_neighbours, neighbour_information, neighbour_vectors


def make_text(vocabulary: int, length: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    ends = np.unique(np.append(generator.integers(1, length, 7), length))
    return generator.integers(0, vocabulary, length).astype("<u2"), ends.astype("<u8")


def counted_slowly(tokens: np.ndarray, ends: np.ndarray, vocabulary: int) -> np.ndarray:
    counts, start = np.zeros((vocabulary, vocabulary)), 0
    for end in ends.astype(int):
        for first in range(start, end):
            for second in range(first + 1, min(first + WINDOW + 1, end)):
                for a, b in ((first, second), (second, first)):
                    counts[tokens[a], tokens[b]] += 1 / (second - first)
        start = end
    return counts


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("length", [2, 3, 200])
def test_counts_are_those_of_a_plain_loop(length: int, seed: int) -> None:
    tokens, ends = make_text(20, length, seed)
    np.testing.assert_allclose(
        count_neighbours(tokens, ends, 20).toarray(), counted_slowly(tokens, ends, 20), rtol=1e-5, atol=1e-6
    )


def test_only_the_first_part_of_a_long_text_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, ends = make_text(20, 200, 0)
    monkeypatch.setattr(neighbours, "MOST_TOKENS", 150)
    cut = np.append(ends[ends < 150], 150)
    np.testing.assert_allclose(
        count_neighbours(tokens, ends, 20).toarray(), counted_slowly(tokens[:150], cut, 20), rtol=1e-5, atol=1e-6
    )


def test_information_is_what_its_definition_says() -> None:
    counts = count_neighbours(*make_text(30, 3000, 1), 30)
    dense = counts.toarray().astype(float)
    token = dense.sum(1)
    smoothed = token**SMOOTHING / (token**SMOOTHING).sum()
    expected = np.maximum(0, np.log(dense / token.sum() / np.outer(token / token.sum(), smoothed)))
    np.testing.assert_allclose(neighbour_information(counts).toarray(), expected, rtol=1e-4, atol=1e-5)


def test_tokens_with_like_neighbours_have_like_vectors() -> None:
    """Two topics whose words never meet; within a topic each word stands beside every other."""
    generator = np.random.default_rng(0)
    documents = [generator.integers(0, 10, 50) + 10 * (number % 2) for number in range(200)]
    tokens, ends = np.concatenate(documents), np.cumsum([len(document) for document in documents])
    vectors = neighbour_vectors(tokens, ends, 24, 4, seed=0)
    assert vectors.shape == (24, 4)
    assert not vectors[20:].any(), "tokens that never occur have no vector"
    similar = vectors[:20] @ vectors[:20].T
    np.testing.assert_allclose(np.diag(similar), 1, rtol=1e-5)
    topic = np.arange(20) // 10
    assert similar[topic[:, None] == topic].mean() > similar[topic[:, None] != topic].mean() + 0.5
    assert np.array_equal(vectors, neighbour_vectors(tokens, ends, 24, 4, seed=0))


def test_one_lonely_token_has_no_neighbours() -> None:
    assert not neighbour_vectors(np.array([3]), np.array([1]), 8, 4, seed=0).any()
