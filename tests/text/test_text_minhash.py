"""MinHash against its theory: sets by hand, unbiased estimates, the S-curve of the bands, the same in blocks of any size."""

from __future__ import annotations

import random
import re

import numpy as np
import pyarrow as pa
import pytest

from danlu.text.characters import ALONE, kinds_table
from danlu.text.shingles import Scheme, permutations, sets_of, sign_texts

SPACED = Scheme(words=1, letters=1)  # every word a shingle


def texts_of(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def distinct(text: str, scheme: Scheme) -> set[int]:
    signed = sign_texts(texts_of([text]), scheme)
    sets, sizes = sets_of(texts_of([text]), np.zeros(1, np.int64), int(signed.shingles[0]), scheme)
    assert sizes.tolist() == [len(sets)]
    assert (np.diff(sets.astype(object)) > 0).all()
    return set(sets.tolist())


def reference(text: str, scheme: Scheme) -> set[tuple[str, ...]]:
    """Shingles as tuples of words: from each word on, until `words` words or `letters` letters, or what weighs as much."""
    words = [word.lower() for word in re.findall(r"[぀-ヿ一-鿿]|[^\W_぀-ヿ一-鿿]+(?:['’](?=[^\W\d_])[^\W_぀-ヿ一-鿿]+)*", text)]
    weights = [scheme.words if kinds_table()[ord(word[0])] & ALONE else scheme.letters for word in words]
    found = set()
    for first in range(len(words)):
        weight = 0
        for last in range(first, len(words)):
            weight += weights[last]
            if weight >= scheme.words * scheme.letters:
                found.add(tuple(words[first : last + 1]))
                break
    return found or ({tuple(words)} if words else set())


@pytest.mark.parametrize("scheme", [Scheme(), Scheme(words=3, letters=5), SPACED])
def test_sets_of_shingles_are_those_of_tuples_of_words(scheme: Scheme) -> None:
    draw = random.Random(5)
    made, expected = [], []
    for _ in range(60):
        words = draw.choices(["It's", "the", "river", "Low", "that", "一", "条", "河", "2024", "カ"], k=draw.randrange(60))
        text = "".join(word + draw.choice([" ", ", ", "\n"]) for word in words)
        made.append(distinct(text, scheme))
        expected.append(reference(text, scheme))
    assert [len(one) for one in made] == [len(one) for one in expected]
    for one in range(0, 60, 2):  # what two texts share is the same too
        assert len(made[one] & made[one + 1]) == len(expected[one] & expected[one + 1])


def test_a_shingle_is_five_words_or_eight_characters() -> None:
    assert len(distinct("one two three four five six", Scheme())) == 2
    assert len(distinct("一二三四五六七八九", Scheme())) == 2
    assert len(distinct("one two 一二三四五", Scheme())) == 1  # 2 * 8 + 5 * 5 >= 40, and 8 + 5 * 5 < 40
    # Shorter texts have one shingle, of all their words: they are near only what says the same.
    assert distinct("one Two, three", Scheme()) == distinct("One two three!", Scheme()) != distinct("one two", Scheme())
    assert distinct("... !", Scheme()) == set()


def test_equal_stretches_have_equal_shingles_whatever_stands_around_them() -> None:
    draw = random.Random(2)
    inside = " ".join(str(draw.randrange(1000)) for _ in range(50)) + "河水涨了不少" * 3
    own = distinct(inside, Scheme())
    for around in ("", "alpha beta gamma. ", "昨天下了一场大雨，"):
        assert own <= distinct(around + inside + " end of it", Scheme())


def test_long_documents_are_signed_in_blocks() -> None:
    """A block of 64 KB ends anywhere: in a run of Han without spaces, after a word, in the middle of what has no spaces."""
    draw = random.Random(1)
    han = "".join(chr(draw.randrange(0x4E00, 0x5E00)) for _ in range(70_000))
    assert len(distinct(han, Scheme())) == len({han[i : i + 8] for i in range(len(han) - 7)})
    words = [str(draw.randrange(10**9)) for _ in range(40_000)]
    assert len(distinct(" ".join(words), Scheme())) == len({tuple(words[i : i + 5]) for i in range(len(words) - 4)})
    assert len(distinct("x" * 200_000 + " end", Scheme())) == 1
    adversarial = "a " * 300_000
    assert len(distinct(adversarial, Scheme())) == 1
    assert sign_texts(texts_of([adversarial]), Scheme()).shingles[0] == 299_996


def pairs_of(similarity: float, size: int, count: int, seed: int) -> tuple[list[str], float]:
    """Pairs of texts whose sets of words have this Jaccard similarity, and what it is in truth."""
    draw = np.random.default_rng(seed)
    shared = round(2 * size * similarity / (1 + similarity))
    found = []
    for _ in range(count):
        words = draw.choice(10**9, 2 * size - shared, replace=False)
        found += [" ".join(map(str, words[:size])), " ".join(map(str, words[size - shared :]))]
    return found, shared / (2 * size - shared)


@pytest.mark.parametrize(("similarity", "size"), [(0.2, 200), (0.5, 40), (0.5, 300), (0.8, 30), (0.8, 600), (0.95, 200)])
def test_estimates_are_unbiased_and_as_wide_as_theory_says(similarity: float, size: int) -> None:
    """(estimate - J) / sqrt(J (1 - J) / k) over many pairs is a standard normal: its mean, its width, its tails."""
    count = 600
    texts, true = pairs_of(similarity, size, count, seed=size)
    minima = sign_texts(texts_of(texts), SPACED).minima
    estimates = (minima[::2] == minima[1::2]).mean(axis=1)
    scores = (estimates - true) / np.sqrt(true * (1 - true) / SPACED.permutations)
    assert abs(scores.mean()) < 4 / np.sqrt(count)
    assert abs(scores.var() - 1) < 4 * np.sqrt(2 / count)
    assert np.mean(np.abs(scores) > 3) < 0.015


@pytest.mark.parametrize("bands", [(20, 5), (14, 8)])
def test_pairs_share_a_band_as_often_as_the_s_curve_says(bands: tuple[int, int]) -> None:
    scheme = Scheme(1, 1, *bands)
    count = 400
    for similarity in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95):
        texts, true = pairs_of(similarity, 200, count, seed=int(100 * similarity))
        found = sign_texts(texts_of(texts), scheme).bands
        share = (found[::2] == found[1::2]).any(axis=1).mean()
        expected = scheme.probability(true)
        assert abs(share - expected) <= 4 * np.sqrt(expected * (1 - expected) / count) + 1 / count


