"""`danlu evaluate` on files of each task: its numbers are those of the libraries that the field counts with."""

from __future__ import annotations

import io
import json
import math
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytrec_eval
import sacrebleu
from evaluate_asked import english_reviews, evaluate, reviews, write
from rich.console import Console
from rouge_score import rouge_scorer
from scipy import stats
from seqeval import metrics as seqeval
from sklearn import metrics as sklearn

from danlu.cli.evaluate import print_grids
from danlu.evaluate.show import Grid

WORDS = ["the", "furnace", "burns", "day", "and", "night", "an", "old", "man", "tends", "fire", "slowly"]
HAN = "丹炉里的火烧了七天夜老人守在旁边这本书写得真好"


def noisy(words: list[str], dice: random.Random) -> list[str]:
    return [dice.choice(WORDS) if dice.random() < 0.3 else word for word in words if dice.random() > 0.1]


@pytest.fixture
def dice() -> random.Random:
    return random.Random(7)


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_classification_equals_scikit_learn(tmp_path: Path, dice: random.Random, suffix: str) -> None:
    rows = [{"id": f"r{number}", "text": f"text {number}", "label": dice.choice("abc")} for number in range(150)]
    given = []
    for row in rows:
        weights = [dice.random() + (name == row["label"]) for name in "abc"]
        shares = {name: weight / sum(weights) for name, weight in zip("abc", weights, strict=True)}
        given.append({"id": row["id"], "predicted": max(shares, key=shares.__getitem__), "probabilities": shares})
    dice.shuffle(given)
    truth = write(tmp_path / f"truth.{suffix}", rows)
    said = evaluate(write(tmp_path / f"given.{suffix}", given), "--on", truth, folder=tmp_path)
    assert said.status == 0, said.told
    by_id = {row["id"]: row for row in given}
    wanted, found = [row["label"] for row in rows], [by_id[row["id"]]["predicted"] for row in rows]
    table = np.array([[by_id[row["id"]]["probabilities"][name] for name in "abc"] for row in rows])
    expected = {
        "accuracy": sklearn.accuracy_score(wanted, found),
        "f1_macro": sklearn.f1_score(wanted, found, average="macro"),
        "mcc": sklearn.matthews_corrcoef(wanted, found),
        "log_loss": sklearn.log_loss(wanted, table, labels=list("abc")),
        "roc_auc": sklearn.roc_auc_score(wanted, table, multi_class="ovr"),
    }
    for metric, value in expected.items():
        assert said.value("given", metric) == pytest.approx(value, abs=1e-9), metric
    for label in "abc":
        mask = [name == label for name in wanted]
        right = np.mean([a == b for a, b, mine in zip(wanted, found, mask, strict=True) if mine])
        assert said.value("given", "accuracy", label=label) == pytest.approx(right)
    commonest = max(wanted.count(name) for name in "abc") / len(wanted)
    assert said.value("majority", "accuracy") == pytest.approx(commonest)


def test_regression_equals_scipy(tmp_path: Path, dice: random.Random) -> None:
    rows = [{"text": f"text {number}", "score": round(dice.gauss(0, 1), 2) + 0.001} for number in range(80)]
    given = [{"prediction": row["score"] + dice.gauss(0, 0.5)} for row in rows]
    truth = write(tmp_path / "truth.jsonl", rows)
    said = evaluate(write(tmp_path / "given.jsonl", given), "--on", truth, folder=tmp_path)
    x, y = [row["score"] for row in rows], [row["prediction"] for row in given]
    assert said.last["task"] == "regression"
    assert said.value("given", "spearman") == pytest.approx(stats.spearmanr(x, y).statistic)
    assert said.value("given", "pearson") == pytest.approx(stats.pearsonr(x, y).statistic)
    assert said.value("given", "mse") == pytest.approx(sklearn.mean_squared_error(x, y))
    assert said.value("mean", "mae") == pytest.approx(np.abs(np.array(x) - np.mean(x)).mean())
    (nothing,) = [
        one for one in said.last["numbers"] if one["model"] == "mean" and one["metric"] == "pearson" and not one["slice"]
    ]
    assert nothing["value"] is None  # a constant has no correlation, and the reason is said
    assert "mean pearson: The true or the predicted numbers do not vary" in said.told


