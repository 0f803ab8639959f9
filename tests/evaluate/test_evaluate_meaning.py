"""The sentence that says what the numbers mean: by hand, for each verdict, in both languages."""

from __future__ import annotations

from typing import Any

import pytest

from danlu.evaluate.meaning import meaning
from danlu.workspace.sentences import say

TUNED = {"start": {"name": "bert", "kind": "recipe"}, "initial": "weights"}
SCRATCH = {"start": {"name": "bert", "kind": "recipe"}, "initial": "random"}
OUTSIDE = {"start": {"name": "minilm", "kind": "package"}, "initial": "weights"}
BERT = {"objective": "mlm", "tokens": 3_000_000, "parameters": 1_500_000, "epochs": 1.2}


def _number(metric: str, model: str, value: float, unit: str = "share", **slice: str) -> dict[str, Any]:
    return {
        "metric": metric,
        "model": model,
        "value": value,
        "interval": [value - 0.01, value + 0.01],
        "slice": slice,
        "unit": unit,
    }


def _against(a: str, b: str, low: float, high: float, metric: str = "accuracy", **slice: str) -> dict[str, Any]:
    lower = metric != "accuracy"
    verdict = "none" if low < 0 < high else "better" if (low > 0) != lower else "worse"
    return {
        "metric": metric,
        "a": a,
        "b": b,
        "difference": (low + high) / 2,
        "interval": [low, high],
        "slice": slice,
        "verdict": verdict,
    }


def _point(labels: int, value: float, model: str = "mine") -> dict[str, Any]:
    return {"model": model, "labels": labels, "language": "all", "metric": "accuracy", "value": value, "interval": None}


