"""Classification and masks over HTTP."""

from __future__ import annotations

import httpx
import pytest

from danlu.inference.classify import classify
from danlu.inference.load import Loaded
from danlu.inference.masks import Answer, fill_mask
from danlu.inference.predict import filled

TEXTS = ["这本书非常好看", "The weather is fine today.", "今天<br>天气&amp;花", "好"]


def post(server: str, path: str, **body: object) -> httpx.Response:
    return httpx.post(f"{server}{path}", json=body)


def test_classify_gives_the_models_probabilities(server: str, loaded: dict[str, Loaded]) -> None:
    answer = post(server, "/v1/classify", model="sentiment", input=TEXTS[:2]).json()
    model = loaded["sentiment"]
    shares = classify(model.model, model.tokenizer, TEXTS[:2])
    for index, (found, row) in enumerate(zip(answer["data"], shares.tolist(), strict=True)):
        assert list(found["probabilities"]) == ["negative", "positive"]
        assert list(found["probabilities"].values()) == pytest.approx(row, abs=1e-6)
        assert found["label"] == ("negative", "positive")[row[1] > row[0]]
        assert found["probability"] == max(found["probabilities"].values())
        assert (found["index"], found["truncated"]) == (index, False)
    assert answer["usage"]["total_tokens"] == sum(found["tokens"] for found in answer["data"])


def test_classify_one_text_and_without_a_name(server: str) -> None:
    one = post(server, "/v1/classify", input=TEXTS[0]).json()
    assert one["model"] == "sentiment"
    assert one["data"] == post(server, "/v1/classify", input=[TEXTS[0]]).json()["data"]


def test_texts_are_prepared_as_for_training(server: str) -> None:
    """Mark-up and odd spaces do not change the answer."""
    plain, marked = post(server, "/v1/classify", input=["今天天气 很好", "<p>今天天气\u00a0很好</p>"]).json()["data"]
    assert plain["probabilities"] == pytest.approx(marked["probabilities"], abs=1e-6)


def test_many_texts_keep_their_order(server: str) -> None:
    texts = [f"{TEXTS[index % 4]} {index}" for index in range(50)]
    together = post(server, "/v1/classify", input=texts).json()["data"]
    for index in (0, 17, 49):
        alone = post(server, "/v1/classify", input=texts[index]).json()["data"][0]
        assert together[index]["probabilities"] == pytest.approx(alone["probabilities"], abs=1e-5)


def test_too_long_texts_are_refused_or_cut(server: str) -> None:
    refused = post(server, "/v1/classify", input=["好", "好看 " * 40])
    assert refused.status_code == 400
    assert "takes 24" in refused.json()["error"]["message"]
    assert "Text 1 " in refused.json()["error"]["message"]
    cut = post(server, "/v1/classify", input="好看 " * 40, truncate=True).json()["data"][0]
    assert (cut["truncated"], cut["tokens"]) == (True, 24)


@pytest.mark.parametrize("text", ["今天[MASK]很好，[MASK]花。", "The [MASK] is on the <|mask|>.", "[MASK]", "a <mask> b"])
def test_fill_mask_gives_the_models_answers(server: str, loaded: dict[str, Loaded], text: str) -> None:
    found = post(server, "/v1/fill-mask", model="bert", input=text, top=3).json()["data"][0]
    model = loaded["bert"]
    direct = fill_mask(model.model, model.tokenizer, text, 3)
    assert len(found["masks"]) == len(direct) == sum(text.count(word) for word in ("[MASK]", "<|mask|>", "<mask>"))
    for mask, answers in zip(found["masks"], direct, strict=True):
        assert [one["token"] for one in mask["answers"]] == [answer.token for answer in answers]
        assert [one["probability"] for one in mask["answers"]] == pytest.approx([answer.probability for answer in answers])
    assert "mask" not in found["text"].lower()


def test_filled_text_has_no_double_spaces() -> None:
    answers = [[Answer(1, " book", 0.5)], [Answer(2, "花", 0.5)], [Answer(3, " table", 0.5)]]
    assert filled("The [MASK] 看[MASK] on[MASK]", answers) == "The book 看花 on table"


@pytest.mark.parametrize(
    "path, body, status, words",
    [
        ("/v1/fill-mask", {"input": "no gap"}, 400, "no gap to fill"),
        ("/v1/fill-mask", {"input": "[MASK] " + "龘" * 60}, 400, "96 at most"),
        ("/v1/fill-mask", {"input": "[MASK]", "top": 0}, 400, "1 or more"),
        ("/v1/fill-mask", {"input": "[MASK]", "model": "gpt"}, 400, "/v1/completions"),
        ("/v1/classify", {"input": "a", "model": "bert"}, 400, "fit here: sentiment"),
        ("/v1/classify", {"input": []}, 400, "1 to 1024"),
        ("/v1/classify", {"input": ["a"] * 1025}, 400, "1 to 1024"),
        ("/v1/classify", {"input": 3}, 400, "1 to 1024"),
        ("/v1/classify", {"input": "a", "text": "b"}, 400, "fields are: model, user, input, truncate"),
        ("/v1/chat/completions", {"messages": []}, 404, "no POST /v1/chat/completions"),
    ],
)
def test_errors(server: str, path: str, body: dict[str, object], status: int, words: str) -> None:
    answer = post(server, path, **body)
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]