def test_entities_equal_seqeval(tmp_path: Path, dice: random.Random) -> None:
    tags = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    rows = [
        {
            "tokens": (tokens := [dice.choice(WORDS) for _ in range(dice.randint(3, 9))]),
            "tags": [dice.choice(tags) for _ in tokens],
        }
        for _ in range(60)
    ]
    given = [{"predicted": [dice.choice(tags) if dice.random() < 0.4 else tag for tag in row["tags"]]} for row in rows]
    truth = write(tmp_path / "truth.jsonl", rows)
    said = evaluate(write(tmp_path / "given.jsonl", given), "--on", truth, folder=tmp_path)
    wanted, found = [row["tags"] for row in rows], [row["predicted"] for row in given]
    assert said.value("given", "entity_f1") == pytest.approx(seqeval.f1_score(wanted, found))
    assert said.value("given", "entity_f1_macro") == pytest.approx(seqeval.f1_score(wanted, found, average="macro"))
    assert said.value("commonest-tag", "entity_f1") == 0  # without training rows it says O


def test_models_that_name_other_types_are_compared(tmp_path: Path, dice: random.Random) -> None:
    """A type that one of them alone knows has a column in both, else a permutation would mix types up."""
    rows = [{"tokens": "a b c", "tags": [dice.choice(["B-PER", "O"]) for _ in "abc"]} for _ in range(60)]
    same = [{"predicted": row["tags"]} for row in rows]
    other = [{"predicted": [tag.replace("PER", "LOC") for tag in row["tags"]]} for row in rows]
    paths = [write(tmp_path / name, part) for name, part in (("same.jsonl", same), ("other.jsonl", other))]
    said = evaluate(*paths, "--on", write(tmp_path / "truth.jsonl", rows), "--metric", "entity_f1_macro", folder=tmp_path)
    assert (said.value("same", "entity_f1_macro"), said.value("other", "entity_f1_macro")) == (1, 0)
    assert said.last["comparisons"][0]["p"] < 1 / 1001  # no other swap is as far apart


def test_the_commonest_tag_of_training_is_a_baseline(tmp_path: Path) -> None:
    train = [
        {"tokens": ["Anna", "sings"], "tags": ["B-PER", "O"]},
        {"tokens": ["Anna", "left", "Oslo"], "tags": ["B-PER", "O", "B-LOC"]},
    ]
    rows = [{"tokens": ["Anna", "left", "Rome"], "tags": ["B-PER", "O", "B-LOC"]}]
    paths = [write(tmp_path / name, part) for name, part in (("train.jsonl", train), ("truth.jsonl", rows))]
    said = evaluate(
        write(tmp_path / "given.jsonl", [{"predicted": "O O O"}]), "--on", paths[1], "--baseline", paths[0], folder=tmp_path
    )
    assert said.value("commonest-tag", "entity_recall") == pytest.approx(0.5)
    assert said.value("commonest-tag", "entity_precision") == pytest.approx(1)


def test_segmentation_and_its_longest_match(tmp_path: Path) -> None:
    train = [{"text": "", "words": ["丹炉", "里", "的", "火"]}]
    rows = [{"words": ["丹炉", "的", "火", "很", "旺盛"]}]
    paths = [write(tmp_path / name, part) for name, part in (("train.jsonl", train), ("truth.jsonl", rows))]
    given = write(tmp_path / "given.jsonl", [{"predicted": "丹炉 的 火 很旺盛"}])
    said = evaluate(given, "--on", paths[1], "--baseline", paths[0], folder=tmp_path)
    assert said.value("given", "word_f1") == pytest.approx(2 * 3 / (5 + 4))
    assert said.value("longest-match", "word_recall") == pytest.approx(4 / 5)
    assert said.value("given", "unknown_word_recall") == 0  # 很, 旺盛