def _evaluation(**parts: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    empty: dict[str, list[dict[str, Any]]] = {name: [] for name in ("numbers", "comparisons", "openings", "curve", "crossings")}
    openings = [{"model": name, "dataset": "reviews", "split": "test", "count": 100} for name in ("mine", "scratch", "outside")]
    return {**empty, "openings": openings, **parts}


MODELS = {"mine": TUNED, "scratch": SCRATCH, "outside": OUTSIDE}


def test_the_linear_model_is_ahead_and_pretraining_helped() -> None:
    evaluation = _evaluation(
        numbers=[_number("accuracy", "mine", 0.84), _number("accuracy", "outside", 0.95), _number("accuracy", "scratch", 0.8)],
        comparisons=[_against("mine", "tfidf", -0.04, -0.021), _against("mine", "scratch", 0.011, 0.052)],
        crossings=[{"a": "tfidf", "b": "mine", "language": "all", "labels": 420}],
    )
    found = meaning(evaluation, {**MODELS, "bert": BERT})
    assert len(found) == 1  # no simple rival of bert was measured
    assert say(found[0], "en") == (
        "TF-IDF with logistic regression, which learns in seconds, is ahead of mine by 2.1 to 4.0 points of accuracy; "
        "with fewer than about 420 labels mine is the better one; "
        "pretraining brought it 1.1 to 5.2 points over the same model started from nothing (scratch); "
        "bert saw 2.0 tokens a parameter, about 20 is usual: give `pretrain.bert.budget` more."
    )
    assert say(found[0], "zh").startswith("几秒钟就能训练好的“TF-IDF＋逻辑回归”准确率比 mine 高 2.1 到 4.0 个百分点；")
    assert say(found[0], "zh").endswith("。")


def test_the_model_is_ahead_and_labels_still_help() -> None:
    evaluation = _evaluation(
        numbers=[_number("accuracy", "mine", 0.9)],
        comparisons=[
            _against("tfidf", "mine", -0.05, -0.02),
            _against("scratch", "mine", -0.01, 0.013),
        ],  # made the other way round
        curve=[_point(100, 0.7), _point(2000, 0.87), _point(9000, 0.9)],
    )
    assert say(meaning(evaluation, MODELS)[0], "en") == (
        "mine beats TF-IDF with logistic regression by 2.0 to 5.0 points of accuracy; "
        "pretraining shows no effect beside the same model started from nothing (scratch: -1.3 to 1.0 points); "
        "from 2000 to 9000 labels its accuracy still rose by 3.0 points, so more labels will help."
    )


def test_no_difference_is_shown_and_nothing_is_left_but_a_better_start() -> None:
    evaluation = _evaluation(
        numbers=[_number("accuracy", "mine", 0.9)],
        comparisons=[_against("mine", "tfidf", -0.01, 0.02)],
        curve=[_point(2000, 0.899), _point(9000, 0.9)],
    )
    models = {**MODELS, "bert": {**BERT, "tokens": 90_000_000}}
    assert say(meaning(evaluation, models)[0], "en") == (
        "No difference in accuracy between mine and TF-IDF with logistic regression is shown (-1.0 to 2.0 points), "
        "so the cheaper one will do; more labels hardly help any more: a better start (more pretraining text, "
        "a larger model) is what is left."
    )


def test_without_baselines_and_without_an_own_start() -> None:
    evaluation = _evaluation(numbers=[_number("accuracy", "outside", 0.951)])
    found = meaning(evaluation, {"outside": OUTSIDE})
    assert say(found[0], "en").startswith("outside is right on 95.1% of the test texts; set `labels`")
    assert meaning(_evaluation(), MODELS) == []


def test_several_datasets_have_a_sentence_each() -> None:
    openings = [
        {"model": name, "dataset": dataset, "split": "test", "count": 9} for name, dataset in (("mine", "a"), ("other", "b"))
    ]
    evaluation = _evaluation(
        openings=openings,
        numbers=[_number("accuracy", "mine", 0.9, dataset="a"), _number("accuracy", "other", 0.8, dataset="b")],
        comparisons=[_against("mine", "tfidf", 0.01, 0.02, dataset="a"), _against("other", "tfidf", -0.02, -0.01, dataset="b")],
    )
    first, second = (say(found, "en") for found in meaning(evaluation, {"mine": TUNED, "other": TUNED}))
    assert first.startswith("mine beats")
    assert "is ahead of other" in second


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ((-0.3, -0.1), "gpt needs 1.900 bits per byte of held-out text where 5-gram needs 2.100"),
        ((0.1, 0.3), "5-gram still predicts held-out text better than gpt: 2.100 against 1.900 bits per byte"),
        ((-0.1, 0.1), "No difference between gpt (1.900 bits per byte) and 5-gram (2.100) is shown on held-out text"),
    ],
)
def test_a_causal_model_beside_the_best_of_its_rivals(interval: tuple[float, float], words: str) -> None:
    unit = "bits-per-byte"
    evaluation = _evaluation(
        numbers=[
            _number("bits_per_byte", name, value, unit)
            for name, value in (("gpt", 1.9), ("gzip", 3.2), ("xz", 2.9), ("5-gram", 2.1))
        ],
        comparisons=[_against("gpt", "5-gram", *interval, metric="bits_per_byte")],
    )
    facts = {"objective": "clm", "tokens": 60_000_000, "parameters": 1_000_000, "epochs": 12.0}
    found = meaning(evaluation, {"gpt": facts})
    assert say(found[0], "en") == f"{words}; gpt read the same text 12 times: more text will help more than more time."
    assert say(found[0], "zh").endswith("增加文本比增加时间更有用。")


def test_a_compressor_is_judged_by_the_models_interval() -> None:
    numbers = [_number("bits_per_byte", "gpt", 2.0, "bits-per-byte"), _number("bits_per_byte", "xz", 2.005, "bits-per-byte")]
    facts = {"objective": "clm", "tokens": 60_000_000, "parameters": 1_000_000, "epochs": 1.0}
    assert say(meaning(_evaluation(numbers=numbers), {"gpt": facts})[0], "en").startswith("No difference between gpt (2.000")
    numbers[1] = _number("bits_per_byte", "xz", 2.5, "bits-per-byte")
    assert "`pretrain.gpt.model.size`" in say(meaning(_evaluation(numbers=numbers), {"gpt": facts})[0], "en")
