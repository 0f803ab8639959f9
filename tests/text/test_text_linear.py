"""The classifier of documents: its features by hand, its optimum against scikit-learn's, its probabilities, its words."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression

from danlu.text import linear
from danlu.text.buffers import string_buffers

GOOD = ["the river was low that summer", "boys walked across it on the stones", "河水很低，孩子们走过去", "they made a fire"]
BAD = ["buy cheap pills now now", "click here to buy", "点击这里购买，便宜", "cheap cheap offers online"]


def many(seed: int, number: int) -> tuple[list[str], np.ndarray]:
    """Texts of good and of bad words and of words that are both, with one label in ten wrong."""
    random = np.random.default_rng(seed)
    labels = random.random(number) < 0.3
    texts = []
    for label in labels:
        own = 0 if label == (random.random() < 0.9) else 40
        texts.append(
            " ".join(f"w{random.integers(own, own + 60):02d}x".replace("0", "o") for _ in range(random.integers(1, 30)))
        )
    return texts, labels


@pytest.mark.parametrize(
    "text, ngrams",
    [
        ("Red red dog", ["red", "red", "dog", "red red", "red dog"]),
        ("red\ndog", ["red", "dog"]),
        ("好书。", ["好", "书", "。", "好书", "书。"]),
        ("一本好书", ["一", "本", "好", "书", "一本", "本好", "好书", "一本好", "本好书"]),
        ("读GPT好书", ["读", "gpt", "好", "书", "读gpt", "gpt好", "好书"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_features_are_these_ngrams(text: str, ngrams: list[str]) -> None:
    rows = linear.rows_of(*string_buffers([text]))
    counts = sorted(Counter(ngrams).values())
    assert np.sort(rows.values) == pytest.approx(np.array(counts) / np.sqrt(max(len(ngrams), 1)))
    assert rows.borders.tolist() == [0, len(counts)]
    # Equal n-grams are one feature, wherever they stand.
    alone = {
        int(linear.rows_of(*string_buffers([one])).columns[-1]) for one in ngrams if len(one.split()) == 1 and len(one) == 1
    }
    assert alone <= set(rows.columns.tolist())


def test_scores_are_the_product_of_rows_and_weights() -> None:
    texts = [*GOOD, *BAD, "", "word " * 3000, "长" * 2000 + "\n" + "文 " * 900]
    data, offsets = string_buffers(texts)
    weights = np.random.default_rng(0).normal(size=linear.FEATURES + 1).astype(np.float32)
    rows = linear.rows_of(data, offsets)
    matrix = csr_matrix((rows.values, rows.columns, rows.borders), (len(texts), linear.FEATURES))
    want = linear.sigmoid(matrix @ weights[:-1].astype(np.float64) + float(weights[-1]))
    found = linear.score_buffers(weights, data, offsets)
    assert np.isnan(found[8])
    keep = np.arange(len(texts)) != 8
    assert found[keep] == pytest.approx(want[keep], rel=1e-4)


def test_rows_do_not_depend_on_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, _ = many(3, 60)
    data, offsets = string_buffers(["", *texts, ""])
    whole = linear.rows_of(data, offsets)
    monkeypatch.setattr(linear, "BATCH_BYTES", 500)
    for ours, theirs in zip(linear.rows_of(data, offsets), whole, strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("seed", [0, 1])
def test_weights_are_the_optimum_that_scikit_learn_finds(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    texts, good = many(seed, 250)
    rows = linear.rows_of(*string_buffers(texts))
    monkeypatch.setattr(linear, "PRECISION", 1e-7)
    monkeypatch.setattr(linear, "PASSES", 3000)
    chosen = np.arange(50, 250)
    weights = linear.fit(rows, good, chosen, 0)
    used = np.unique(rows.columns)
    matrix = csr_matrix((rows.values.astype(np.float64), rows.columns, rows.borders), (250, linear.FEATURES))[:, used]
    matrix = hstack([matrix, np.ones((250, 1))]).tocsr()  # the constant is penalised like all weights
    reference = LogisticRegression(C=linear.COST, fit_intercept=False, class_weight="balanced", tol=1e-10, max_iter=5000)
    reference.fit(matrix[chosen], good[chosen])
    assert weights[[*used, -1]] == pytest.approx(reference.coef_[0], abs=2e-4)
    out = np.arange(250) < 50
    assert linear.logits_without(rows, good, out, 0) == pytest.approx((matrix @ reference.coef_[0])[:50], abs=1e-3)


def test_calibration_finds_what_made_the_labels() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(0, 2, 20000)
    good = random.random(20000) < linear.sigmoid(truth)
    slope, offset = linear.calibrate((truth - 1) / 3, good)
    assert (slope, offset) == pytest.approx((3, 1), abs=0.1)
    # Where nothing is to be learned, a good text is as likely as a bad one, however many there are of each.
    assert linear.calibrate(np.zeros(100), np.arange(100) < 80)[1] == pytest.approx(0, abs=0.1)


def test_the_most_telling_words_are_named() -> None:
    texts = [f"{text} {number}" for number in range(12) for text in (*GOOD, *BAD)]
    good = np.array([place % 8 < 4 for place in range(len(texts))])
    data, offsets = string_buffers(texts)
    rows = linear.rows_of(data, offsets)
    found = linear.telling(rows, good, linear.fit(rows, good, np.arange(len(texts)), 0), (data, offsets), 6)
    assert {one.ngram for one in found["bad"]} & {"cheap", "buy", "now", "便", "宜"}
    assert {one.ngram for one in found["good"]} & {"the", "a", "it", "made", "水", "很"}
    assert all(one.weight > 0 and one.good > one.bad for one in found["good"])
    assert all(one.weight < 0 and one.bad > one.good for one in found["bad"])


def test_a_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    weights = linear.calibrated(np.arange(linear.FEATURES + 1) / 1e6, 2.0, 0.5)
    linear.write_weights(tmp_path / "weights.npy", weights)
    assert np.array_equal(linear.read_weights(tmp_path / "weights.npy"), weights)
    assert weights[-1] == pytest.approx(2 * linear.FEATURES / 1e6 + 0.5)