def test_answers_are_counted_as_squad_counts(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "question": "When?", "context": "It was in 1066. Then more.", "answers": {"text": ["in 1066", "1066"]}},
        {"id": 2, "question": "Who?", "context": "Nobody knows. Truly.", "answers": {"text": []}},
        {"id": 3, "question": "Where?", "context": "At Hastings, on a hill.", "answers": {"text": ["at Hastings"]}},
    ]
    given = [{"id": 3, "prediction": "on the hill at Hastings"}, {"id": 1, "prediction": "1066"}, {"id": 2, "prediction": ""}]
    truth = write(tmp_path / "truth.jsonl", rows)
    said = evaluate(write(tmp_path / "given.jsonl", given), "--on", truth, folder=tmp_path)
    assert said.last["task"] == "answers"
    assert said.value("given", "exact_match") == pytest.approx(2 / 3)
    # Two words of four are right, and both words of the right answer are there; "a" and "the" are no words.
    assert said.value("given", "answer_f1") == pytest.approx((1 + 1 + 2 * 2 / (4 + 2)) / 3)
    assert said.value("first-sentence", "answer_f1") == pytest.approx((2 * 2 / (4 + 2) + 0 + 2 * 2 / (4 + 2)) / 3)


def test_translation_equals_sacrebleu(tmp_path: Path, dice: random.Random) -> None:
    references = [[dice.choice(WORDS) for _ in range(dice.randint(5, 14))] for _ in range(40)]
    rows = [{"source": "".join(dice.choices(HAN, k=9)), "reference": " ".join(words)} for words in references]
    given = [" ".join(noisy(words, dice)) for words in references]
    (tmp_path / "given.txt").write_text("\n".join(given) + "\n", encoding="utf-8")
    said = evaluate(tmp_path / "given.txt", "--on", write(tmp_path / "truth.csv", rows), folder=tmp_path)
    wanted = [[" ".join(words) for words in references]]
    assert said.last["task"] == "translation"
    assert said.value("given", "chrf") == pytest.approx(sacrebleu.corpus_chrf(given, wanted).score)
    assert said.value("given", "bleu") == pytest.approx(sacrebleu.corpus_bleu(given, wanted).score)
    assert said.value("copy", "bleu") == 0


def test_summaries_equal_rouge_score(tmp_path: Path, dice: random.Random) -> None:
    sentences = [[" ".join(dice.choices(WORDS, k=6)) + "." for _ in range(5)] for _ in range(30)]
    rows = [{"article": " ".join(parts), "summary": " ".join(parts[1:3])} for parts in sentences]
    given = [{"prediction": " ".join(noisy(row["summary"].split(), dice))} for row in rows]
    truth = write(tmp_path / "truth.jsonl", rows)
    said = evaluate(write(tmp_path / "given.jsonl", given), "--on", truth, folder=tmp_path)
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"])
    names = {"rouge_1": "rouge1", "rouge_2": "rouge2", "rouge_l": "rougeL"}
    for answers, model in (
        ([row["prediction"] for row in given], "given"),
        ([" ".join(parts[:3]) for parts in sentences], "lead-3"),
    ):
        scores = [scorer.score(row["summary"], answer) for row, answer in zip(rows, answers, strict=True)]
        for metric, name in names.items():
            expected = np.mean([score[name].fmeasure for score in scores])
            assert said.value(model, metric) == pytest.approx(expected), (model, metric)


def test_retrieval_equals_trec_eval_and_random_is_its_expectation(tmp_path: Path, dice: random.Random) -> None:
    names = [f"d{number}" for number in range(8)]
    rows = [
        {"id": f"q{number}", "query": "?", "grades": {name: dice.randint(0, 2) for name in names} | {"d0": 1}}
        for number in range(25)
    ]
    given = [{"id": row["id"], "ranking": {name: dice.random() for name in names}} for row in rows]
    truth = write(tmp_path / "truth.jsonl", rows)
    said = evaluate(write(tmp_path / "given.jsonl", given), "--on", truth, folder=tmp_path)
    judge = pytrec_eval.RelevanceEvaluator({row["id"]: row["grades"] for row in rows}, {"map", "recip_rank", "ndcg_cut_10"})
    found = judge.evaluate({row["id"]: row["ranking"] for row in given})
    for metric, name in {"ndcg_10": "ndcg_cut_10", "map": "map", "mrr": "recip_rank"}.items():
        assert said.value("given", metric) == pytest.approx(np.mean([scores[name] for scores in found.values()]), abs=1e-6)
    # Of a random order the precision at any cut is the share of relevant documents.
    share = np.mean([[grade > 0 for grade in row["grades"].values()] for row in rows])
    assert said.value("random", "precision_10") * 10 / 8 == pytest.approx(share)  # all 8 are among the first ten


