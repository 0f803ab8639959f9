"""Classification, masks, loading and files, against transformers."""

from __future__ import annotations

import copy
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import pipeline

from danlu.inference.classify import classify
from danlu.inference.load import load_for
from danlu.inference.masks import fill_mask
from danlu.inference.predict import predict_file
from danlu.inference.prepare import prepare_text
from danlu.workspace.errors import DanluError

TEXTS = ["The film is true.", "书", "", "这本书写得真好，我一口气读完了。" * 6, "Café and the old man"]


@pytest.mark.parametrize("name", ["bert", "modernbert"])
def test_classes_equal_the_pipeline(name: str, classifiers: dict[str, Any], tokenizer: Any) -> None:
    model = classifiers[name]
    found = classify(model, tokenizer, TEXTS, length=40, batch_tokens=64)
    peer = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    for row, answers in zip(found, peer(TEXTS, top_k=None, truncation=True, max_length=40), strict=True):
        expected = {answer["label"]: answer["score"] for answer in answers}
        np.testing.assert_allclose(row, [expected[model.config.id2label[index]] for index in range(3)], atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert classify(model, tokenizer, []).shape == (0, 3)


@pytest.mark.parametrize("name", ["bert", "modernbert"])
def test_masks_equal_the_logits(name: str, tokenizer: Any, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    text = "The [MASK] burns 七天<|mask|>夜"
    found = fill_mask(model, tokenizer, text, top=5, whole=False)
    ids = tokenizer(text.replace("[MASK]", "<|mask|>"), return_tensors="pt")["input_ids"]
    with torch.no_grad():
        shares = model(ids).logits[0].softmax(-1)
    places = (ids[0] == tokenizer.mask_token_id).nonzero()[:, 0].tolist()
    assert len(found) == len(places) == 2
    for answers, place in zip(found, places, strict=True):
        best = shares[place].topk(5)
        assert [answer.id for answer in answers] == best.indices.tolist()
        np.testing.assert_allclose([answer.probability for answer in answers], best.values, atol=1e-5)
    for answers in fill_mask(model, tokenizer, text, top=50):
        assert not any("\ufffd" in answer.token or answer.id < 110 for answer in answers)


def test_a_text_without_a_gap_says_so(bert: Any, tokenizer: Any) -> None:
    with pytest.raises(DanluError, match="MASK"):
        fill_mask(bert, tokenizer, "nothing")
    with pytest.raises(DanluError) as caught:
        fill_mask(bert, tokenizer, "[MASK]" + "火" * 60)
    assert caught.value.key == "inference.too-long"


def test_loading_tells_what_a_model_is_for(
    tmp_path: Path, classifiers: dict[str, Any], bert: Any, qwen3: Any, tokenizer: Any
) -> None:
    for kind, model in {"classification": classifiers["bert"], "mlm": bert, "clm": qwen3}.items():
        model.save_pretrained(tmp_path / kind)
        tokenizer.save_pretrained(tmp_path / kind)
        loaded = load_for(tmp_path / kind)
        assert loaded.kind == kind
        assert loaded.context == 48
        assert not loaded.model.training
    assert load_for(tmp_path / "classification").labels == ["bad", "fine", "好"]
    with pytest.raises(DanluError) as caught:
        load_for(tmp_path)
    assert caught.value.key == "inference.no-model"
    config = json.loads((tmp_path / "mlm/config.json").read_text()) | {"architectures": ["BertModel"]}
    (tmp_path / "mlm/config.json").write_text(json.dumps(config))
    with pytest.raises(DanluError) as caught:
        load_for(tmp_path / "mlm")
    assert caught.value.key == "inference.no-head"


def test_files_keep_their_fields_and_gain_answers(tmp_path: Path, classifiers: dict[str, Any], tokenizer: Any) -> None:
    classifiers["bert"].save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    loaded = load_for(tmp_path / "model")
    texts = ["The film<br />is true.", "好书\n第二行", 'a, "b"']
    with (tmp_path / "in.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["id", "text"], *([str(number), text] for number, text in enumerate(texts))])
    assert predict_file(loaded, tmp_path / "in.csv", tmp_path / "out.csv") == {"rows": 3, "quarantined": 0, "truncated": 0}
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    expected = classify(loaded.model, tokenizer, [prepare_text(text) for text in texts])
    assert [row["text"] for row in rows] == texts
    assert [row["predicted"] for row in rows] == [loaded.labels[index] for index in expected.argmax(axis=1)]
    np.testing.assert_allclose([float(row["probability"]) for row in rows], expected.max(axis=1), rtol=1e-5)

    (tmp_path / "in.jsonl").write_text("\n".join(json.dumps({"id": 1, "body": text}, ensure_ascii=False) for text in texts))
    predict_file(loaded, tmp_path / "in.jsonl", tmp_path / "out.jsonl", text_column="body")
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["predicted"] for row in found] == [row["predicted"] for row in rows]
    assert set(found[0]["probabilities"]) == {"bad", "fine", "好"}


def test_other_kinds_answer_too(
    tmp_path: Path, bert: Any, gpt2: Any, tokenizer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, model, line in (("mlm", bert, "炉 [MASK] 火"), ("clm", gpt2, "The old")):
        model.save_pretrained(tmp_path / name)
        tokenizer.save_pretrained(tmp_path / name)
        (tmp_path / "in.txt").write_text(line + "\r\n\n", newline="")
        assert predict_file(load_for(tmp_path / name), tmp_path / "in.txt", None)["rows"] == 1
        row = json.loads(capsys.readouterr().out)
        assert row["text"] == line
        assert len(row["masks"][0]) == 5 if name == "mlm" else isinstance(row["continuation"], str)


def test_a_tokenizer_of_another_model_is_told(tmp_path: Path, classifiers: dict[str, Any], tokenizer: Any) -> None:
    classifiers["bert"].save_pretrained(tmp_path)
    larger = copy.deepcopy(tokenizer)
    larger.add_tokens(["炉火"])
    larger.save_pretrained(tmp_path)
    with pytest.raises(DanluError) as caught:
        load_for(tmp_path)
    assert caught.value.key == "inference.tokenizer"
    assert caught.value.parameters["largest"] == caught.value.parameters["rows"] == len(tokenizer)


def test_bf16_if_it_is_asked_for(tmp_path: Path, classifiers: dict[str, Any], bert: Any, gpt2: Any, tokenizer: Any) -> None:
    for name, model in ({"mlm": bert, "clm": gpt2} | classifiers).items():
        model.save_pretrained(tmp_path / name)
        tokenizer.save_pretrained(tmp_path / name)
        times = 40 if name in classifiers else 1
        (tmp_path / "in.txt").write_text("The old man [MASK] the fire.\n炉火烧了七天。[MASK]\n" * times, encoding="utf-8")
        found = []
        for each in (load_for(tmp_path / name), load_for(tmp_path / name).in_bf16()):
            predict_file(each, tmp_path / "in.txt", tmp_path / "out.jsonl")
            found.append([json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()])
        assert len(found[0]) == len(found[1]) == 2 * times
        if name in classifiers:
            exact, short = (np.array([[*row["probabilities"].values()] for row in rows]) for rows in found)
            assert 0 < np.abs(exact - short).max() < 0.05


@pytest.mark.parametrize(
    ("name", "data", "key"),
    [
        ("a.csv", b"x,y\n1,2\n", "inference.no-column"),
        ("a.jsonl", b"{oops\n", "inference.not-json"),
        ("a.jsonl", b"[1]\n", "inference.not-json"),
        ("a.txt", "日本語の本".encode("euc-jp"), "predict.encoding"),
        ("none.txt", None, "inference.no-file"),
    ],
)
def test_broken_files_say_what_is_wrong(
    tmp_path: Path, classifiers: dict[str, Any], tokenizer: Any, name: str, data: bytes | None, key: str
) -> None:
    from danlu.inference.load import Loaded

    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(DanluError) as caught:
        predict_file(Loaded("classification", classifiers["bert"], tokenizer, "m"), tmp_path / name, tmp_path / "out.jsonl")
    assert caught.value.key == key
    assert caught.value.explain("zh")["what"]
    assert not (tmp_path / "out.jsonl").exists()
