"""Generation against transformers, and text that is always whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.inference.decode import CacheReader, StaticReader, reader_of
from danlu.inference.generate import continuations, end_ids, generate, generate_rows, prompt_ids
from danlu.inference.pieces import DEAD, START, following_states, pieces_of, utf8_automaton
from danlu.inference.sampling import choose
from danlu.inference.score import score
from danlu.inference.stream import TextStream
from danlu.tokens.special import BOS_ID, EOS_ID

PROMPTS = ["The furnace", "丹炉里的", ""]


@pytest.mark.parametrize("name", ["gpt2", "qwen3"])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_greedy_equals_transformers(name: str, prompt: str, tokenizer: Any, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    ids = prompt_ids(tokenizer, prompt)
    assert ids[0] == BOS_ID
    with torch.no_grad():
        expected = model.generate(torch.tensor([ids]), max_new_tokens=20, do_sample=False)[0, len(ids) :].tolist()
    steps = list(generate(model, tokenizer, prompt, max_tokens=20, temperature=0, valid_utf8=False))
    assert [step.token for step in steps] == expected


@pytest.mark.parametrize("name", ["gpt2", "qwen3"])
def test_log_probabilities_are_those_of_scoring(name: str, tokenizer: Any, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    ids = prompt_ids(tokenizer, "The old man")
    steps = list(generate(model, tokenizer, "The old man", max_tokens=12, temperature=0.7, seed=3, top=3, ends=()))
    scored = score(model, tokenizer, [*ids, *(step.token for step in steps)], top=3)
    count = len(steps)
    assert count == 12
    assert scored.tokens[-count:] == tuple(step.token for step in steps)
    np.testing.assert_allclose([step.logprob for step in steps], [float(x or 0) for x in scored.logprobs[-count:]], atol=1e-3)
    assert [index for index, _ in steps[-1].top] == [index for index, _ in scored.top[-1]]
    assert len(scored.logprobs) == len(ids) - 1 + count
    assert None not in scored.logprobs


@pytest.mark.parametrize("name", ["gpt2", "qwen3"])
@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_rows_side_by_side_are_as_each_alone(
    name: str, temperature: float, tokenizer: Any, request: pytest.FixtureRequest
) -> None:
    """Prompts of all lengths, contexts that fill up at different steps, rows that end early: nothing moves."""
    model = request.getfixturevalue(name)
    prompts = ["The furnace", "丹炉里的火烧了七天七夜，老人" * 2, "", "火" * 100, "A"]
    ends = [step.token for step in generate(model, tokenizer, prompts[0], seed=3, max_tokens=9, temperature=0, ends=())][8:]
    options: Any = {"max_tokens": 70, "temperature": temperature, "ends": ends, "top": 2}
    rows: list[list[Any]] = [[] for _ in prompts]
    for row, step in generate_rows(model, tokenizer, prompts, seeds=range(5), **options):
        rows[row].append(step)
    for number, (prompt, steps) in enumerate(zip(prompts, rows, strict=True)):
        alone = list(generate(model, tokenizer, prompt, seed=number, **options))
        assert [step.token for step in steps] == [step.token for step in alone]
        assert [step.text for step in steps] == [step.text for step in alone]
        assert [step.finish for step in steps] == [step.finish for step in alone]
        np.testing.assert_allclose([step.logprob for step in steps], [step.logprob for step in alone], atol=1e-4)
    assert len({len(steps) for steps in rows}) > 1 or temperature, "one that ends early is the point"
    texts = ["".join(step.text for step in steps) for steps in rows]
    del options["top"]
    assert continuations(model, tokenizer, prompts, seeds=range(5), **options) == texts


def test_the_readers_agree(qwen3: Any) -> None:
    """The layers that danlu runs itself, against transformers' own forward."""
    assert isinstance(reader_of(qwen3), StaticReader)
    rows = [[1, 200, 201, 202, 203], [1, 300], [1]]
    own, theirs = StaticReader(qwen3), CacheReader(qwen3)
    with torch.inference_mode():
        np.testing.assert_allclose(own.start(rows, 12), theirs.start(rows, 12), atol=1e-4)
        for reader in (own, theirs):
            reader.keep([0, 2])
        for tokens in ([120, 130], [140, 150]):
            np.testing.assert_allclose(own.step(tokens), theirs.step(tokens), atol=1e-4)


def test_grouped_heads_are_read_too(tokenizer: Any) -> None:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        head_dim=16, intermediate_size=48, max_position_embeddings=48, tie_word_embeddings=False,
    )  # fmt: skip
    model = Qwen3ForCausalLM(config).eval()
    with torch.inference_mode():
        expected = model(torch.tensor([[1, 200, 201]])).logits[0, -1]
        np.testing.assert_allclose(StaticReader(model).start([[1, 200, 201]], 3)[0], expected, atol=1e-4)


def test_the_seed_decides(gpt2: Any, tokenizer: Any) -> None:
    def tokens(seed: int) -> list[int]:
        return [step.token for step in generate(gpt2, tokenizer, "A", max_tokens=16, seed=seed, ends=())]

    assert tokens(1) == tokens(1)
    assert tokens(1) != tokens(2)