def test_two_files_are_compared_on_the_same_rows(tmp_path: Path, dice: random.Random) -> None:
    rows = reviews(300)
    flipped = {"pos": "neg", "neg": "pos"}
    answers: dict[str, list[str]] = {}
    for name, accuracy in (("good", 0.9), ("poor", 0.6)):
        answers[name] = [row["label"] if dice.random() < accuracy else flipped[row["label"]] for row in rows]
        write(tmp_path / f"{name}.jsonl", [{"predicted": label} for label in answers[name]])
    truth = write(tmp_path / "truth.jsonl", rows)
    paths = [tmp_path / "good.jsonl", tmp_path / "poor.jsonl"]
    said = evaluate(*paths, "--on", truth, "--margin", 0.02, "--out", tmp_path / "out", folder=tmp_path)
    right = [[given == row["label"] for given, row in zip(answers[name], rows, strict=True)] for name in ("good", "poor")]
    first = said.last["comparisons"][0]
    ahead = sum(a and not b for a, b in zip(*right, strict=True))
    behind = sum(b and not a for a, b in zip(*right, strict=True))
    assert first["difference"] == pytest.approx((ahead - behind) / 300)
    assert first["p"] == pytest.approx(stats.binomtest(ahead, ahead + behind, 0.5).pvalue)
    assert first["family"] == len([one for one in said.last["comparisons"] if one["p"] is not None])
    assert first["adjusted"] >= first["p"]
    assert "good is better than poor" in said.told
    assert "good is not worse than poor over all by 2.0 points or more" in said.told
    lines = (tmp_path / "out" / "disagreements.jsonl").read_text(encoding="utf-8").splitlines()
    listed = [json.loads(line) for line in lines]
    assert {row["id"]: row["better"] for row in listed} == {
        row["id"]: "good" if a else "poor" for row, a, b in zip(rows, *right, strict=True) if a != b
    }
    assert all(row["answers"][row["better"]] == row["truth"] for row in listed)
    chinese = evaluate(*paths, "--on", truth, language="zh", folder=tmp_path)
    assert "good 优于 poor" in chinese.told
    assert "此文件此前已被打开 1 次，涉及 2 个模型" in chinese.told


def test_each_language_has_numbers_and_a_comparison_of_its_own(tmp_path: Path) -> None:
    """TF-IDF learned from English alone: far above chance there, near it in Chinese, and the sentence says so."""
    chinese = [{name: row[name] for name in ("text", "label")} for row in reviews(160, seed=3)]
    english = english_reviews(2660, seed=3)
    tested = [*english[:160], *chinese]
    paths = [write(tmp_path / name, part) for name, part in (("train.jsonl", english[160:]), ("test.jsonl", tested))]
    given = write(tmp_path / "given.jsonl", [{"predicted": "neg"} for _ in tested])
    said = evaluate(given, "--on", paths[1], "--baseline", paths[0], folder=tmp_path)
    languages = {
        number["slice"]["language"]: number["count"] for number in said.last["numbers"] if "language" in number["slice"]
    }
    assert languages["en"] + languages["zh-Hans"] >= 315  # a review or two has hardly any letters
    assert said.value("tfidf", "accuracy", language="en") > 0.62
    for language in ("en", "zh-Hans"):
        share = np.mean([row["label"] == "neg" for row in (english[:160] if language == "en" else chinese)])
        assert said.value("given", "accuracy", language=language) == pytest.approx(share, abs=0.02)
    assert "tfidf is better than given on English" in said.told
    assert "no difference is shown on Chinese" in said.told


