"""The server with the real `openai` client: completions, models, errors."""

from __future__ import annotations

import json
import math
import threading
from itertools import chain

import httpx
import openai
import pytest
import torch

from danlu.inference.generate import generate
from danlu.inference.load import Loaded

ZH, EN = "今天天气很好，我们", "The book is on"
RARE = "龘靐𠮷!"  # characters that the tokenizer splits into bytes


@pytest.fixture(scope="module")
def client(server: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server}/v1", api_key="none", max_retries=0)


def direct_logprobs(loaded: Loaded, ids: list[int]) -> list[float]:
    """Log-probabilities of ids[1:], by the model itself."""
    with torch.inference_mode():
        logs = torch.log_softmax(loaded.model(torch.tensor([ids])).logits[0].float(), -1)
    return [float(logs[place, token]) for place, token in enumerate(ids[1:])]


def encode(loaded: Loaded, text: str) -> list[int]:
    return list(loaded.tokenizer(text, add_special_tokens=False)["input_ids"])


def test_models(client: openai.OpenAI) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert list(listed) == ["gpt", "bert", "sentiment"]
    assert client.models.retrieve("sentiment").model_extra["labels"] == ["negative", "positive"]  # type: ignore[index]
    assert {name: model.model_extra["kind"] for name, model in listed.items()} == {  # type: ignore[index]
        "gpt": "clm", "bert": "mlm", "sentiment": "classification",
    }  # fmt: skip


@pytest.mark.parametrize("prompt", [ZH, EN, RARE])
def test_greedy_completion_is_the_models_own(client: openai.OpenAI, loaded: dict[str, Loaded], prompt: str) -> None:
    answer = client.completions.create(model="gpt", prompt=prompt, max_tokens=12, temperature=0)
    gpt = loaded["gpt"]
    steps = list(generate(gpt.model, gpt.tokenizer, prompt, max_tokens=12, temperature=0))
    assert answer.choices[0].text == "".join(step.text for step in steps)
    assert answer.choices[0].finish_reason == steps[-1].finish
    assert answer.object == "text_completion"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 1 + len(encode(gpt, prompt))  # with BOS
    assert answer.usage.completion_tokens == len(steps)
    assert answer.choices[0].logprobs is None


@pytest.mark.parametrize("options", [{}, {"logprobs": 2, "echo": True}, {"stop": ["e", "，"]}, {"n": 2}])
def test_stream_adds_up_to_the_whole(client: openai.OpenAI, options: dict[str, object]) -> None:
    request = {"model": "gpt", "prompt": [ZH, EN], "max_tokens": 10, "seed": 5, "temperature": 1.5} | options
    whole = client.completions.create(**request)  # type: ignore[call-overload]
    chunks = list(client.completions.create(**request, stream=True, stream_options={"include_usage": True}))  # type: ignore[call-overload]
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    for choice in whole.choices:
        mine = [chunk.choices[0] for chunk in chunks[:-1] if chunk.choices[0].index == choice.index]
        assert "".join(part.text for part in mine) == choice.text
        assert [part.finish_reason for part in mine if part.finish_reason] == [choice.finish_reason]
        if choice.logprobs is not None:
            for field in ("tokens", "token_logprobs", "top_logprobs", "text_offset"):
                assert list(chain.from_iterable(getattr(part.logprobs, field) for part in mine)) == getattr(
                    choice.logprobs, field
                )


@pytest.mark.parametrize("text", [ZH + EN, EN + "  " + RARE, "a", "好"])
def test_echoed_logprobs_are_the_models_own(client: openai.OpenAI, loaded: dict[str, Loaded], text: str) -> None:
    answer = client.completions.create(model="gpt", prompt=text, max_tokens=0, echo=True, logprobs=3).choices[0]
    gpt, found = loaded["gpt"], answer.logprobs
    ids = encode(gpt, text)
    assert answer.text == text
    assert found is not None
    assert found.token_logprobs == pytest.approx(direct_logprobs(gpt, [1, *ids]), abs=1e-5)
    assert len(found.tokens) == len(ids)
    for value, name, top in zip(found.token_logprobs or (), found.tokens or (), found.top_logprobs or (), strict=True):
        assert top[name] == value
        assert 3 <= len(top) <= 4


