"""Numbers, curves, mistakes and comparisons of classifiers; losses of language models; the order of predictions."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from evaluate_made import dataset_rows, write_dataset, write_finetuned
from sklearn.metrics import accuracy_score, f1_score

from danlu.evaluate.language import (
    Losses,
    compare_losses,
    document_chunks,
    language_numbers,
    losses_table,
    read_losses,
    store_languages,
)
from danlu.evaluate.leak import careless_rows
from danlu.evaluate.predictions import model_predictions
from danlu.evaluate.rows import Rows, read_rows
from danlu.evaluate.scores import classifier_curve, classifier_numbers, compare_classifiers, mistakes
from danlu.evaluate.slices import slices
from danlu.inference.losses import TextLosses
from danlu.recipe.evaluate import EvaluateConfig
from danlu.tokens.store import TokenStore
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError

CONFIG = EvaluateConfig(models=(), labels=(100, 500, 2000), resamples=200)


def _made(items: int = 240) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    table = random.dirichlet(np.ones(3), items)
    truth = np.where(random.random(items) < 0.6, table.argmax(1), random.integers(0, 3, items))
    return table, truth, np.array(["en", "zh-Hans", "zh-Hant"])[(np.arange(items) % 2) * (1 + (np.arange(items) == 1))]


def test_numbers_equal_scikit_learn_in_every_slice() -> None:
    table, truth, languages = _made()
    numbers = classifier_numbers("m", table, truth, languages, dataset=None, config=CONFIG, seed=0)
    assert [(number.metric, number.slice.get("language")) for number in numbers] == [
        (metric, tag) for tag in (None, "en", "zh-Hans") for metric in ("accuracy", "f1_macro")  # one zh-Hant item: no slice
    ]  # fmt: skip
    for number in numbers:
        mask = languages == number.slice.get("language", languages) if number.slice else np.ones(len(truth), bool)
        right, answer = truth[mask], table.argmax(1)[mask]
        expected = accuracy_score(right, answer) if number.metric == "accuracy" else f1_score(right, answer, average="macro")
        assert number.value == pytest.approx(expected)
        assert number.count == mask.sum()
        assert number.interval is not None
        assert number.interval[0] < number.value < number.interval[1]
        assert number.split == "test"
        assert number.better == "higher"
        assert "confidence:0.95" in number.signature


def test_slices_name_the_dataset_where_there_are_several() -> None:
    languages = np.array(["en"] * 30 + ["ja"] * 3)
    found = list(slices(languages, "reviews"))
    assert [slice for slice, _ in found] == [{"dataset": "reviews"}, {"dataset": "reviews", "language": "en"}]
    assert [int(mask.sum()) for _, mask in found] == [33, 30]


def test_curve_and_mistakes() -> None:
    table, truth, languages = _made()
    curve = classifier_curve("m", {500: table, 100: table[::-1]}, truth, languages, dataset=None, config=CONFIG)
    assert [(point["labels"], point["language"]) for point in curve[:4]] == [
        (100, "all"),
        (100, "en"),
        (100, "zh-Hans"),
        (500, "all"),
    ]
    assert curve[3]["value"] == pytest.approx(accuracy_score(truth, table.argmax(1)))
    texts = [f"text {index}" * 100 for index in range(len(truth))]
    found = mistakes("m", table, truth, languages, texts, ["a", "b", "c"], 6)
    assert [entry["language"] for entry in found] == ["en"] * 3 + ["zh-Hans"] * 3
    for entry in found:
        assert entry["label"] != entry["predicted"]
        assert len(entry["text"]) <= 400
    wrong = (table.argmax(1) != truth) & (languages == "en")
    assert found[0]["probability"] == pytest.approx(table[wrong].max())


def test_comparisons_are_paired_and_by_language() -> None:
    truth = np.arange(400) % 2
    languages = np.array(["en", "zh-Hans"]).repeat(200)
    a = np.eye(2)[truth]
    b = a.copy()
    b[200:260] = 1 - b[200:260]  # wrong on 60 Chinese texts
    found = compare_classifiers(("A", "B"), a, b, truth, languages, dataset=None, config=CONFIG, seed=0)
    assert [(entry.verdict, round(entry.difference.value, 3)) for entry in found] == [
        ("better", 0.15),
        ("none", 0.0),
        ("better", 0.3),
    ]


def _losses(model: str, bits: list[float]) -> Losses:
    """Documents of 3 bytes, 2 characters and 1 token each."""
    rows = np.array([[math.log(2) * bit, 1.0, 3.0, 2.0] for bit in bits])
    return Losses(model, "clm", TextLosses(rows[:, None], ("0+",)))


def test_one_pass_gives_every_metric_by_hand() -> None:
    bits = [6.0, 3.0, 9.0] * 4
    languages = np.array(["en"] * 6 + ["zh-Hans"] * 6)
    numbers = language_numbers(_losses("gpt", bits), languages, CONFIG, 0)
    assert [number.metric for number in numbers[::3]] == ["bits_per_byte", "bits_per_character", "perplexity"]
    assert [number.value for number in numbers] == pytest.approx([2] * 3 + [3] * 3 + [2**6] * 3)
    assert [number.count for number in numbers] == [12, 6, 6] * 3
    for number in numbers:
        assert number.interval is not None
        assert "over:documents" in number.signature
    ends = {number.metric: number.interval for number in numbers if not number.slice}
    assert ends["perplexity"][0] < 2**6 < ends["perplexity"][1]
    compared = compare_losses(_losses("gpt", bits), _losses("5-gram", [bit + 3 for bit in bits]), languages, CONFIG, 0)
    assert [entry.metric for entry in compared] == ["bits_per_byte"] * 3  # the first decides
    assert [entry.difference.value for entry in compared] == pytest.approx([-1, -1, -1])
    assert {entry.verdict for entry in compared} == {"better"}


def test_losses_are_kept_and_read(tmp_path: Path) -> None:
    found = [_losses("gpt", [1.0, 2.0]), Losses("unigram", "mlm", _losses("", [3.0, 0.5]).sums)]
    pq.write_table(pa.concat_tables(map(losses_table, found)), tmp_path / "documents.parquet")
    read = read_losses(tmp_path / "documents.parquet")
    assert [(losses.model, losses.objective) for losses in read] == [("gpt", "clm"), ("unigram", "mlm")]
    for one, other in zip(found, read, strict=True):
        np.testing.assert_array_equal(one.sums.sums, other.sums.sums)


def test_chunks_cover_the_store(tokens: Artifact) -> None:
    store = TokenStore.open(tokens / "holdout")
    for most in (1, 100, 10**9):
        covered = [index for chunk in document_chunks(store, most) for index in chunk]
        assert covered == list(range(len(store)))
    assert store_languages(store)[:3].tolist() == ["en", "zh-Hans", "en"]


def test_predictions_are_put_in_the_order_of_the_rows(tmp_path: Path, rows: list[dict[str, str]], dataset: Artifact) -> None:
    found = model_predictions("m", write_finetuned(tmp_path / "m", rows, {100: 1.0, 500: 0.0}), {"reviews": read_rows(dataset)})
    assert found.dataset == "reviews"
    assert (found.by_labels[100].argmax(1) == found.truth).all()
    assert (found.final.argmax(1) != found.truth).all()


def test_predictions_that_fit_no_dataset(tmp_path: Path, rows: list[dict[str, str]]) -> None:
    other = read_rows(write_dataset(tmp_path / "other", dataset_rows(60, seed=9)[1:]))
    with pytest.raises(DanluError) as caught:
        model_predictions("m", write_finetuned(tmp_path / "m", rows, {100: 1.0}), {"other": other})
    assert caught.value.key == "evaluate.no-dataset"
    assert "other" in caught.value.explain("zh")["cause"]


def test_careless_rows_keep_repeats_conflicts_and_the_amount() -> None:
    kept = [(f"k{index}", "train", "") for index in range(10)]
    repeats = [(f"k{index}", "", "repeat") for index in range(10)]
    limited = [(f"l{index}", "", "limit") for index in range(30)]
    conflicts = [(f"c{index // 2}", "", "conflict") for index in range(16)]  # 8 texts, each with two labels
    table = [*kept, *repeats, *limited, *conflicts, ("e", "", "empty")]
    digests, splits, dropped = (list(column) for column in zip(*table, strict=True))
    count = len(table)
    labels = ["a", "b"] * count
    rows = Rows(digests, digests, ["x"] * count, labels[:count], ["en"] * count, splits, dropped, ["made"] * count, ["a", "b"])
    chosen = [digests[index] for index in careless_rows(rows)]
    assert sum(digest.startswith("k") for digest in chosen) == 20
    assert sum(digest.startswith("c") for digest in chosen) == 4  # the limits leave a quarter of the texts: 2 of 8
    assert not any(digest[0] in "le" for digest in chosen)
