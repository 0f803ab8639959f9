"""TF-IDF and a linear model, fitted on the training rows that a person names: what a neural model must beat to be worth it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import Ridge

from danlu.evaluate import linear
from danlu.evaluate.answered import Answered
from danlu.evaluate.data import Data
from danlu.inference.prepare import prepare_text
from danlu.text.canonical import canonical_digest
from danlu.text.language import script_language

Floats = npt.NDArray[np.float64]
PENALTIES = (0.1, 1.0, 10.0, 100.0)  # of ridge regression
CHOSEN_ON = 0.1  # share of the training rows, by digest, that the settings are chosen on
FEWEST = 10  # rows to choose on; with fewer the middle of the settings is taken


def fitted(data: Data, train: Data, classes: Sequence[str]) -> Answered:
    """The linear model of classification, pairs or regression. Settings are chosen on a tenth of the training rows, then it is
    fitted on all of them."""
    counts = linear.count_features([prepare_text(text) for text in (*train.texts, *data.texts)])
    learned, asked = counts[: len(train)], counts[len(train) :]
    held = np.array([int(canonical_digest(text)[:8], 16) < CHOSEN_ON * 2**32 for text in train.texts])
    if data.task == "regression":
        values, choice = _ridge(learned, np.array(train.truth), asked, held)
        return Answered("tfidf", "baseline", {"from": train.table.key[:16], **choice}, values.tolist())
    number = {name: place for place, name in enumerate(classes)}
    truth = np.array([number[name] for name in train.truth], np.int64)
    table, choice = _logistic(learned, truth, _languages(train), asked, _languages(data), len(classes), held)
    shares = [dict(zip(classes, row, strict=True)) for row in table.tolist()]
    predicted = [classes[place] for place in table.argmax(1)]
    return Answered("tfidf", "baseline", {"from": train.table.key[:16], **choice}, predicted, shares=shares)


def _languages(data: Data) -> npt.NDArray[np.str_]:
    return np.array(data.languages or [script_language(text) for text in data.texts], dtype=np.str_)


def _logistic(
    train: linear.Counts, truth: npt.NDArray[np.int64], languages: npt.NDArray[np.str_], asked: linear.Counts,
    asked_languages: npt.NDArray[np.str_], classes: int, held: npt.NDArray[np.bool_],
) -> tuple[Floats, dict[str, object]]:  # fmt: skip
    settings = list(linear.choices(languages))
    if min(held.sum(), (~held).sum()) < FEWEST:
        settings = settings[1:2]
    best: tuple[float, linear.Layout, float] | None = None
    for layout, strength in settings:
        right = 0.0
        if len(settings) > 1:
            table = linear.answers(
                train[~held], truth[~held], languages[~held], train[held], languages[held], classes, layout, strength
            )
            right = float((table.argmax(1) == truth[held]).mean())
        if best is None or right > best[0]:
            best = right, layout, strength
    assert best is not None
    _, layout, strength = best
    table = linear.answers(train, truth, languages, asked, asked_languages, classes, layout, strength)
    return table, {"layout": layout, "strength": strength}


def _ridge(
    train: linear.Counts, truth: Floats, asked: linear.Counts, held: npt.NDArray[np.bool_]
) -> tuple[Floats, dict[str, object]]:
    def answers(rows: npt.NDArray[np.bool_], questions: linear.Counts, penalty: float) -> Floats:
        weights = TfidfTransformer(sublinear_tf=True)
        model = Ridge(alpha=penalty, solver="lsqr").fit(weights.fit_transform(train[rows]), truth[rows])
        return np.asarray(model.predict(weights.transform(questions)), np.float64)

    penalties = PENALTIES if min(held.sum(), (~held).sum()) >= FEWEST else PENALTIES[1:2]
    errors = [
        float(((answers(~held, train[held], penalty) - truth[held]) ** 2).mean()) if len(penalties) > 1 else 0.0
        for penalty in penalties
    ]
    penalty = penalties[int(np.argmin(errors))]
    return answers(np.ones(len(truth), np.bool_), asked, penalty), {"penalty": penalty}
