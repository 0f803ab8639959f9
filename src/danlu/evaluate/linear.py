"""TF-IDF and logistic regression: the model that a fine-tuned one must beat, built so that it is hard to beat.

Features suit both scripts: words and pairs of words where words are spaced (Latin, Cyrillic, Hangul, ...), 1 to 3
characters in a row in Han and kana, which are not. Layout and regularisation are chosen by accuracy on the validation
rows, anew for each size of training set.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

Layout = Literal["joint", "by-language"]
Counts: TypeAlias = sparse.csr_matrix  # (texts, features)
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

COLUMNS = 1 << 22  # hashed features: far more than a small corpus has, so that collisions are few
STRENGTHS = (1.0, 4.0, 16.0, 64.0)  # inverse regularisation C: the plateau on both languages' reviews lies within
LAYOUTS: tuple[Layout, ...] = ("joint", "by-language")
BATCH = 1000  # texts between two looks at Ctrl-C
FEW_ROWS = 1000  # below it, features of a single text are kept too
ENOUGH_ROWS = 20  # training rows that a language needs for a model of its own
HAN = "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
RUNS = re.compile(rf"([{HAN}]+)|((?:(?![{HAN}])\w)+(?:['’](?:(?![{HAN}])\w)+)*)")


def features(text: str) -> list[str]:
    """Word 1-2-grams of spaced scripts and character 1-3-grams of Han and kana runs, of the NFKC, lower-case text."""
    found: list[str] = []
    previous = ""
    for match in RUNS.finditer(unicodedata.normalize("NFKC", text).lower()):
        run, word = match.group(1), match.group(2)
        if word:
            found.append(word)
            if previous:
                found.append(f"{previous} {word}")
            previous = word
        else:
            previous = ""
            for size in (1, 2, 3):
                found.extend(run[start : start + size] for start in range(len(run) - size + 1))
    return found


def count_features(
    texts: Sequence[str], check: Callable[[], None] = lambda: None, advance: Callable[[int], None] = lambda _: None
) -> Counts:
    """(texts, features) how often each hashed feature that occurs at all occurs in each text. Columns are only comparable
    within one call. `check` and `advance` are called by batch."""
    vectorizer = HashingVectorizer(analyzer=features, n_features=COLUMNS, alternate_sign=False, norm=None, dtype=np.float32)
    parts = [sparse.csr_matrix((0, COLUMNS), dtype=np.float32)]
    for start in range(0, len(texts), BATCH):
        check()
        batch = texts[start : start + BATCH]
        parts.append(vectorizer.transform(batch))
        advance(len(batch))
    table = sparse.csr_matrix(sparse.vstack(parts))
    used, places = np.unique(table.indices, return_inverse=True)
    return sparse.csr_matrix((table.data, places.astype(np.int32), table.indptr), shape=(len(texts), len(used)))


@dataclass(frozen=True)
class Linear:
    """One fitted model over the feature columns it saw."""

    columns: npt.NDArray[np.int64]
    weights: TfidfTransformer
    regression: LogisticRegression | None  # None where the training rows had one class
    seen: Ints
    classes: int

    def probabilities(self, counts: Counts) -> Floats:
        """(texts, features) counts -> (texts, classes)."""
        table = np.zeros((counts.shape[0], self.classes))
        if self.regression is None:
            table[:, self.seen] = 1.0
        elif counts.shape[0]:
            table[:, self.seen] = self.regression.predict_proba(self.weights.transform(counts[:, self.columns]))
        return table


def fit(counts: Counts, truth: Ints, classes: int, strength: float) -> Linear:
    """Fit on (texts, features) counts and (texts,) class numbers."""
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    columns = np.flatnonzero(frequency >= (2 if counts.shape[0] >= FEW_ROWS else 1))
    weights = TfidfTransformer(sublinear_tf=True)
    seen = np.unique(truth)
    if len(seen) < 2 or not len(columns):
        shares = np.bincount(truth, minlength=classes)
        return Linear(columns, weights, None, np.array([int(shares.argmax())]), classes)
    table = weights.fit_transform(counts[:, columns])
    with threadpool_limits(1, "blas"):  # the last bits of its sums, and so the fit, depend on the number of threads
        regression = LogisticRegression(C=strength, max_iter=300).fit(table, truth)
    return Linear(columns, weights, regression, seen, classes)


def answers(
    train: Counts, truth: Ints, languages: npt.NDArray[np.str_], asked: Counts, asked_languages: npt.NDArray[np.str_],
    classes: int, layout: Layout, strength: float,
) -> Floats:  # fmt: skip
    """(asked, classes) probabilities of a model fitted on the training rows; `by-language` fits one for each language that
    has rows enough and leaves the others to the joint one."""
    if layout == "joint":
        return fit(train, truth, classes, strength).probabilities(asked)
    table = np.zeros((asked.shape[0], classes))
    left = np.ones(asked.shape[0], np.bool_)
    for tag in sorted(set(languages.tolist())):
        mine, wanted = languages == tag, asked_languages == tag
        if mine.sum() >= ENOUGH_ROWS and len(np.unique(truth[mine])) > 1 and wanted.any():
            table[wanted] = fit(train[mine], truth[mine], classes, strength).probabilities(asked[wanted])
            left &= ~wanted
    if left.any():
        table[left] = fit(train, truth, classes, strength).probabilities(asked[left])
    return table


def choices(languages: npt.NDArray[np.str_]) -> Iterator[tuple[Layout, float]]:
    """The settings to choose from; one layout is enough where there is one language."""
    for layout in LAYOUTS[: 1 if len(set(languages.tolist())) < 2 else 2]:
        for strength in STRENGTHS:
            yield layout, strength