def test_probabilities_are_those_of_the_published_tables() -> None:
    assert Scheme(bands=14, rows=8).probability(0.8) == pytest.approx(0.924, abs=1e-3)
    assert Scheme(bands=20, rows=5).probability(0.5) == pytest.approx(0.470, abs=1e-3)


def test_signatures_are_as_good_as_datasketch() -> None:
    datasketch = pytest.importorskip("datasketch", reason="datasketch is not installed")
    texts, true = pairs_of(0.7, 100, 200, seed=3)
    theirs = []
    for text in texts:
        sketch = datasketch.MinHash(SPACED.permutations)
        sketch.update_batch([word.encode() for word in text.split()])
        theirs.append(sketch)
    errors = [one.jaccard(other) - true for one, other in zip(theirs[::2], theirs[1::2], strict=True)]
    minima = sign_texts(texts_of(texts), SPACED).minima
    own = (minima[::2] == minima[1::2]).mean(axis=1) - true
    assert np.std(own) < 1.2 * np.std(errors)
    assert abs(own.mean()) < 0.02


def test_permutations_are_odd_and_a_shorter_signature_is_the_beginning_of_a_longer() -> None:
    factors, addends = permutations(100)
    assert (factors % 2 == 1).all()
    assert len(set(factors.tolist())) == 100
    assert permutations(7)[0].tolist() == factors[:7].tolist()
    assert permutations(7)[1].tolist() == addends[:7].tolist()
    text = texts_of(["One two three four five six."])
    long, short = sign_texts(text, Scheme(bands=20)), sign_texts(text, Scheme(bands=3))
    assert long.bands[0, :3].tolist() == short.bands[0].tolist()


def test_a_slice_of_a_column_is_signed_as_the_column() -> None:
    whole = texts_of(["eins zwei drei", "vier fünf sechs", "七八九十"])
    assert sign_texts(whole[1:], Scheme()).bands.tolist() == sign_texts(whole, Scheme()).bands[1:].tolist()
