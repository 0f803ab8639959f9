"""`danlu evaluate` of classifiers on two texts that are read together, as transformers reads them."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from evaluate_asked import evaluate, write
from evaluate_tiny import SIZE, SMALL, byte_tokenizer, save
from scipy import stats
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    ModernBertConfig,
    ModernBertForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

LABELS = ["contradiction", "entailment", "neutral"]
NAMED = {"id2label": dict(enumerate(LABELS)), "label2id": {name: number for number, name in enumerate(LABELS)}}
TYPED = {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}
LENGTH = 24


def _bert(folder: Path, **options: Any) -> Path:
    config = BertConfig(vocab_size=SIZE, max_position_embeddings=LENGTH, **{**SMALL, **options})
    return save(BertForSequenceClassification(config), byte_tokenizer(**TYPED), folder)


def _roberta(folder: Path, **options: Any) -> Path:
    """Its tokenizer says types here, of which it knows one."""
    config = RobertaConfig(vocab_size=SIZE, max_position_embeddings=LENGTH + 1, type_vocab_size=1, **{**SMALL, **options})
    return save(RobertaForSequenceClassification(config), byte_tokenizer(**TYPED), folder)


def _modern(folder: Path, **options: Any) -> Path:
    config = ModernBertConfig(
        vocab_size=SIZE, max_position_embeddings=LENGTH, cls_token_id=1, sep_token_id=2, bos_token_id=4, eos_token_id=2,
        **{**SMALL, **options},
    )  # fmt: skip
    return save(ModernBertForSequenceClassification(config), byte_tokenizer(**TYPED), folder)


MADE = {"bert": _bert, "roberta": _roberta, "modernbert": _modern}


def couples(count: int, seed: int = 2) -> list[tuple[str, str]]:
    """Some longer than the models read; Chinese ones among them, and an empty text."""
    dice = random.Random(seed)

    def text(alphabet: str) -> str:
        return "".join(dice.choices(alphabet, k=dice.randint(1, 12)))

    found = [
        (text(alphabet), text(alphabet)) for number in range(count) for alphabet in [("abcdef", "炉火烧了七天")[number % 2]]
    ]
    return [*found, ("a", "")]


def outputs(place: Path, rows: list[tuple[str, str]], types: bool) -> np.ndarray[Any, Any]:
    """transformers alone, a row at a time."""
    model, tokenizer = (
        AutoModelForSequenceClassification.from_pretrained(place).eval(),
        byte_tokenizer(**(TYPED if types else {})),
    )
    with torch.no_grad():
        coded = (tokenizer([a], [b], truncation="longest_first", max_length=LENGTH, return_tensors="pt") for a, b in rows)
        return np.concatenate([model(**one).logits.double().numpy() for one in coded])


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("columns", [("premise", "hypothesis"), ("sentence1", "sentence2")])
def test_classes_of_two_texts(name: str, columns: tuple[str, str], tmp_path: Path) -> None:
    place, rows, dice = MADE[name](tmp_path / name, **NAMED), couples(40), random.Random(1)
    truth = [dice.choice(LABELS) for _ in rows]
    table = [{columns[0]: a, columns[1]: b, "label": label} for (a, b), label in zip(rows, truth, strict=True)]
    file = write(tmp_path / "rows.jsonl", table)
    said = evaluate(place, "--on", file, "--out", tmp_path / "out", folder=tmp_path)
    assert said.last["task"] == "pairs"
    logits = outputs(place, rows, types=name == "bert")
    lines = (tmp_path / "out" / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    expected = [LABELS[place] for place in logits.argmax(1)]
    assert [json.loads(line)["answers"][name] for line in lines] == expected
    assert len(set(expected)) > 1, "one class for all: the test shows nothing"
    assert said.value(name, "accuracy") == pytest.approx(np.mean([a == b for a, b in zip(expected, truth, strict=True)]))
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    nats = [-logs[row, LABELS.index(label)] for row, label in enumerate(truth)]
    assert said.value(name, "log_loss") == pytest.approx(np.mean(nats), abs=1e-5)
    tokenizer = byte_tokenizer()
    long = sum(len(tokenizer(*row)["input_ids"]) > LENGTH for row in rows)
    assert 0 < long < len(rows)
    assert f"{name}: {long} texts were longer than the {LENGTH} tokens" in said.told


def test_the_types_of_tokens_tell(tmp_path: Path) -> None:
    """Else the test above would not see them."""
    place, rows = _bert(tmp_path / "bert", **NAMED), couples(10)
    assert np.abs(outputs(place, rows, types=True) - outputs(place, rows, types=False)).max() > 1e-3


def test_a_number_of_two_texts(tmp_path: Path) -> None:
    place, rows, dice = _bert(tmp_path / "bert", num_labels=1), couples(40), random.Random(1)
    values = [round(dice.uniform(0, 5), 2) + 0.001 for _ in rows]
    table = [{"sentence1": a, "sentence2": b, "score": value} for (a, b), value in zip(rows, values, strict=True)]
    said = evaluate(place, "--on", write(tmp_path / "rows.csv", table), folder=tmp_path)
    assert said.last["task"] == "regression"
    found = outputs(place, rows, types=True)[:, 0]
    assert said.value("bert", "pearson") == pytest.approx(stats.pearsonr(values, found).statistic, abs=1e-4)
    assert said.value("bert", "mae") == pytest.approx(np.abs(found - values).mean(), abs=1e-5)


def test_each_text_is_prepared_by_itself(tmp_path: Path) -> None:
    """Joined by a line end, `<b` and `c>` would be mark-up; apart they are words."""
    place = _bert(tmp_path / "bert", **NAMED)
    rows = [("a <b", "c> d"), ("  spaced  ", "&amp;")]
    table = [{"text_a": a, "text_b": b, "label": "neutral"} for a, b in rows]
    said = evaluate(place, "--on", write(tmp_path / "rows.jsonl", table), "--metric", "log_loss", folder=tmp_path)
    logits = outputs(place, [("a <b", "c> d"), ("spaced", "&")], types=True)
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    assert said.value("bert", "log_loss") == pytest.approx(-logs[:, 2].mean(), abs=1e-5)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_can_be_wrong_with_two_texts(language: str, tmp_path: Path) -> None:
    place, one = _bert(tmp_path / "bert", **NAMED), _bert(tmp_path / "one", num_labels=1)
    single = write(tmp_path / "single.jsonl", [{"text": "a", "label": name} for name in LABELS])
    said = evaluate(place, "--on", single, "--task", "pairs", language=language, folder=tmp_path)
    assert said.last["error"] == "evaluate.no-couple"
    assert ("`text_a` and `text_b`" if language == "en" else "text_a 与 text_b") in said.told
    rows = [{"text_a": "a", "text_b": "b", "label": name} for name in LABELS]
    said = evaluate(one, "--on", write(tmp_path / "rows.jsonl", rows), language=language, folder=tmp_path)
    assert said.last["error"] == "evaluate.one-output"
    assert "--task regression" in said.told
    rows = [{"text_a": "a", "score": 0.5}]
    said = evaluate(place, "--on", write(tmp_path / "rows.jsonl", rows), language=language, folder=tmp_path)
    assert said.last["error"] == "evaluate.many-outputs"


def test_real_inference_in_chinese(shared_data: Path, tmp_path: Path) -> None:
    with gzip.open(shared_data / "sentence-pairs" / "ocnli" / "test_public.json.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][:120]
    place = _bert(tmp_path / "bert", **NAMED)
    said = evaluate(place, "--on", write(tmp_path / "ocnli.jsonl", rows), folder=tmp_path)
    assert said.last["task"] == "pairs"
    logits = outputs(place, [(row["sentence1"], row["sentence2"]) for row in rows], types=True)
    right = [LABELS[best] == row["label"] for best, row in zip(logits.argmax(1), rows, strict=True)]
    assert said.value("bert", "accuracy") == pytest.approx(np.mean(right), abs=0.02)  # repair moves a text or two
