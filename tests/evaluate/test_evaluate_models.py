"""The models stage on tiny real models and made predictions, with and without the baselines' artifact."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from evaluate_made import write_finetuned
from transformers import AutoTokenizer

from danlu.compute.machine import Machine
from danlu.evaluate.models import evaluate
from danlu.evaluate.sampled import held_out_texts
from danlu.inference.load import load_for
from danlu.inference.samples import Text, masks, prompt
from danlu.metrics.registry import METRICS
from danlu.models.files import load_model
from danlu.recipe.evaluate import EvaluateConfig
from danlu.tokens.store import TokenStore
from danlu.workspace.artifact import Artifact, hash_payload
from danlu.workspace.events import read_json_lines
from danlu.workspace.files import read_json
from danlu.workspace.run import Run
from danlu.workspace.sentences import say

CONFIG = EvaluateConfig(models=(), labels=(100, 500, 2000), resamples=200, samples=4)


@pytest.fixture
def models(language_models: dict[str, Artifact], rows: list[dict[str, str]], tmp_path: Path) -> dict[str, Artifact]:
    count = sum(row["split"] == "train" for row in rows)
    return {
        **language_models,
        "sentiment": write_finetuned(tmp_path / "sentiment", rows, {100: 0.6, 500: 0.8, count: 0.97}),
        "scratch": write_finetuned(tmp_path / "scratch", rows, {100: 0.5, 500: 0.6, count: 0.7}, initial="random", seed=1),
    }


@pytest.fixture
def measure(
    models: dict[str, Artifact],
    dataset: Artifact,
    tokens: Artifact,
    tokenizer: Artifact,
    documents: Artifact,
    make_run: Callable[..., Run],
) -> Callable[..., tuple[dict[str, Any], Run]]:
    def call(name: str = "out", known: Artifact | None = None) -> tuple[dict[str, Any], Run]:
        run = make_run("evaluate.models", name)
        evaluate(models, {"reviews": dataset}, tokens, tokenizer, documents, config=CONFIG, run=run, baselines=known)
        return read_json(run.output / "evaluation.json"), run

    return call


@pytest.fixture(scope="module")
def by_token(language_models: dict[str, Artifact], tokens: Artifact, texts: dict[str, list[tuple[str, str]]]) -> np.recarray:
    """The held-out tokens one by one, with their nats under the random GPT as transformers computes them."""
    model = load_model(language_models["gpt"] / "model", "clm")
    tokenizer = AutoTokenizer.from_pretrained(language_models["gpt"] / "model")
    store, rows = TokenStore.open(tokens / "holdout"), []
    for index, (language, text) in enumerate(texts["holdout"]):
        ids = store.document(index).astype(np.int64)
        assert len(ids) < 64, "one window holds each document, so what follows is all of it"
        with torch.inference_mode():
            logs = model(input_ids=torch.tensor([[1, *ids]])).logits[0].double().log_softmax(-1)
        pieces = [len(name) for name in tokenizer.convert_ids_to_tokens(ids)]  # a byte-level name has a letter for each byte
        assert sum(pieces) == len(text.encode())
        rows += [
            (index, language, place, -float(logs[place, token]), size)
            for place, (token, size) in enumerate(zip(ids.tolist(), pieces, strict=True))
        ]
    return np.rec.fromrecords(rows, names="document,language,place,nats,bytes")


def test_all_metrics_of_the_model_by_hand(
    measure: Callable[..., tuple[dict[str, Any], Run]], by_token: np.recarray, texts: dict[str, list[tuple[str, str]]]
) -> None:
    evaluation, _ = measure()
    numbers = {
        (number["metric"], number["slice"].get("language")): number
        for number in evaluation["numbers"]
        if number["model"] == "gpt"
    }
    for tag in (None, "en", "zh-Hans"):
        mine = by_token[by_token.language == tag] if tag else by_token
        characters = sum(len(text) for language, text in texts["holdout"] if tag in (None, language))
        nats = mine.nats.sum()
        for metric, expected in (
            ("bits_per_byte", nats / np.log(2) / mine.bytes.sum()),
            ("bits_per_character", nats / np.log(2) / characters),
            ("perplexity", np.exp(nats / len(mine))),
        ):
            found = numbers[metric, tag]
            assert found["value"] == pytest.approx(expected, rel=1e-4)
            assert found["interval"][0] < expected < found["interval"][1]
            assert found["count"] == len(set(mine.document.tolist()))
    masked = [entry for entry in evaluation["numbers"] if entry["metric"] == "masked_nats"]
    assert {entry["model"] for entry in masked} == {"bert"}
    assert len(masked) == 3
    assert masked[0]["value"] == pytest.approx(np.log(520), rel=0.1)  # random weights


def test_bits_per_byte_by_position_by_hand(measure: Callable[..., tuple[dict[str, Any], Run]], by_token: np.recarray) -> None:
    evaluation, _ = measure()
    found = {
        (number["slice"]["position"], number["slice"].get("language")): number
        for number in evaluation["parts"]
        if number["model"] == "gpt" and "position" in number["slice"]
    }
    assert set(found) == {(place, tag) for place in ("0-15", "16-63") for tag in (None, "en", "zh-Hans")}
    for (place, tag), number in found.items():
        low, high = map(int, place.split("-"))
        there = (by_token.place >= low) & (by_token.place <= high)
        mine = by_token[there & (by_token.language == tag) if tag else there]
        assert number["metric"] == "bits_per_byte"
        assert number["value"] == pytest.approx(mine.nats.sum() / np.log(2) / mine.bytes.sum(), rel=1e-4)
        assert number["count"] == len(set(mine.document.tolist()))


def test_bf16_is_taken_where_the_interval_does_not_notice(
    measure: Callable[..., tuple[dict[str, Any], Run]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import danlu.evaluate.held_out as module

    exact, first = measure("exact")
    assert read_json(first.output / "resolved.json")["precision of gpt"] == {"precision": "fp32"}  # too few documents to tell
    monkeypatch.setattr(module, "STEP", 1)
    probed, native = Machine.probe(), False
    monkeypatch.setattr(Machine, "probe", classmethod(lambda cls, *, gpu=False: replace(probed, bf16=native)))
    _, plain = measure("plain")
    assert read_json(plain.output / "resolved.json")["precision of gpt"] == {"precision": "fp32"}  # bf16 would be emulated
    assert hash_payload(plain.output) == hash_payload(first.output)
    native = True
    short, run = measure("short")
    decided = read_json(run.output / "resolved.json")["precision of gpt"]
    assert decided["documents"] == 40
    assert decided["precision"] == "bf16"
    assert decided["error"] <= 0.1 * decided["half"]
    signatures = {number["model"]: number["signature"] for number in short["numbers"]}
    assert "precision:bfloat16" in signatures["gpt"]
    assert "precision:float32" in signatures["sentiment"]
    for one, other in zip(exact["numbers"], short["numbers"], strict=True):
        if one["split"] == "holdout":
            assert abs(one["value"] - other["value"]) < 0.1 * (one["interval"][1] - one["interval"][0])
    monkeypatch.setattr(module, "choose_precision", lambda *_, **__: pytest.fail("it was decided before"))
    _, again = measure("short")
    assert hash_payload(again.output) == hash_payload(run.output)


def test_everything_beside_the_baselines(measure: Callable[..., tuple[dict[str, Any], Run]], simple: Artifact) -> None:
    evaluation, run = measure("with", simple)
    json.dumps(evaluation, allow_nan=False)
    pairs = {(entry["metric"], entry["a"], entry["b"]) for entry in evaluation["comparisons"]}
    assert pairs == {
        ("bits_per_byte", "gpt", "5-gram"), ("masked_nats", "bert", "unigram"), ("accuracy", "sentiment", "tfidf"),
        ("accuracy", "sentiment", "majority"), ("accuracy", "scratch", "tfidf"), ("accuracy", "scratch", "majority"),
        ("accuracy", "scratch", "sentiment"),
    }  # fmt: skip
    verdicts = {(entry["a"], entry["b"]): entry["verdict"] for entry in evaluation["comparisons"] if not entry["slice"]}
    assert verdicts["gpt", "5-gram"] == "worse"  # it was never trained
    assert verdicts["sentiment", "tfidf"] == "better"
    assert verdicts["scratch", "sentiment"] == "worse"
    for entry in evaluation["comparisons"]:
        assert all(say(entry["sentence"], language) for language in ("en", "zh"))
    crossed = {(entry["a"], entry["b"], entry["language"]): entry["labels"] for entry in evaluation["crossings"]}
    assert 100 <= crossed["sentiment", "tfidf", "all"] <= max(point["labels"] for point in evaluation["curve"])
    assert {point["model"] for point in evaluation["curve"]} == {"sentiment", "scratch"}
    assert {entry["metric"] for entry in evaluation["numbers"]} <= set(METRICS)
    openings = [event for event in read_json_lines(run.output / "events.jsonl") if event["kind"] == "opening"]
    assert (
        [event["model"] for event in openings]
        == [entry["model"] for entry in evaluation["openings"]]
        == ["scratch", "sentiment"]
    )
    first, *others = (say(entry, "en") for entry in evaluation["meaning"])
    assert first.startswith("sentiment beats TF-IDF with logistic regression by")
    assert "pretraining brought it" in first
    assert first.endswith(".")
    assert len(others) == 2
    assert "5-gram still predicts held-out text better than gpt" in others[1]


def test_samples_and_mistakes(measure: Callable[..., tuple[dict[str, Any], Run]]) -> None:
    evaluation, _ = measure()
    generated, masks = evaluation["samples"]["generated"], evaluation["samples"]["masks"]
    assert {entry["language"] for entry in generated} == {entry["language"] for entry in masks} == {"en", "zh-Hans"}
    assert len(generated) == 4
    assert all(entry["prompt"] and entry["model"] == "gpt" for entry in generated)
    for entry in masks:
        assert entry["text"].count("<|mask|>") == 1
        assert entry["truth"]
        assert len(entry["answers"]) == 5
        assert entry["truth"] not in ("", "<|mask|>")
        shares = [answer["probability"] for answer in entry["answers"]]
        assert shares == sorted(shares, reverse=True)
    assert {entry["model"] for entry in evaluation["mistakes"]} == {"scratch", "sentiment"}
    assert all(entry["label"] != entry["predicted"] for entry in evaluation["mistakes"])


def test_a_sentence_beyond_the_context_is_no_sample(language_models: dict[str, Artifact], texts: dict[str, Any]) -> None:
    loaded = load_for(language_models["bert"] / "model")
    read = [Text(*text) for text in texts["holdout"]]
    whole = [entry["text"].replace("<|mask|>", entry["truth"]) for entry in masks(loaded, read)]
    assert all(any(words in text.text for text in read) for words in whole), "nothing is lost of a sentence, not a space"
    lengths = sorted(len(loaded.tokenizer(entry["text"])["input_ids"]) for entry in masks(loaded, read))
    limit = loaded.model.config.max_position_embeddings = lengths[len(lengths) // 2]
    left = [len(loaded.tokenizer(entry["text"])["input_ids"]) for entry in masks(loaded, read)]
    assert sorted(left) == [length for length in lengths if length <= limit]
    assert len(left) < len(lengths)


def test_the_same_bytes_after_an_interruption(
    measure: Callable[..., tuple[dict[str, Any], Run]], models: dict[str, Artifact], dataset: Artifact, tokens: Artifact,
    tokenizer: Artifact, documents: Artifact, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    import danlu.evaluate.held_out as passes
    import danlu.evaluate.models as module

    monkeypatch.setattr(module, "UNIT_TOKENS", 300)
    _, whole = measure("whole")
    stopped = make_run("evaluate.models", "stopped")
    calls = 0
    real = passes.lm_nats

    def fail(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(passes, "lm_nats", fail)
    with pytest.raises(KeyboardInterrupt):
        evaluate(models, {"reviews": dataset}, tokens, tokenizer, documents, config=CONFIG, run=stopped)
    assert not (stopped.output / "evaluation.json").exists()
    calls = -1000
    again = make_run("evaluate.models", "stopped")
    evaluate(models, {"reviews": dataset}, tokens, tokenizer, documents, config=CONFIG, run=again)
    parts = len(list((again.output / "work").glob("losses-*.npy"))) // 2
    assert calls == -1000 + parts - 2  # the two finished parts are not measured again
    assert hash_payload(again.output) == hash_payload(whole.output)


def test_only_classifiers_and_nothing_at_all(
    rows: list[dict[str, str]], dataset: Artifact, make_run: Callable[..., Run], tmp_path: Path
) -> None:
    run = make_run("evaluate.models")
    tuned = {"m": write_finetuned(tmp_path / "m", rows, {100: 0.9})}
    evaluate(tuned, {"reviews": dataset}, None, None, None, config=CONFIG, run=run)
    evaluation = read_json(run.output / "evaluation.json")
    assert {entry["metric"] for entry in evaluation["numbers"]} == {"accuracy", "f1_macro"}
    assert say(evaluation["meaning"][0], "zh").startswith("m 答对")
    empty = make_run("evaluate.models", "empty")
    evaluate({}, {}, None, None, None, config=CONFIG, run=empty)
    assert read_json(empty.output / "evaluation.json")["numbers"] == []


def test_prompts_are_whole_words_and_languages_take_turns(documents: Artifact) -> None:
    texts = held_out_texts(documents, 5)
    assert [text.language for text in texts] in (["en", "zh-Hans", "en", "zh-Hans", "en"], ["zh-Hans", "en"] * 2 + ["zh-Hans"])
    assert texts == held_out_texts(documents, 5)
    assert prompt(Text("en", "A rather extraordinarily unconventionalist film")) == "A rather extraordinarily"
    assert prompt(Text("zh-Hans", "这部电影讲述了一个关于火车的故事，很好看。")) == "这部电影讲述了一个关于火"
    assert prompt(Text("en", "Short one\nSecond line that is long enough to be a prompt by itself")) == "Short one"


def test_signatures_name_what_could_change_a_number(measure: Callable[..., tuple[dict[str, Any], Run]]) -> None:
    evaluation, _ = measure()
    for number in [*evaluation["numbers"], *evaluation["parts"]]:
        parts = dict(part.split(":", 1) for part in number["signature"].split("|"))
        assert {"model", "data", "tokenizer", "precision", "danlu", "torch", "transformers"} <= set(parts), number


def test_accuracy_by_label_and_length(
    measure: Callable[..., tuple[dict[str, Any], Run]], rows: list[dict[str, str]], models: dict[str, Artifact]
) -> None:
    evaluation, _ = measure()
    found = {(number["model"], *number["slice"].items()): (number["value"], number["count"]) for number in evaluation["parts"]}
    assert {key[1][0] for key in found if key[0] == "sentiment"} == {"label", "length"}  # all rows are of one source
    answers = pq.read_table(models["sentiment"] / "predictions.parquet").to_pylist()
    most = max(row["labels"] for row in answers)
    names = ["negative", "positive"]
    predicted = {row["id"]: names[int(np.argmax(row["probabilities"]))] for row in answers if row["labels"] == most}
    for label in names:
        mine = [row for row in rows if row["split"] == "test" and row["label"] == label]
        value, count = found["sentiment", ("label", label)]
        assert count == len(mine)
        assert value == pytest.approx(np.mean([predicted[row["id"]] == label for row in mine]))
