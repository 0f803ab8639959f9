"""The baselines stage: what it writes, that it is the same after a kill, and that its numbers are what they say."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from evaluate_made import write_dataset

from commands import script
from danlu.evaluate.baselines import baselines
from danlu.evaluate.overlaps import around
from danlu.evaluate.rows import read_rows
from danlu.recipe.evaluate import EvaluateConfig
from danlu.tokens.store import TokenStore
from danlu.workspace.artifact import Artifact, hash_payload
from danlu.workspace.errors import DanluError
from danlu.workspace.files import read_json
from danlu.workspace.run import Run

CONFIG = EvaluateConfig(models=(), labels=(100, 500, 2000), resamples=200)


def _value(evaluation: dict[str, Any], metric: str, model: str, **slice: str) -> float:
    found = [
        entry for entry in evaluation["numbers"] if (entry["metric"], entry["model"], entry["slice"]) == (metric, model, slice)
    ]
    assert len(found) == 1
    return float(found[0]["value"])


def test_what_it_writes(simple: Artifact, dataset: Artifact, texts: dict[str, list[tuple[str, str]]], tokens: Artifact) -> None:
    evaluation = read_json(simple / "evaluation.json")
    rows = read_rows(dataset)
    tested = rows.of("test")
    # classifiers: majority near chance, the linear model near the label noise, the careless split above it
    assert _value(evaluation, "accuracy", "majority") < 0.65
    honest, careless = _value(evaluation, "accuracy", "tfidf"), _value(evaluation, "leak_accuracy", "tfidf")
    assert 0.7 < honest < careless
    for language in ("en", "zh-Hans"):
        assert _value(evaluation, "accuracy", "tfidf", language=language) > 0.7
        assert _value(evaluation, "leak_accuracy", "tfidf", language=language) > 0.7
    table = pq.read_table(simple / "predictions.parquet").to_pylist()
    final = {row["id"]: row for row in table if row["model"] == "tfidf" and row["labels"] == len(rows.of("train"))}
    assert set(final) == {rows.id[index] for index in tested}
    right = [rows.labels[int(np.argmax(final[rows.id[index]]["probabilities"]))] == rows.label[index] for index in tested]
    assert np.mean(right) == pytest.approx(honest)
    assert sorted({row["labels"] for row in table if row["model"] == "tfidf"}) == [100, 500, len(rows.of("train"))]
    assert {point["labels"] for point in evaluation["curve"]} == {100, 500, len(rows.of("train"))}
    assert [(entry["model"], entry["count"]) for entry in evaluation["openings"]] == [
        ("majority", len(tested)),
        ("tfidf", len(tested)),
    ]
    # text: gzip by hand; the 5-gram knows the training text and so beats it; all numbers have definitions
    held = [text for _, text in texts["holdout"]]
    size = sum(len(text.encode()) for text in held)
    assert _value(evaluation, "bits_per_byte", "gzip") == pytest.approx(
        8 * len(gzip.compress("\n".join(held).encode(), 9)) / size
    )
    assert _value(evaluation, "bits_per_character", "xz") == pytest.approx(
        _value(evaluation, "bits_per_byte", "xz") * size / sum(map(len, held))
    )
    assert _value(evaluation, "bits_per_byte", "5-gram") < _value(evaluation, "bits_per_byte", "xz")
    assert _value(evaluation, "bits_per_byte", "5-gram", language="zh-Hans") > 0
    assert 0 < _value(evaluation, "masked_nats", "unigram") < np.log(520)
    losses = pq.read_table(simple / "documents.parquet").to_pylist()
    mine = [row for row in losses if row["model"] == "5-gram"]
    assert len(mine) == len(held)
    store = TokenStore.open(tokens / "holdout")
    assert [(row["bytes"], row["characters"]) for row in mine] == [(len(text.encode()), len(text)) for text in held]
    assert [row["tokens"] for row in mine] == store.lengths().tolist()
    nats = sum(row["nats"] for row in mine)
    assert nats / np.log(2) / size == pytest.approx(_value(evaluation, "bits_per_byte", "5-gram"))
    assert nats / np.log(2) / sum(map(len, held)) == pytest.approx(_value(evaluation, "bits_per_character", "5-gram"))
    assert np.exp(nats / len(store.tokens)) == pytest.approx(_value(evaluation, "perplexity", "5-gram"))
    assert sum(row["tokens"] for row in losses if row["model"] == "unigram") == pytest.approx(
        0.15 * len(store.tokens), rel=0.15
    )


def test_the_same_bytes_again_and_nothing_of_this_machine(
    simple: Artifact, dataset: Artifact, tokens: Artifact, tokenizer: Artifact, documents: Artifact,
    make_run: Callable[..., Run], tmp_path: Path,
) -> None:  # fmt: skip
    again = make_run("evaluate.baselines", "again")
    baselines({"reviews": dataset}, tokens, tokenizer, documents, config=CONFIG, run=again)
    assert hash_payload(simple.path) == hash_payload(again.output)
    assert set(hash_payload(again.output)) == {"evaluation.json", "predictions.parquet", "documents.parquet"}
    assert str(tmp_path) not in (again.output / "evaluation.json").read_text(encoding="utf-8")


KILLED = """
import sys
from pathlib import Path
from danlu.evaluate.baselines import baselines
from danlu.recipe.evaluate import EvaluateConfig
from danlu.workspace.artifact import Artifact
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run
dataset, tokens, tokenizer, documents, output = map(Path, sys.argv[1:])
output.mkdir(exist_ok=True)
run = Run(stage="evaluate.baselines", output=output, ledger=Ledger(output / "ledger.sqlite", "evaluate.baselines"))
artifacts = [Artifact("", "0", path) for path in (tokens, tokenizer, documents)]
config = EvaluateConfig(models=(), labels=(100, 500, 2000), resamples=200)
baselines({"reviews": Artifact("dataset", "0", dataset)}, *artifacts, config=config, run=run)
"""


def test_a_killed_run_goes_on_to_the_same_bytes(
    simple: Artifact,
    dataset: Artifact,
    tokens: Artifact,
    tokenizer: Artifact,
    documents: Artifact,
    make_run: Callable[..., Run],
    tmp_path: Path,
) -> None:
    paths = [artifact.path for artifact in (dataset, tokens, tokenizer, documents)]
    first = script(KILLED, *paths, tmp_path / "killed", failpoint="evaluate.baselines:tfidf:reviews:500")
    assert first.returncode == -9
    baselines({"reviews": dataset}, tokens, tokenizer, documents, config=CONFIG, run=make_run("evaluate.baselines", "killed"))
    assert hash_payload(tmp_path / "killed") == hash_payload(simple.path)


def test_without_text_and_without_datasets(
    dataset: Artifact, tokens: Artifact, tokenizer: Artifact, documents: Artifact, make_run: Callable[..., Run]
) -> None:
    run = make_run("evaluate.baselines", "labels")
    config = EvaluateConfig(models=(), resamples=100, baselines=("majority",), leak=False)
    baselines({"reviews": dataset}, None, None, None, config=config, run=run)
    assert {entry["model"] for entry in read_json(run.output / "evaluation.json")["numbers"]} == {"majority"}
    run = make_run("evaluate.baselines", "text")
    baselines(
        {}, tokens, tokenizer, documents, config=EvaluateConfig(models=(), resamples=100, baselines=("unigram",)), run=run
    )
    assert {entry["model"] for entry in read_json(run.output / "evaluation.json")["numbers"]} == {"unigram"}
    assert not (run.output / "predictions.parquet").exists()


def test_two_datasets_are_told_apart(
    dataset: Artifact, rows: list[dict[str, str]], make_run: Callable[..., Run], tmp_path: Path
) -> None:
    other = write_dataset(tmp_path / "other", rows[:200])
    run = make_run("evaluate.baselines")
    config = EvaluateConfig(models=(), resamples=100, baselines=("majority",), leak=False)
    baselines({"b": dataset, "a": other}, None, None, None, config=config, run=run)
    evaluation = read_json(run.output / "evaluation.json")
    assert [entry["dataset"] for entry in evaluation["openings"]] == ["a", "b"]
    assert {entry["slice"]["dataset"] for entry in evaluation["numbers"]} == {"a", "b"}
    json.dumps(evaluation, allow_nan=False)


def test_texts_and_tokens_of_different_runs(
    tokens: Artifact, tokenizer: Artifact, make_run: Callable[..., Run], tmp_path: Path
) -> None:
    (tmp_path / "empty" / "holdout").mkdir(parents=True)
    config = EvaluateConfig(models=(), baselines=("compression",))
    with pytest.raises(DanluError, match=r"40"):
        baselines(
            {},
            tokens,
            tokenizer,
            Artifact("clean.decide", "0", tmp_path / "empty"),
            config=config,
            run=make_run("evaluate.baselines"),
        )


def test_leaks_between_the_parts_of_the_data_are_counted_and_listed(
    rows: list[dict[str, str]], documents: Artifact, tokens: Artifact, tokenizer: Artifact, make_run: Callable[..., Run],
    tmp_path: Path, texts: dict[str, list[tuple[str, str]]],
) -> None:  # fmt: skip
    planted = [dict(row) for row in rows]
    tested, train, validation = ([row for row in planted if row["split"] == split] for split in ("test", "train", "validation"))
    tested[0]["text"] = train[0]["text"]
    tested[2]["text"] = validation[0]["text"]
    validation[1]["text"] = train[1]["text"]
    long = texts["train"][7][1]
    tested[1]["text"] = f"{long[: len(long) // 2]}，{long[len(long) // 2 + 1 :]}"  # a letter of it is missing
    run = make_run("evaluate.baselines")
    config = EvaluateConfig(models=(), baselines=("majority",), resamples=100)
    baselines({"reviews": write_dataset(tmp_path / "d", planted)}, tokens, tokenizer, documents, config=config, run=run)
    entries = read_json(run.output / "evaluation.json")["overlaps"]
    found = {(entry["dataset"], entry["split"], entry["source"]): entry for entry in entries}
    assert list(found) == [
        ("reviews", "test", "train"), ("reviews", "test", "validation"), ("reviews", "validation", "train"),
        ("reviews", "test", "documents"), ("reviews", "validation", "documents"), (None, "holdout", "documents"),
    ]  # fmt: skip
    assert [entry["rows"] for entry in found.values()] == [len(tested)] * 2 + [
        len(validation),
        len(tested),
        len(validation),
        40,
    ]
    for key, row in (
        (("test", "train"), tested[0]),
        (("test", "validation"), tested[2]),
        (("validation", "train"), validation[1]),
    ):
        assert row["id"] in {one["id"] for one in found["reviews", *key]["found"] if one["exact"]}
    in_documents = found["reviews", "test", "documents"]
    (near,) = [one for one in in_documents["found"] if one["id"] == tested[1]["id"]]
    assert not near["exact"]
    assert near["similarity"] > 0.9
    assert near["where"].endswith(":8")  # the eighth document of its part
    assert in_documents["exact"] + in_documents["near"] >= len(in_documents["found"]) > 0
    (shown,) = [one for one in in_documents["examples"] if one["text"] == tested[1]["text"]]
    assert shown == {"text": tested[1]["text"], "other": long, "language": tested[1]["language"],
                     "similarity": near["similarity"], "exact": False}  # fmt: skip
    for entry in entries:
        assert len(entry["examples"]) == min(2, entry["exact"]) + min(2, entry["near"])


def test_a_long_text_is_shown_around_what_it_holds() -> None:
    item = "The old man tends the fire day and night."
    long = "x " * 500 + item + " y" * 500
    shown = around(item, long)
    assert item in shown
    assert shown.startswith("…x x")
    assert shown.endswith("…")
    assert len(shown) <= 402
    assert around(item, "short") == "short"
    assert around("nothing of it", "ab" * 500).startswith("abab")


def test_signatures_name_what_could_change_a_number(simple: Artifact) -> None:
    for number in read_json(simple / "evaluation.json")["numbers"]:
        parts = dict(part.split(":", 1) for part in number["signature"].split("|"))
        assert {"model", "data", "danlu", "torch", "transformers"} <= set(parts)
        assert ("tokenizer" in parts) == (number["split"] == "holdout")
