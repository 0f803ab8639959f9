"""Predicting files: every format, broken rows, order, both languages."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
import subprocess
import sys
from math import log
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from danlu.inference.load import Loaded
from danlu.inference.predict import CHUNKS, answer, predict_file
from danlu.workspace.errors import DanluError

TEXTS = ["The film is true.", "好书，第二行", "The old king", '"炉", 火']


@pytest.fixture
def classifier(classifiers: dict[str, Any], tokenizer: Any) -> Loaded:
    return Loaded("classification", classifiers["bert"], tokenizer, "m", {"length": 16})


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def quarantine_of(path: Path) -> list[tuple[int, str]]:
    return [(row["line"], row["reason"]) for row in lines(path.with_name(f"{path.name}.quarantine.jsonl"))]


def test_broken_json_lines_are_quarantined_and_the_rest_is_answered(tmp_path: Path, classifier: Loaded) -> None:
    rows = [json.dumps({"text": text, "n": index}, ensure_ascii=False) for index, text in enumerate(TEXTS)]
    data = [
        rows[0],
        "{oops",
        "",
        rows[1],
        "[1]",
        '{"n": 9}',
        '{"text": 3}',
        '{"text": " "}',
        '{"text": "\\ud83d"}',
        rows[2],
        rows[3],
    ]
    (tmp_path / "in.jsonl").write_bytes("\n".join(data).encode() + b'\n{"text": "\xff"}\n')
    out = tmp_path / "deep" / "out.jsonl"
    assert predict_file(classifier, tmp_path / "in.jsonl", out) == {"rows": 4, "quarantined": 7, "truncated": 0}
    assert [(row["n"], row["text"]) for row in lines(out)] == list(enumerate(TEXTS))
    assert all(sum(row["probabilities"].values()) == pytest.approx(1) for row in lines(out))
    assert quarantine_of(out) == [
        (2, "inference.not-json"), (5, "inference.not-json"), (6, "predict.no-text"), (7, "predict.no-text"),
        (8, "predict.no-text"), (9, "predict.encoding-line"), (12, "predict.encoding-line"),
    ]  # fmt: skip
    assert sorted(path.name for path in out.parent.iterdir()) == ["out.jsonl", "out.jsonl.quarantine.jsonl"]


def test_csv_stays_csv(tmp_path: Path, classifier: Loaded, capsys: pytest.CaptureFixture[str]) -> None:
    with (tmp_path / "in.csv").open("w", newline="", encoding="utf-8-sig") as file:  # as Excel writes it
        csv.writer(file).writerows([["id", "text"], *enumerate(TEXTS), ["9"], ["9", "a", "b"], ["5", "line\nbreak"]])
    assert predict_file(classifier, tmp_path / "in.csv", tmp_path / "out")["quarantined"] == 2
    with (tmp_path / "out").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["0", "1", "2", "3", "5"]
    assert rows[4]["text"] == "line\nbreak"
    assert float(rows[0][f"probabilities.{rows[0]['predicted']}"]) == float(rows[0]["probability"])
    predict_file(classifier, tmp_path / "in.csv", None)
    assert capsys.readouterr().out.replace("\r\n", "\n") == (tmp_path / "out").read_text()
    predict_file(classifier, tmp_path / "in.csv", tmp_path / "out.jsonl")
    assert [row["text"] for row in lines(tmp_path / "out.jsonl")] == [row["text"] for row in rows]


def test_a_model_with_one_output_gives_numbers(tokenizer: Any) -> None:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    model = BertForSequenceClassification(BertConfig(vocab_size=len(tokenizer), num_labels=1, **sizes)).eval()
    found = answer(Loaded("classification", model, tokenizer, "m", {"length": 64}), TEXTS)
    for text, each in zip(TEXTS, found, strict=True):
        with torch.inference_mode():
            value = float(model(**tokenizer(text, return_tensors="pt", return_token_type_ids=False)).logits)
        assert each == {"predicted": pytest.approx(value, abs=1e-5), "truncated": False}


def test_order_is_kept_across_batches(tmp_path: Path, classifier: Loaded) -> None:
    texts = [f"{TEXTS[index % 4]} {'true ' * (index % 7)}{index}" for index in range(CHUNKS["classification"] + 100)]
    (tmp_path / "in.txt").write_text("\r\n".join(texts), encoding="utf-8", newline="")
    counts = predict_file(classifier, tmp_path / "in.txt", tmp_path / "out.jsonl")
    found = lines(tmp_path / "out.jsonl")
    assert [row["text"] for row in found] == texts
    assert counts["truncated"] == sum(row["truncated"] for row in found) > 0
    (tmp_path / "one.txt").write_text(texts[5], encoding="utf-8")
    predict_file(classifier, tmp_path / "one.txt", tmp_path / "one.jsonl")
    assert lines(tmp_path / "one.jsonl")[0]["probability"] == pytest.approx(found[5]["probability"], abs=1e-5)


def test_standard_input(classifier: Loaded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.TextIOWrapper(io.BytesIO("好书\nThe film\n".encode()), "ascii")  # whatever the locale says, it is read as UTF-8
    monkeypatch.setattr("sys.stdin", stream)
    assert predict_file(classifier, None, None)["rows"] == 2
    assert [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()] == ["好书", "The film"]
    assert not stream.buffer.closed


def test_masks(tmp_path: Path, bert: Any, tokenizer: Any) -> None:
    model = Loaded("mlm", bert, tokenizer, "m")
    (tmp_path / "in.txt").write_text("炉 [MASK] 火\nno gap\nThe <|mask|> [MASK]\n" + "火" * 500 + "[MASK]\n", encoding="utf-8")
    out = tmp_path / "out.jsonl"
    assert predict_file(model, tmp_path / "in.txt", out) == {"rows": 2, "quarantined": 2, "truncated": 0}
    assert [len(row["masks"]) for row in lines(out)] == [1, 2]
    assert all("[MASK]" not in row["filled"] for row in lines(out))
    assert [reason for _, reason in quarantine_of(out)] == ["inference.no-mask", "inference.too-long"]
    (tmp_path / "in.txt").write_text("炉 [MASK] 火\n", encoding="utf-8")
    predict_file(model, tmp_path / "in.txt", out)  # what an earlier run quarantined is gone
    assert [path.name for path in tmp_path.iterdir() if "quarantine" in path.name] == []


@pytest.mark.parametrize("text", ["The old king", "好书，火"])
def test_bits_per_byte_are_the_models_own(gpt2: Any, tokenizer: Any, text: str) -> None:
    ids = [tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]]
    with torch.inference_mode():
        logs = torch.log_softmax(gpt2(torch.tensor([ids])).logits[0].double(), -1)
    nats = -sum(float(logs[place, token]) for place, token in enumerate(ids[1:]))
    (found,) = answer(Loaded("clm", gpt2, tokenizer, "m"), [text])
    assert isinstance(found, dict)
    assert found["bits_per_byte"] == pytest.approx(nats / log(2) / len(text.encode()), rel=1e-5)


def test_continuations_are_the_same_each_time(tmp_path: Path, gpt2: Any, tokenizer: Any) -> None:
    (tmp_path / "in.txt").write_text("The old\n好书\n", encoding="utf-8")
    for name in ("a", "b"):
        predict_file(Loaded("clm", gpt2, tokenizer, "m"), tmp_path / "in.txt", tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert all(row["continuation"] and row["bits_per_byte"] > 0 for row in lines(tmp_path / "a"))


def test_a_failure_leaves_no_file(tmp_path: Path, classifier: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in.txt").write_text("a\n", encoding="utf-8")
    monkeypatch.setattr("danlu.inference.predict.forward_rows", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        predict_file(classifier, tmp_path / "in.txt", tmp_path / "out.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["in.txt"]


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "utf-16", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("suffix", ["txt", "csv", "tsv", "jsonl"])
def test_every_encoding_that_is_learned_from_is_answered_too(
    tmp_path: Path, classifier: Loaded, encoding: str, suffix: str
) -> None:
    texts = ["这本书写得真好，我们都很喜欢。", "他在北京的酒店里住了两天，房间不大", "The old king"]
    separator = {"csv": ",", "tsv": "\t"}.get(suffix)
    if suffix == "jsonl":
        words = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
    else:
        words = "".join(text + "\n" for text in ["text"] * (separator is not None) + texts)
    for name in ("utf-8", encoding):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / f"in.{suffix}").write_bytes(words.encode(name))
        counts = predict_file(classifier, tmp_path / name / f"in.{suffix}", tmp_path / name / "out.jsonl")
        assert (counts["rows"], counts["quarantined"]) == (3, 0)
    assert lines(tmp_path / encoding / "out.jsonl") == lines(tmp_path / "utf-8" / "out.jsonl")
    assert [row["text"] for row in lines(tmp_path / encoding / "out.jsonl")] == texts


def test_compressed_rows_are_answered_as_others(tmp_path: Path, classifier: Loaded) -> None:
    plain = "text,id\n" + "".join(f"第 {place} 行 of some words,{place}\n" for place in range(30))
    zstd = pa.compress(plain.encode(), "zstd", asbytes=True)
    for name, data in {"a.csv": plain.encode(), "b.csv.gz": gzip.compress(plain.encode()), "c.csv.zst": zstd}.items():
        (tmp_path / name).write_bytes(data)
        predict_file(classifier, tmp_path / name, tmp_path / f"{name[0]}.out")
    assert (tmp_path / "a.out").read_bytes() == (tmp_path / "b.out").read_bytes() == (tmp_path / "c.out").read_bytes()
    assert (tmp_path / "a.out").read_text(encoding="utf-8").startswith("text,id,predicted,")


def test_a_gzipped_file_that_is_cut_short(tmp_path: Path, classifier: Loaded) -> None:
    source, output = tmp_path / "a.txt.gz", tmp_path / "a.out"
    source.write_bytes(gzip.compress(b"".join(b"line %d\n" % place for place in range(999)))[:-9])
    with pytest.raises(DanluError) as caught:
        predict_file(classifier, source, output)
    assert caught.value.key == "documents.damaged"
    assert not output.exists()


def test_quotation_marks_in_a_tsv_are_letters(tmp_path: Path, classifier: Loaded) -> None:
    """A CSV reader would take all up to the next one as one cell, and rows would go missing."""
    texts = ['"Oh no', "they said", 'an 8" screen', 'he "really" did', 'and "so on']
    (tmp_path / "in.tsv").write_text(
        "".join(f"{text}\t{place}\n" for place, text in enumerate(["text", *texts])), encoding="utf-8"
    )
    counts = predict_file(classifier, tmp_path / "in.tsv", tmp_path / "out.jsonl")
    assert (counts["rows"], counts["quarantined"]) == (5, 0)
    assert [row["text"] for row in lines(tmp_path / "out.jsonl")] == texts


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
@pytest.mark.parametrize("after", ["", "\n", "\na{0}b\n"])
def test_a_column_that_the_header_lacks_is_an_error_even_if_no_row_follows(
    tmp_path: Path, classifier: Loaded, suffix: str, after: str
) -> None:
    separator = {"csv": ",", "tsv": "\t"}[suffix]
    (tmp_path / f"in.{suffix}").write_text(f"id{separator}text{after.format(separator)}", encoding="utf-8")
    with pytest.raises(DanluError) as caught:
        predict_file(classifier, tmp_path / f"in.{suffix}", tmp_path / "out.jsonl", text_column="words")
    assert caught.value.key == "inference.no-column"
    assert predict_file(classifier, tmp_path / f"in.{suffix}", tmp_path / "out.jsonl")["rows"] == after.count("b")


@pytest.mark.parametrize(
    "data",
    [
        "這家酒店的服務很好，我們住了兩天\n".encode("big5"),
        "text\n中文\n".encode("utf-16") + b"\x2d",
        "déjà\n".encode("latin-1"),
    ],
)
def test_another_encoding_is_one_error(tmp_path: Path, classifier: Loaded, data: bytes) -> None:
    (tmp_path / "in.txt").write_bytes(data)
    with pytest.raises(DanluError) as caught:
        predict_file(classifier, tmp_path / "in.txt", tmp_path / "out.jsonl")
    assert caught.value.key == "predict.encoding"
    assert "iconv" in caught.value.explain("zh")["remedy"]


def test_where_answers_cannot_go_is_said_before_any_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("danlu.inference.predict.answer", lambda *_: pytest.fail("answered"))
    (tmp_path / "in.txt").write_text("a\n", encoding="utf-8")
    loaded = Loaded("classification", None, None, "m")
    for output, key in ((tmp_path / "in.txt" / "x.csv", "workspace.not-a-folder"), (tmp_path, "predict.output-folder")):
        with pytest.raises(DanluError) as caught:
            predict_file(loaded, tmp_path / "in.txt", output)
        assert caught.value.key == key
        assert len({caught.value.explain(language)["what"] for language in ("en", "zh")}) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["in.txt"]


@pytest.mark.parametrize(("language", "words"), [("en", "A file or folder cannot be used"), ("zh", "有一个文件或目录无法使用")])
def test_a_file_that_may_not_be_read(tmp_path: Path, classifier: Loaded, language: str, words: str) -> None:
    as_anybody = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    if as_anybody and shutil.which("setpriv") is None:
        pytest.skip("root without setpriv")
    classifier.model.save_pretrained(tmp_path / "model")
    classifier.tokenizer.save_pretrained(tmp_path / "model")
    (tmp_path / "in.csv").write_text("text\na\n", encoding="utf-8")
    (tmp_path / "in.csv").chmod(0)
    command = [sys.executable, "-m", "danlu", "--lang", language, "predict", tmp_path / "model", tmp_path / "in.csv"]
    done = subprocess.run([*as_anybody, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert words in done.stderr
    assert "in.csv" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_file_has_no_answers(tmp_path: Path, classifier: Loaded) -> None:
    (tmp_path / "in.txt").write_bytes(b"")
    assert predict_file(classifier, tmp_path / "in.txt", tmp_path / "out.jsonl") == {
        "rows": 0,
        "quarantined": 0,
        "truncated": 0,
    }
    assert (tmp_path / "out.jsonl").read_bytes() == b""