@pytest.mark.parametrize("seed", range(6))
def test_text_is_always_valid(gpt2: Any, qwen3: Any, tokenizer: Any, seed: int) -> None:
    for model in (gpt2, qwen3):
        steps = list(generate(model, tokenizer, "丹", max_tokens=60, temperature=1.5, seed=seed, ends=()))
        text = "".join(step.text for step in steps)
        assert "\ufffd" not in text
        data = b"".join(pieces_of(tokenizer).data[step.token] for step in steps)
        assert text == data.decode("utf-8", "ignore"), "only half a character at the end may be missing"
        assert not any(step.token < 110 for step in steps), "special tokens are no text"


def test_the_context_moves_on_when_it_is_full(qwen3: Any, tokenizer: Any) -> None:
    steps = list(generate(qwen3, tokenizer, "火" * 100, max_tokens=120, seed=1, ends=()))
    assert len(steps) == 120
    assert [step.finish for step in steps[:-1]] == [None] * 119
    assert steps[-1].finish == "length"


def test_an_end_beyond_the_vocabulary_ends_nothing(gpt2: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = end_ids(gpt2, tokenizer)
    monkeypatch.setattr(gpt2.config, "eos_token_id", [50256, *expected])
    assert end_ids(gpt2, tokenizer) == expected
    assert len(list(generate(gpt2, tokenizer, "The", max_tokens=4))) >= 1


def test_an_end_of_text_stops(gpt2: Any, tokenizer: Any) -> None:
    free = [s.token for s in generate(gpt2, tokenizer, "The", max_tokens=10, temperature=0, ends=(), valid_utf8=False)]
    steps = list(generate(gpt2, tokenizer, "The", max_tokens=10, temperature=0, ends=(free[4], EOS_ID), valid_utf8=False))
    assert steps[-1].finish == "stop"
    assert steps[-1].token == free[4]


def test_a_stop_text_ends_and_is_not_part_of_the_text(gpt2: Any, tokenizer: Any) -> None:
    whole = "".join(step.text for step in generate(gpt2, tokenizer, "The", max_tokens=40, seed=5, ends=()))
    stop = whole[8:11]
    steps = list(generate(gpt2, tokenizer, "The", max_tokens=40, seed=5, ends=(), stop=[stop]))
    assert "".join(step.text for step in steps) == whole[: whole.index(stop)]
    assert steps[-1].finish == "stop"


@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=3), max_size=3), st.integers(1, 5))
@settings(max_examples=200, deadline=None)
def test_a_stream_gives_what_the_whole_would(text: str, stops: list[str], size: int) -> None:
    text = text.encode("utf-8", "replace").decode()
    data = text.encode()
    stream = TextStream(stops)
    given_out = [stream.feed(data[start : start + size]) for start in range(0, len(data), size)]
    found = [text.index(stop) for stop in stops if stop in text]
    if not found:
        assert "".join(given_out) + stream.finish() == text
    else:  # a stream stops at the stop text that is complete first; the whole cannot say more than that
        ends = min(text.index(stop) + len(stop) for stop in stops if stop in text)
        assert stream.stopped
        assert text.startswith("".join(given_out))
        assert not any(stop in "".join(given_out) for stop in stops)
        assert len("".join(given_out)) <= ends
    assert stream.finish() == "" or not stream.stopped


@given(st.lists(st.binary(max_size=5), min_size=1, max_size=6))
@settings(max_examples=300, deadline=None)
def test_the_automaton_knows_utf8(chunks: list[bytes]) -> None:
    states = following_states(chunks)
    state = START
    for index in range(len(chunks)):
        state = int(states[state, index])
    data = b"".join(chunks)
    try:
        data.decode("utf-8")
        assert state == START
    except UnicodeDecodeError as error:
        unfinished = error.reason == "unexpected end of data"
        assert state not in (START, DEAD) if unfinished else state == DEAD


def test_the_automaton_takes_every_character() -> None:
    table = utf8_automaton()
    for point in [*range(0, 0xD800, 37), *range(0xE000, 0x110000, 997), 0x10FFFF, 0xFFFF, 0x7FF, 0x800, 0x10000]:
        state = START
        for byte in chr(point).encode():
            state = int(table[state, byte])
        assert state == START


def test_sampling_follows_transformers_warpers() -> None:
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    logits = torch.randn(50, generator=torch.Generator().manual_seed(0)) * 2
    warped = logits[None]
    for step in (TemperatureLogitsWarper(0.8), TopKLogitsWarper(20), TopPLogitsWarper(0.7)):
        warped = step(None, warped)
    expected = torch.softmax(warped[0], -1).numpy()
    generator = torch.Generator().manual_seed(1)
    draws = np.bincount([choose(logits, 0.8, 0.7, 20, generator) for _ in range(4000)], minlength=50) / 4000
    assert set(np.flatnonzero(draws)) <= set(np.flatnonzero(expected))
    assert np.abs(draws - expected).max() < 0.03
    assert choose(logits, 0, 1, 0, generator) == int(logits.argmax())


def test_bytes_of_tokens_add_up(tokenizer: Any) -> None:
    data = pieces_of(tokenizer).data
    for text in ("丹炉里的火 burns, Café 😀 𠮷!", "a\n\tb  c"):
        assert b"".join(data[index] for index in tokenizer(text, add_special_tokens=False)["input_ids"]).decode() == text
