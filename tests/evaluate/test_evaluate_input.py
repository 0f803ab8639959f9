"""What can be wrong with files and models given to `danlu evaluate`: said in both languages, or counted and shown."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from evaluate_asked import Said, evaluate, write
from evaluate_tiny import SMALL, byte_tokenizer, save
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
)

from danlu.inference.load import load_for
from danlu.inference.predict import predict_file

ROWS = [{"id": number, "text": f"text {number}", "label": "ab"[number % 2]} for number in range(6)]


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return byte_tokenizer()


@pytest.fixture(scope="session")
def classifier(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = BertConfig(
        vocab_size=261, max_position_embeddings=24, id2label={0: "a", 1: "b"}, label2id={"a": 0, "b": 1}, **SMALL
    )
    return save(BertForSequenceClassification(config), tokenizer, tmp_path_factory.mktemp("classifier"))


@pytest.fixture(scope="session")
def gpt(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = GPT2Config(vocab_size=261, n_embd=16, n_layer=1, n_head=2, n_positions=24, bos_token_id=4, eos_token_id=4)
    return save(GPT2LMHeadModel(config), tokenizer, tmp_path_factory.mktemp("gpt"))


@pytest.fixture(scope="session")
def bert(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = BertConfig(vocab_size=261, max_position_embeddings=24, **SMALL)
    return save(BertForMaskedLM(config), tokenizer, tmp_path_factory.mktemp("bert"))


def told(said: Said, english: str, chinese: str, language: str) -> bool:
    assert "Traceback" not in said.told
    return (english if language == "en" else chinese) in said.told


def given(*labels: str, first: int = 0) -> list[dict[str, Any]]:
    return [{"id": number, "predicted": label} for number, label in enumerate(labels, first)]


WRONG: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], str, str]] = {
    "shorter": (ROWS, [{"predicted": "a"}] * 5, "There are 5 predictions for 6 rows.", "6 行数据却有 5 条预测"),
    "longer": (ROWS, [{"predicted": "a"}] * 7, "There are 7 predictions for 6 rows.", "6 行数据却有 7 条预测"),
    "ids missing": (ROWS, given(*"ababa", first=1), "1 of 6 rows have no prediction.", "6 行中有 1 行没有预测"),
    "id twice": (
        ROWS, [*given(*"ababab"), {"id": 3, "predicted": "a"}],
        "The id '3' stands twice, on lines 4 and 7.", "id“3”出现了两次：第 4 行与第 7 行",
    ),
    "no class of the data": (
        ROWS, given(*["LABEL_0", "LABEL_1"] * 3), "The answers are LABEL_0, LABEL_1; the data's classes are a, b.",
        "答案为 LABEL_0, LABEL_1；数据的类别为 a, b",
    ),
    "no label": ([*ROWS[:5], {"id": 5, "text": "x", "label": ""}], given(*"ababab"), "It should be a label.", "应为标签"),
    "not a number": (
        [{"score": 0.5}, {"score": 1.5}], [{"predicted": 1.0}, {"predicted": math.nan}],
        "'predicted' cannot be read: nan", "“predicted”列中有一格无法读取：nan",
    ),
    "not a probability": (
        ROWS[:2], [{"id": 0, "predicted": "a", "probabilities": {"a": 0.6, "b": 0.4}},
                   {"id": 1, "predicted": "b", "probabilities": {"a": math.nan, "b": 0.4}}],
        "finite probabilities by class", "各类别的概率",
    ),
    "not a ranking": (
        [{"grades": {"d": 1}}], [{"ranking": {"d": math.inf}}], "scores by document", "各文档的得分",
    ),
    "no column of answers": (ROWS, [{"guess": "a", "sure": 1}] * 6, "--prediction COLUMN", "--prediction 列名"),
    "no task": ([{"a": 1, "b": 2}], [{"predicted": "x"}], "--task TASK", "--task 任务"),
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", WRONG)
def test_files_that_do_not_fit(name: str, language: str, tmp_path: Path) -> None:
    rows, answers, english, chinese = WRONG[name]
    truth, predictions = write(tmp_path / "truth.jsonl", rows), write(tmp_path / "given.jsonl", answers)
    said = evaluate(predictions, "--on", truth, language=language, folder=tmp_path)
    assert said.status == 1
    assert told(said, english, chinese, language), said.told
    assert told(said, "try:", "对策：", language)
    assert set(said.last) == {"error", "where", "parameters"}
    assert not (tmp_path / ".danlu").exists()  # nothing was measured, so nothing was opened


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("content", "english", "chinese"),
    [
        (b'{"text": "a", "label": "x"}\n{"text": \n', "Line 2 is not a JSON object.", "第 2 行不是 JSON 对象"),
        (
            "這家酒店的服務很好".encode("big5"),
            "The file is not text in UTF-8, UTF-16 or GBK.",
            "文件不是 UTF-8、UTF-16 或 GBK 编码",
        ),
        (b"\n\n", "The file has no rows.", "文件中没有数据"),
    ],
)
def test_files_that_cannot_be_read(content: bytes, english: str, chinese: str, language: str, tmp_path: Path) -> None:
    (tmp_path / "truth.jsonl").write_bytes(content)
    predictions = write(tmp_path / "given.jsonl", given("a"))
    said = evaluate(predictions, "--on", tmp_path / "truth.jsonl", language=language, folder=tmp_path)
    assert said.status == 1
    assert told(said, english, chinese, language), said.told


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("more", "english", "chinese"),
    [
        (["--metric", "acuracy"], "The nearest: accuracy", "相近的有：accuracy"),
        (["--metric", "bleu"], "It needs texts", "它需要 texts"),
        (["--metric", "roc_auc"], "It needs probabilities", "它需要 probabilities"),
        (["--metric", "f1_binary"], "--positive CLASS", "--positive 类别"),
        (["--metric", "f1_binary", "--positive", "c"], "There is no class 'c'.", "没有类别“c”"),
        (["--task", "cooking"], "There is no task 'cooking'.", "没有任务“cooking”"),
        (["--text", "words"], "--text COLUMN", "--text 列名"),
        (["--label", "y"], "--label COLUMN", "--label 列名"),
        (["--baseline", "nowhere.csv"], "There is no file 'nowhere.csv'.", "没有文件“nowhere.csv”"),
        (["--seen", "nowhere"], "There is no text to look in.", "没有可供查找的文本"),
        (["--seen", "broken.jsonl"], "Line 1 is not a JSON object.", "第 1 行不是 JSON 对象"),
        (["--seen", "broken.parquet"], "cannot be read as Parquet", "无法按 Parquet 读取"),
    ],
)
def test_options_that_do_not_fit(
    more: list[str], english: str, chinese: str, language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("broken.jsonl", "broken.parquet"):
        (tmp_path / name).write_text("broken", encoding="utf-8")
    truth, predictions = write(tmp_path / "truth.jsonl", ROWS), write(tmp_path / "given.jsonl", given(*"ababab"))
    said = evaluate(predictions, "--on", truth, *more, language=language, folder=tmp_path)
    assert said.status == 1
    assert told(said, english, chinese, language), said.told


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_label_that_nobody_knows_is_wrong_and_counted(language: str, tmp_path: Path) -> None:
    truth = write(tmp_path / "truth.jsonl", ROWS)
    answers = write(tmp_path / "given.jsonl", given("a", "b", "a", "c", "", "b"))
    said = evaluate(answers, "--on", truth, language=language, folder=tmp_path)
    assert said.value("given", "accuracy") == pytest.approx(4 / 6)
    assert told(said, "2 answers name no class of the data (, c)", "2 个答案不是数据中的任何类别（, c）", language), said.told


@pytest.mark.parametrize("language", ["en", "zh"])
def test_predictions_of_other_rows_are_left_out_and_counted(language: str, tmp_path: Path) -> None:
    truth, answers = write(tmp_path / "truth.csv", ROWS), write(tmp_path / "given.jsonl", given(*"abababbb"))
    said = evaluate(answers, "--on", truth, language=language, folder=tmp_path)
    assert said.value("given", "accuracy") == 1
    assert told(said, "2 of its predictions are of rows", "有 2 条预测对应的行不在文件中", language)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_text_longer_than_the_model_is_cut_or_read_in_windows_and_counted(
    language: str, classifier: Path, gpt: Path, tmp_path: Path
) -> None:
    rows = [{"text": "short", "label": "a"}, {"text": "a text that is too long for it", "label": "b"}]
    truth = write(tmp_path / "truth.jsonl", rows)
    said = evaluate(classifier, "--on", truth, language=language, folder=tmp_path)
    assert said.status == 0, said.told
    assert told(said, "1 texts were longer than the 24 tokens", "1 条文本超过它可读的 24 个词元，已截断", language)
    said = evaluate(gpt, "--on", truth, language=language, folder=tmp_path)
    assert told(said, "1 texts are longer than the 24 tokens", "1 条文本长于它一次可读的 24 个词元", language)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_labels_that_a_model_cannot_answer_are_counted(language: str, classifier: Path, tmp_path: Path) -> None:
    truth = write(tmp_path / "truth.jsonl", [{"text": "x", "label": label} for label in "aabbc"])
    said = evaluate(classifier, "--on", truth, language=language, folder=tmp_path)
    assert told(said, "1 rows have a label that it cannot answer (c)", "1 行的标签是它无法给出的（c）", language), said.told


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_tokenizer_of_another_model(language: str, gpt: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(gpt, other)
    config = json.loads((gpt / "config.json").read_text(encoding="utf-8"))
    GPT2LMHeadModel(GPT2Config(**{**config, "vocab_size": 200})).save_pretrained(other)
    truth = write(tmp_path / "truth.jsonl", [{"text": "x"}])
    said = evaluate(other, "--on", truth, language=language, folder=tmp_path)
    assert said.status == 1
    assert told(
        said, "It has ids up to 260; the model has embeddings for 200.", "编号最大为 260，模型只有 200 个嵌入", language
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_model_whose_numbers_are_broken(language: str, classifier: Path, gpt: Path, tokenizer: Any, tmp_path: Path) -> None:
    for place, kind in ((classifier, BertForSequenceClassification), (gpt, GPT2LMHeadModel)):
        model = kind.from_pretrained(place)
        torch.nn.init.constant_(next(model.parameters()), math.nan)
        model.save_pretrained(tmp_path / place.name)
        tokenizer.save_pretrained(tmp_path / place.name)
    truth = write(tmp_path / "truth.jsonl", ROWS)
    said = evaluate(tmp_path / classifier.name, "--on", truth, language=language, folder=tmp_path)
    assert said.status == 0, said.told
    assert told(said, "6 answers are not finite numbers (NaN)", "6 个答案不是有限的数（NaN）", language), said.told
    assert said.last["numbers"][0]["value"] == 0
    said = evaluate(tmp_path / gpt.name, "--on", truth, language=language, folder=tmp_path)
    assert said.last["numbers"][0]["value"] is None
    assert told(said, "not finite (NaN or infinite)", "不是有限数", language), said.told


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_task_that_a_model_does_not_answer(language: str, gpt: Path, tmp_path: Path) -> None:
    truth = write(tmp_path / "truth.jsonl", ROWS)
    said = evaluate(gpt, "--on", truth, "--task", "classification", language=language, folder=tmp_path)
    assert said.status == 1
    assert told(said, "(clm) does not answer the task classification", "（clm）不能完成任务 classification", language)


def test_causal_numbers_are_those_of_transformers(gpt: Path, tokenizer: Any, tmp_path: Path) -> None:
    texts = ["short", "丹炉里的火", "twenty bytes or more"]
    truth = write(tmp_path / "truth.jsonl", [{"text": text} for text in texts])
    said = evaluate(gpt, "--on", truth, folder=tmp_path)
    model, nats, tokens = GPT2LMHeadModel.from_pretrained(gpt).eval(), 0.0, 0
    for text in texts:
        ids = torch.tensor([[4, *tokenizer(text, add_special_tokens=False)["input_ids"]]])
        with torch.no_grad():
            nats += float(model(ids, labels=ids).loss) * (ids.shape[1] - 1)
        tokens += ids.shape[1] - 1
    size = sum(len(text.encode()) for text in texts)
    assert said.value(gpt.name, "bits_per_byte") == pytest.approx(nats / size / math.log(2), rel=1e-5)
    assert said.value(gpt.name, "perplexity") == pytest.approx(math.exp(nats / tokens), rel=1e-5)
    parts = dict(part.split(":", 1) for part in said.last["numbers"][0]["signature"].split("|"))
    assert {"model", "tokenizer", "data", "precision", "torch", "transformers", "danlu"} <= set(parts)


def test_masked_numbers_are_of_the_marks_of_the_tokenizer(bert: Path, tokenizer: Any, tmp_path: Path) -> None:
    """One masked token at a time: a text of so few tokens that at most one is masked is scored as transformers scores it."""
    texts = [f"{number}{'abcdefg'[number % 7]}" for number in range(40)]
    truth = write(tmp_path / "truth.jsonl", [{"text": text} for text in texts])
    said = evaluate(bert, "--on", truth, "--out", tmp_path / "out", folder=tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "out" / "answers.jsonl").read_text(encoding="utf-8").splitlines()]
    model, once = BertForMaskedLM.from_pretrained(bert).eval(), 0
    for row, text in zip(lines, texts, strict=True):
        masked, nats = row["losses"][bert.name]["masked_nats"]
        if masked != 1:
            continue
        once += 1
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        possible = []
        for place in range(1, ids.shape[1] - 1):
            hidden = ids.clone()
            hidden[0, place] = tokenizer.mask_token_id
            with torch.no_grad():
                possible.append(-float(model(hidden).logits[0, place].log_softmax(-1)[ids[0, place]]))
        assert min(abs(nats - value) for value in possible) < 1e-4
    assert once > 3
    assert said.last["numbers"][0]["metric"] == "masked_nats"


def test_what_predict_writes_is_scored_as_the_model_is(classifier: Path, tmp_path: Path) -> None:
    truth = write(tmp_path / "truth.csv", ROWS)
    direct = evaluate(classifier, "--on", truth, folder=tmp_path)
    for name in ("given.jsonl", "given.csv"):
        predict_file(load_for(classifier), truth, tmp_path / name)
        said = evaluate(tmp_path / name, "--on", truth, folder=tmp_path)
        for number in said.last["numbers"]:
            if number["model"] == "given" and not number["slice"]:
                assert number["value"] == pytest.approx(direct.value(classifier.name, number["metric"]), rel=1e-6)
        assert {"accuracy", "log_loss"} <= {number["metric"] for number in said.last["numbers"]}


def test_a_classifier_is_scored_end_to_end(classifier: Path, tmp_path: Path) -> None:
    truth = write(tmp_path / "truth.jsonl", ROWS)
    said = evaluate(classifier, "--on", truth, "--out", tmp_path / "out", folder=tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "out" / "answers.jsonl").read_text(encoding="utf-8").splitlines()]
    right = sum(row["answers"][classifier.name] == row["truth"] for row in lines) / len(lines)
    assert said.value(classifier.name, "accuracy") == pytest.approx(right)
    assert {"log_loss", "brier"} <= {number["metric"] for number in said.last["numbers"]}
