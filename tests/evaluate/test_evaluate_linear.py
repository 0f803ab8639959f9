"""TF-IDF with logistic regression: its features, its layouts, and scikit-learn's own pipeline as the reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from danlu.evaluate import linear


def test_features_of_both_scripts() -> None:
    assert linear.features("The film isn't BAD") == ["the", "film", "the film", "isn't", "film isn't", "bad", "isn't bad"]
    assert linear.features("很好看") == ["很", "好", "看", "很好", "好看", "很好看"]
    assert linear.features("看IMAX版") == ["看", "imax", "版"]
    assert linear.features("ＢＡＤ，好!") == ["bad", "好"]
    assert linear.features("映画は") == ["映", "画", "は", "映画", "画は", "映画は"]
    assert linear.features("영화 최고") == ["영화", "최고", "영화 최고"]
    assert linear.features("") == linear.features("。。。!!") == []


def test_a_pair_of_words_never_spans_han() -> None:
    assert "a b" not in linear.features("a 好 b")


@given(st.text(max_size=80))
def test_any_text_has_features(text: str) -> None:
    found = linear.features(text)
    assert all(found)
    assert linear.count_features([text]).sum() == len(found)


def test_equals_scikit_learns_pipeline(rows: list[dict[str, str]]) -> None:
    """The same numbers as TfidfVectorizer and LogisticRegression give; hashing changes only the names of the columns."""
    learned, asked = rows[:300], rows[300:400]
    vectorizer = TfidfVectorizer(analyzer=linear.features, sublinear_tf=True)
    names = ["negative", "positive"]
    truth = np.array([names.index(row["label"]) for row in learned])
    reference = LogisticRegression(C=4.0, max_iter=300).fit(vectorizer.fit_transform([row["text"] for row in learned]), truth)
    expected = reference.predict_proba(vectorizer.transform([row["text"] for row in asked]))
    counts = linear.count_features([row["text"] for row in rows])
    model = linear.fit(counts[:300], truth, 2, 4.0)
    assert np.allclose(model.probabilities(counts[300:400]), expected, atol=2e-3)


def test_by_language_leaves_rare_languages_to_the_joint_model(rows: list[dict[str, str]]) -> None:
    counts = linear.count_features([row["text"] for row in rows])
    truth = np.array([row["label"] == "positive" for row in rows]).astype(np.int64)
    languages = np.array([row["language"] for row in rows])
    languages[:5] = "ja"
    joint, apart = (
        linear.answers(counts, truth, languages, counts, languages, 2, layout, 4.0) for layout in ("joint", "by-language")
    )
    assert np.allclose(joint[:5], apart[:5])
    assert not np.allclose(joint[5:], apart[5:])
    assert np.allclose(apart.sum(1), 1)
    alone = linear.fit(counts[languages == "en"], truth[languages == "en"], 2, 4.0).probabilities(counts[languages == "en"])
    assert np.allclose(apart[languages == "en"], alone)


def test_one_class_and_no_features() -> None:
    counts = linear.count_features(["a", "b", "..."])
    assert linear.fit(counts, np.array([1, 1, 1]), 3, 1.0).probabilities(counts).tolist() == [[0, 1, 0]] * 3
    empty = linear.count_features(["...", "!"])
    assert linear.fit(empty, np.array([0, 1]), 2, 1.0).probabilities(empty).tolist() == [[1, 0]] * 2
    assert linear.fit(counts, np.array([0, 2, 0]), 3, 1.0).probabilities(counts[:0]).shape == (0, 3)


def test_a_class_that_training_lacks_has_no_probability() -> None:
    counts = linear.count_features(["good", "bad", "good film", "bad film"])
    table = linear.fit(counts, np.array([0, 2, 0, 2]), 3, 4.0).probabilities(counts)
    assert (table[:, 1] == 0).all()
    assert table.argmax(1).tolist() == [0, 2, 0, 2]


@pytest.mark.parametrize(("languages", "count"), [(["en", "en"], 4), (["en", "zh-Hans"], 8)])
def test_one_language_needs_one_layout(languages: list[str], count: int) -> None:
    assert len(list(linear.choices(np.array(languages)))) == count