def test_tfidf_and_leaks_from_training_rows(tmp_path: Path) -> None:
    rows = reviews(700, seed=1)
    train, tested = rows[:500], rows[500:]
    tested.sort(key=lambda row: -len(row["text"]))
    middle = len(tested[0]["text"]) // 2
    near = f"转：{tested[0]['text'][:middle]}改过了{tested[0]['text'][middle:]}"
    train += [{**tested[1], "id": "copy"}, {"id": "near", "text": near, "label": tested[0]["label"]}]
    paths = [write(tmp_path / name, part) for name, part in (("train.jsonl", train), ("test.jsonl", tested))]
    given = write(tmp_path / "given.jsonl", [{"predicted": "pos"} for _ in tested])
    said = evaluate(given, "--on", paths[1], "--baseline", paths[0], "--out", tmp_path / "out", folder=tmp_path)
    assert said.value("tfidf", "accuracy") > 0.65  # two labels, half each: far from chance
    assert said.value("majority", "accuracy") == pytest.approx(0.5, abs=0.07)
    lines = [json.loads(line) for line in (tmp_path / "out" / "seen.jsonl").read_text(encoding="utf-8").splitlines()]
    found = {row["text"]: row for row in lines}
    assert found[tested[1]["text"]]["exact"]
    assert not found[tested[0]["text"]]["exact"]
    assert found[tested[0]["text"]]["where"] == f"{paths[0]}:502"
    assert said.last["overlaps"][0]["exact"] >= 1
    assert said.last["overlaps"][0]["near"] >= 1


def test_every_number_says_how_it_was_made(tmp_path: Path) -> None:
    rows = reviews(60)
    truth = write(tmp_path / "truth.jsonl", rows)
    given = write(tmp_path / "given.jsonl", [{"predicted": row["label"]} for row in rows])
    said = evaluate(given, "--on", truth, folder=tmp_path)
    for number in said.last["numbers"]:
        parts = dict(part.split(":", 1) for part in number["signature"].split("|"))
        assert {"metric", "definition", "interval", "data", "truth", "text", "danlu"} <= set(parts), number
        assert number["count"]
        if number["interval"] is None:  # every answer is right: no resample of macro F1 differs, and the number says so
            assert number["reason"]["key"] == "metrics.no-interval.alike"
        else:
            assert number["interval"][0] <= number["value"] <= number["interval"][1]
    again = evaluate(given, "--on", truth, folder=tmp_path)
    assert again.last["numbers"] == said.last["numbers"]  # to the last digit