def test_echoed_ids_are_taken_as_they_are(client: openai.OpenAI, loaded: dict[str, Loaded]) -> None:
    gpt = loaded["gpt"]
    ids = encode(gpt, ZH)
    bare, begun = client.completions.create(model="gpt", prompt=[ids, [1, *ids]], max_tokens=0, echo=True, logprobs=1).choices
    assert bare.text == begun.text == ZH
    assert bare.logprobs is not None
    assert begun.logprobs is not None
    assert bare.logprobs.token_logprobs is not None
    assert begun.logprobs.token_logprobs is not None
    assert bare.logprobs.token_logprobs[0] is None
    assert bare.logprobs.token_logprobs[1:] == pytest.approx(direct_logprobs(gpt, ids), abs=1e-5)
    assert begun.logprobs.tokens is not None
    assert begun.logprobs.tokens[0] == "<|bos|>"
    assert begun.logprobs.token_logprobs[1:] == pytest.approx(direct_logprobs(gpt, [1, *ids]), abs=1e-5)


def test_the_request_of_lm_eval(server: str, loaded: dict[str, Loaded]) -> None:
    """What `local-completions` sends and how it reads the answer (lm_eval.models.openai_completions)."""
    gpt = loaded["gpt"]
    with torch.inference_mode():  # a greedy continuation, so that one row is greedy and the other is not
        greedy = [1, *encode(gpt, EN)]
        for _ in range(4):
            greedy.append(int(gpt.model(torch.tensor([greedy])).logits[0, -1].argmax()))
    rows, context = [greedy, [1, *encode(gpt, ZH)]], [len(greedy) - 4, 3]
    request = {"model": "gpt", "prompt": rows, "temperature": 0, "max_tokens": 1, "logprobs": 1, "seed": 1234, "echo": True}
    choices = httpx.post(f"{server}/v1/completions", json=request).json()["choices"]
    for choice, ids, length, is_greedy in zip(choices, rows, context, (True, False), strict=True):
        values, tops = (choice["logprobs"][name][length:-1] for name in ("token_logprobs", "top_logprobs"))
        assert len(choice["logprobs"]["tokens"]) == len(ids) + 1
        assert sum(values) == pytest.approx(sum(direct_logprobs(gpt, ids)[length - 1 :]), abs=1e-4)
        assert all(value == max(top.values()) for value, top in zip(values, tops, strict=True)) == is_greedy


def test_lm_eval_remote_tokenizer(server: str, loaded: dict[str, Loaded]) -> None:
    info = httpx.get(f"{server}/tokenizer_info").json()
    assert (info["bos_token"], info["eos_token"]) == ("<|bos|>", "<|eos|>")
    tokens = httpx.post(f"{server}/tokenize", json={"prompt": ZH, "add_special_tokens": False}).json()["tokens"]
    assert tokens == encode(loaded["gpt"], ZH)
    assert httpx.post(f"{server}/tokenize", json={"prompt": "<|bos|>", "add_special_tokens": False}).json()["tokens"] == [1]
    assert httpx.post(f"{server}/detokenize", json={"tokens": [1, *tokens]}).json() == {"prompt": f"<|bos|>{ZH}"}


@pytest.mark.parametrize("text", [ZH + RARE + EN, RARE])
def test_text_offsets_count_characters(client: openai.OpenAI, text: str) -> None:
    found = client.completions.create(model="gpt", prompt=text, max_tokens=8, echo=True, logprobs=0, seed=1).choices[0]
    assert found.logprobs is not None
    tokens, offsets = found.logprobs.tokens or [], found.logprobs.text_offset or []
    assert any(token.startswith("bytes:") for token in tokens)
    assert offsets == sorted(offsets)
    for token, offset in zip(tokens, offsets, strict=True):
        if not token.startswith("bytes:") and token != "<|eos|>":
            assert found.text[offset : offset + len(token)] == token
    data = b"".join(
        bytes.fromhex(token[6:].replace("\\x", "")) if token.startswith("bytes:") else token.encode()
        for token in tokens
        if token != "<|eos|>"
    )
    assert data.decode("utf-8", "ignore") == found.text  # half a character at the end is not text


def test_stop_texts_are_not_given(client: openai.OpenAI) -> None:
    free = client.completions.create(model="gpt", prompt=EN, max_tokens=40, temperature=0).choices[0].text
    stop = free[6:9]
    cut = client.completions.create(model="gpt", prompt=EN, max_tokens=40, temperature=0, stop=stop, logprobs=0).choices[0]
    assert cut.text == free[: free.index(stop)]
    assert cut.finish_reason == "stop"
    assert cut.logprobs is not None
    assert all(offset < len(cut.text) for offset in cut.logprobs.text_offset or ())


def test_seeds(client: openai.OpenAI) -> None:
    def texts(**options: object) -> list[str]:
        answer = client.completions.create(model="gpt", prompt=ZH, max_tokens=12, temperature=2, **options)  # type: ignore[call-overload]
        return [choice.text for choice in answer.choices]

    assert texts(seed=3, n=3) == texts(seed=3, n=3)
    assert len(set(texts(seed=3, n=3))) == 3
    assert texts() != texts()


