"""Minimal pairs and pseudo-log-likelihoods against loops that read one text at a time."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from danlu.inference.choices import choice_nats
from danlu.inference.load import Loaded, load_for
from danlu.inference.pairs import Pair, score_pairs
from danlu.inference.pseudo import code_words, pseudo_nats
from danlu.inference.words import word_numbers
from danlu.metrics.measure import items_of
from danlu.tokens.special import BOS_ID, CLS_ID, MASK_ID, SEP_ID
from danlu.workspace.errors import DanluError

PAIRS = [
    Pair("The old man tends the fire.", "The old man tend the fire."),
    Pair("丹炉里的火烧了七天七夜。", "丹炉里的火烧七天七夜了。"),
    Pair("😀 is naïve", "😀 are naïve"),
    Pair("The fire", "The fire burns day and night, and the old man"),  # one begins the other
    Pair("这本书写得真好", "The same 𠮷"),  # nothing shared
]


def alone(model: Any, row: list[int]) -> float:
    """lm-eval's formula on one sentence: the sum of the log-probabilities of its tokens after BOS."""
    with torch.no_grad():
        logs = model(torch.tensor([[BOS_ID, *row]])).logits[0].double().log_softmax(-1)
    return sum(float(logs[place, token]) for place, token in enumerate(row))


@pytest.mark.parametrize("name", ["gpt2", "qwen3", "llama"])
def test_pairs_equal_reading_each_sentence_alone(name: str, tokenizer: Any, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    loaded = Loaded("clm", model, tokenizer, name)
    found = score_pairs(loaded, PAIRS)
    for pair, logs, counts in zip(PAIRS, found.logs, found.tokens, strict=True):
        rows = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in (pair.good, pair.bad)]
        np.testing.assert_allclose(logs, [alone(model, row) for row in rows], atol=1e-4)
        assert counts.tolist() == [len(row) for row in rows]
    order = [3, 1, 0, 4, 2]
    for budget in (1, 40, 10_000):  # batch size, padding and order move nothing
        other = score_pairs(loaded, [PAIRS[index] for index in order], batch_tokens=budget)
        np.testing.assert_allclose(other.logs, found.logs[order], atol=1e-4)


def _scored(folder: str, pairs: list[Pair]) -> list[list[float]]:
    """What a process of its own gives."""
    scored: list[list[float]] = score_pairs(load_for(Path(folder)), pairs).logs.tolist()
    return scored


def test_the_number_of_processes_and_threads_moves_nothing(tmp_path: Path, qwen3: Any, tokenizer: Any) -> None:
    qwen3.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    whole = score_pairs(Loaded("clm", qwen3, tokenizer, "m"), PAIRS).logs
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = pool.submit(_scored, str(tmp_path), PAIRS[2:])
        here = score_pairs(Loaded("clm", qwen3, tokenizer, "m"), PAIRS[:2]).logs
        np.testing.assert_allclose(np.concatenate((here, there.result())), whole, atol=1e-4)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3 - min(threads, 2))
        np.testing.assert_allclose(score_pairs(Loaded("clm", qwen3, tokenizer, "m"), PAIRS).logs, whole, atol=1e-4)
    finally:
        torch.set_num_threads(threads)


def test_choices_may_be_many_few_empty_or_long(qwen3: Any) -> None:
    random = np.random.default_rng(0)
    stem = random.integers(110, 400, 20)
    items = [
        [np.concatenate((stem, random.integers(110, 400, size))) for size in (1, 5, 0, 9)],
        [stem], [stem[:0], stem], [], [np.concatenate((stem, stem, stem)), stem],
    ]  # fmt: skip
    seen: list[int] = []
    found = choice_nats(qwen3, items, bos=BOS_ID, advance=seen.append)
    assert sum(seen) == len(items) - 1  # an item without choices is no work
    assert [[len(nats) for nats in row] for row in found] == [[len(choice) for choice in row] for row in items]
    for row, choices in zip(found[:3], items[:3], strict=True):
        for nats, choice in zip(row, choices, strict=True):
            assert -nats.sum() == pytest.approx(alone(qwen3, choice.tolist()), abs=1e-4)
    assert -found[4][1].sum() == pytest.approx(alone(qwen3, stem.tolist()), abs=1e-4)  # beside one longer than the context
    assert np.isfinite(found[4][0]).all()