def test_answers_may_stand_in_the_file_itself(tmp_path: Path) -> None:
    rows = [{"text": f"t{number}", "label": "ab"[number % 2], "predicted": "ab"[number % 4 // 2]} for number in range(40)]
    both = write(tmp_path / "both.jsonl", rows)
    assert evaluate(both, "--on", both, folder=tmp_path).value("both", "accuracy") == pytest.approx(0.5)
    bare = write(tmp_path / "bare.jsonl", [{"text": row["text"], "label": row["label"]} for row in rows])
    assert "--prediction COLUMN" in evaluate(bare, "--on", bare, folder=tmp_path).told  # the truth is no answer


def test_of_a_file_with_splits_the_test_rows_are_measured(tmp_path: Path) -> None:
    """And training rows are taken from `train` alone; rows of no split, which a dataset dropped, are not used at all."""
    splits = ["train", "train", "train", "validation", "test", ""]
    rows = [{**row, "split": splits[number % 6]} for number, row in enumerate(reviews(240))]
    whole = write(tmp_path / "rows.jsonl", rows)
    tested = [row for row in rows if row["split"] == "test"]
    given = write(tmp_path / "given.jsonl", [{"id": row["id"], "predicted": "pos"} for row in rows])
    said = evaluate(given, "--on", whole, "--baseline", whole, folder=tmp_path)
    assert said.last["rows"] == len(tested) == 40
    assert said.value("given", "accuracy") == pytest.approx(np.mean([row["label"] == "pos" for row in tested]))
    assert {number["split"] for number in said.last["numbers"]} == {"test"}
    assert said.last["overlaps"][0]["texts"] == 120
    assert said.last["overlaps"][0]["exact"] == 0
    kept = write(
        tmp_path / "kept.jsonl", [{"split": row["split"], "predicted": row["label"]} for row in rows]
    )  # in order, no id
    assert evaluate(kept, "--on", whole, folder=tmp_path / "w").value("kept", "accuracy") == 1
    other = evaluate(given, "--on", whole, "--split", "validation", folder=tmp_path)
    assert (other.last["rows"], other.last["earlier_openings"]) == (40, 0)
    assert evaluate(given, "--on", whole, folder=tmp_path).last["earlier_openings"] == 1
    assert "has: test, train, validation" in evaluate(given, "--on", whole, "--split", "dev", folder=tmp_path).told


def test_the_positive_class_is_named(tmp_path: Path, dice: random.Random) -> None:
    rows = [{"text": f"text {number}", "label": dice.choice(["ham", "spam", "spam"])} for number in range(90)]
    given = [{"predicted": row["label"] if dice.random() < 0.7 else "spam"} for row in rows]
    paths = write(tmp_path / "majority.jsonl", given), "--on", write(tmp_path / "truth.jsonl", rows)
    said = evaluate(*paths, "--metric", "f1_binary", "--metric", "recall_binary", "--positive", "ham", folder=tmp_path)
    wanted, found = [row["label"] for row in rows], [row["predicted"] for row in given]
    assert said.value("majority", "f1_binary") == pytest.approx(sklearn.f1_score(wanted, found, pos_label="ham"))
    assert said.value("majority", "recall_binary") == pytest.approx(sklearn.recall_score(wanted, found, pos_label="ham"))
    assert said.value("majority (baseline)", "f1_binary") == 0  # a file may have a baseline's name
    assert "positive:ham" in said.last["numbers"][0]["signature"]


def test_rows_that_hang_together_are_drawn_together(tmp_path: Path, dice: random.Random) -> None:
    rows: list[dict[str, Any]] = [
        {"document": f"d{number // 10}", "text": f"t{number}", "label": "a" if number % 2 else "b"} for number in range(300)
    ]
    wrong = {f"d{number}" for number in range(30) if dice.random() < 0.5}  # a document is right or wrong as a whole
    other = {"a": "b", "b": "a"}
    given = [{"predicted": other[row["label"]] if row["document"] in wrong else row["label"]} for row in rows]
    paths = write(tmp_path / "given.jsonl", given), "--on", write(tmp_path / "truth.jsonl", rows)
    alone, together = (evaluate(*paths, *more, folder=tmp_path).last["numbers"][0] for more in ((), ("--cluster", "document")))
    width = [number["interval"][1] - number["interval"][0] for number in (alone, together)]
    assert alone["value"] == together["value"]
    assert width[1] / width[0] == pytest.approx(math.sqrt(10), rel=0.35)  # ten times fewer things were drawn
    assert "over:document" in together["signature"]


@pytest.mark.parametrize(("width", "shown"), [(300, "full [0.1, 0.9]"), (60, "turned"), (20, "bare")])
def test_a_table_that_does_not_fit_shows_less_and_is_not_cut(width: int, shown: str) -> None:
    grids = [
        Grid(["model", *"abcdefgh"], [["m", *["full [0.1, 0.9]"] * 8]]),
        Grid(["metric", "m"], [["a", "turned [0.1, 0.9]"]]),
        Grid(["metric", "m"], [["a", "bare"]]),
    ]
    console = Console(width=width, record=True, file=io.StringIO())
    print_grids(console, "a title that is longer than a narrow table", iter(grids))
    text = console.export_text()
    assert shown in text
    assert "…" not in text
    assert "a title that is longer than a narrow table" in text.replace("\n", "")
    print_grids(console, "nothing", iter(()))
    assert "nothing" not in console.export_text()


def test_as_a_process(tmp_path: Path) -> None:
    truth = write(tmp_path / "truth.jsonl", [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}])
    given = write(tmp_path / "given.jsonl", [{"predicted": "x"}, {"predicted": "y"}])
    done = subprocess.run(
        [sys.executable, "-m", "danlu", "evaluate", str(given), "--on", str(truth), "--json"],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert json.loads(done.stdout.splitlines()[-1])["rows"] == 2
    assert "Traceback" not in done.stderr