def test_raw_logprobs_do_not_depend_on_temperature(client: openai.OpenAI) -> None:
    ask = lambda **more: client.completions.create(model="gpt", prompt=EN, max_tokens=1, logprobs=5, **more).choices[0].logprobs  # noqa: E731
    cold, warm = ask(temperature=0), ask(temperature=2, seed=0)
    assert sorted((cold.top_logprobs or [{}])[0].values())[-5:] == sorted((warm.top_logprobs or [{}])[0].values())[-5:]
    assert math.fsum(math.exp(value) for value in (cold.top_logprobs or [{}])[0].values()) <= 1 + 1e-6


@pytest.mark.parametrize(
    "options, kind, status, words",
    [
        ({"model": "gtp"}, openai.NotFoundError, 404, "gpt, bert, sentiment"),
        ({"model": "bert"}, openai.BadRequestError, 400, "/v1/fill-mask"),
        ({"max_tokens": 96}, openai.BadRequestError, 400, "takes 96 tokens in all"),
        ({"prompt": ZH * 60}, openai.BadRequestError, 400, "takes 96 tokens in all"),
        ({"prompt": [5, 99999]}, openai.BadRequestError, 400, "99999 is no token id"),
        ({"prompt": [5, -1]}, openai.BadRequestError, 400, "-1 is no token id"),
        ({"prompt": []}, openai.BadRequestError, 400, "none empty"),
        ({"prompt": ["a", 1]}, openai.BadRequestError, 400, "a list of strings"),
        ({"prompt": ["a"] * 100, "n": 2}, openai.BadRequestError, 400, "200 answers; 128"),
        ({"temperature": -1}, openai.BadRequestError, 400, "0 or more"),
        ({"logprobs": 21}, openai.BadRequestError, 400, "20 or less"),
        ({"best_of": 2}, openai.BadRequestError, 400, "does not offer"),
        ({"suffix": "end"}, openai.BadRequestError, 400, "does not offer"),
        ({"extra_body": {"top_k": 5}}, openai.BadRequestError, 400, "no field 'top_k'"),
        ({"stream": True, "max_tokens": 96}, openai.BadRequestError, 400, "takes 96 tokens in all"),
    ],
)
def test_errors(
    client: openai.OpenAI, options: dict[str, object], kind: type[openai.APIStatusError], status: int, words: str
) -> None:
    with pytest.raises(kind) as caught:
        client.completions.create(**({"model": "gpt", "prompt": EN} | options))  # type: ignore[call-overload]
    assert caught.value.status_code == status
    assert words in caught.value.message
    assert set(caught.value.body) == {"message", "type", "param", "code"}  # type: ignore[arg-type]
    assert caught.value.type == "invalid_request_error"


def test_errors_in_chinese(server: str) -> None:
    headers = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}
    answer = httpx.post(f"{server}/v1/completions", json={"model": "无", "prompt": "a"}, headers=headers)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "这里没有名为“无”的模型。现有模型：gpt, bert, sentiment。"
    answer = httpx.post(f"{server}/v1/completions", json={"model": "gpt"}, headers=headers)
    assert answer.json()["error"] == {
        "message": "“prompt”有误：缺少此字段。各字段的取值见 GET /openapi.json。", "type": "invalid_request_error",
        "param": "prompt", "code": "missing",
    }  # fmt: skip


@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff\xfe", b"", b'"text"', b"nan"])
def test_bad_bodies(server: str, body: bytes) -> None:
    answer = httpx.post(f"{server}/v1/completions", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_no_cross_talk(client: openai.OpenAI) -> None:
    """Requests that take turns in the worker give what they give alone, streamed or not."""
    requests = [
        {"model": "gpt", "prompt": prompt, "max_tokens": 20, "temperature": 1, "seed": seed}
        for prompt in (ZH, EN, RARE)
        for seed in range(4)
    ]
    alone = [client.completions.create(**request).choices[0].text for request in requests]  # type: ignore[call-overload]
    together: list[str] = [""] * len(requests)

    def ask(index: int) -> None:
        chunks = client.completions.create(**requests[index], stream=True)  # type: ignore[call-overload]
        together[index] = "".join(chunk.choices[0].text for chunk in chunks)

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(len(requests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone
    assert len(set(alone)) == len(alone)


def test_streams_are_server_sent_events(server: str) -> None:
    request = {"model": "gpt", "prompt": RARE, "max_tokens": 4, "stream": True}
    with httpx.stream("POST", f"{server}/v1/completions", json=request) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = answer.read().decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert all(json.loads(event.removeprefix("data: "))["object"] == "text_completion" for event in events[:-2])