def test_a_class_that_cannot_share_gives_the_same(qwen3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    stem = random.integers(110, 400, 12)
    items = [[np.append(stem, random.integers(110, 400, 3)) for _ in range(2)] for _ in range(4)]
    shared = choice_nats(qwen3, items, bos=BOS_ID)
    monkeypatch.setattr("danlu.inference.choices.SHARING", ())
    plain = choice_nats(qwen3, items, bos=BOS_ID)
    np.testing.assert_allclose(np.array(shared), np.array(plain), atol=1e-4)


@pytest.mark.parametrize("name", ["bert", "modernbert", "roberta"])
def test_pseudo_likelihood_masks_the_rest_of_the_word(name: str, tokenizer: Any, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    texts = ["The furnace burns", "老人守在旁边 naïve 𠮷", "", "careless " * 40]
    found = pseudo_nats(model, tokenizer, texts)
    for text, nats in zip(texts[:2], found[:2], strict=True):
        coded = code_words(tokenizer, text)
        assert max(np.bincount(coded.words)) > 1, "no word of several tokens: the test shows nothing"
        expected = []
        for place, token in enumerate(coded.ids):
            row = list(coded.ids)
            for later in range(place, len(row)):
                if coded.words[later] == coded.words[place]:
                    row[later] = MASK_ID
            with torch.no_grad():
                logs = model(torch.tensor([[CLS_ID, *row, SEP_ID]])).logits[0, 1 + place].log_softmax(-1)
            expected.append(-float(logs[token]))
        np.testing.assert_allclose(nats, expected, atol=1e-4)
    assert len(found[2]) == 0
    assert len(found[3]) > 48, "longer than the context"
    assert np.isfinite(found[3]).all()
    scores = score_pairs(Loaded("mlm", model, tokenizer, name), PAIRS[:2])
    np.testing.assert_allclose(scores.logs[0, 1], -pseudo_nats(model, tokenizer, [PAIRS[0].bad])[0].sum(), atol=1e-4)


def test_words_are_the_pretokenizers_and_single_tokens_of_han() -> None:
    text = "the souvenir 老人𠮷"
    spans = [(0, 3), (3, 8), (8, 12), (13, 15), (15, 16), (15, 16)]  # the last character in two tokens
    assert word_numbers(text, [0, 1, 1, 2, 2, 2], spans) == [0, 1, 1, 2, 3, 3]
    assert word_numbers(text, [0, None, None], [(0, 3), (3, 4), (4, 5)]) == [0, 1, 2]
    assert word_numbers("", [], []) == []


def test_the_accuracy_counts_likelier_sentences(gpt2: Any, tokenizer: Any) -> None:
    same = Pair("The fire", "The fire")
    scores = score_pairs(Loaded("clm", gpt2, tokenizer, "m"), [*PAIRS, same])
    items = items_of("pair_accuracy", scores.logs[:, 0], scores.logs[:, 1])
    assert items.value() == pytest.approx(np.mean(scores.logs[:, 0] > scores.logs[:, 1]))
    assert scores.logs[-1, 0] == scores.logs[-1, 1], "equal sentences are equally likely, and not right"
    assert scores.as_long.tolist() == [bool(a == b) for a, b in scores.tokens]
    assert np.isnan(items_of("pair_accuracy", [np.nan], [0.0]).value())


def test_other_models_and_tokenizers_say_what_is_missing(classifiers: dict[str, Any], tokenizer: Any) -> None:
    with pytest.raises(DanluError) as caught:
        score_pairs(Loaded("classification", classifiers["bert"], tokenizer, "m"), PAIRS)
    assert caught.value.key == "inference.no-likelihood"
