"""`vocabulary: auto`: the size is the rule's, counted again by hand."""

from __future__ import annotations

import json
import random
from collections import Counter
from functools import cache
from typing import Any, get_args

import pytest
from tokenizers import Tokenizer

from danlu.recipe.tokenize import LEAST, LEAST_WORDPIECE, Kind, TokenizeConfig
from danlu.tokenize.fitting import EXAMPLES, SHARE, SIZES, first_tokens, fitting_size
from danlu.tokenize.kinds import train_tokenizer
from danlu.tokenize.train import train
from danlu.tokens.files import tokenizer_text, vocabulary_of
from danlu.tokens.special import SPECIAL
from danlu.workspace.artifact import hash_payload
from danlu.workspace.progress import SilentProgress


class Heard(SilentProgress):
    def __init__(self) -> None:
        self.keys: list[str] = []

    def say(self, key: str, **parameters: object) -> None:
        self.keys.append(key)


def texts(words: int, lines: int) -> list[str]:
    """Lines of made-up words, falling like frequencies of words."""
    generator = random.Random(1)
    names = ["".join(generator.choices("abcdefghijklmnoprstu", k=generator.randint(2, 7))) for _ in range(words)]
    weights = [1 / rank for rank in range(1, words + 1)]
    return [" ".join(generator.choices(names, weights, k=20)) for _ in range(lines)]


def used(content: dict[str, Any], lines: list[str]) -> list[int]:
    """How often each learned token occurs, in plain Python."""
    tokenizer = Tokenizer.from_str(tokenizer_text({**content, "added_tokens": []}))
    counts = Counter(token for encoding in tokenizer.encode_batch(lines) for token in encoding.tokens)
    learned = [name for name in list(vocabulary_of(content))[len(SPECIAL) :] if len(name.removeprefix("##")) > 1]
    return [counts[name] for name in learned]


@pytest.mark.parametrize("kind", ["bpe", "wordpiece"])
@pytest.mark.parametrize("size", [768, 1024])
def test_first_tokens_are_a_smaller_training(kind: Kind, size: int) -> None:
    lines = texts(3000, 3000)
    small, large = (train_tokenizer(iter(lines), most, kind) for most in (size, 2048))
    assert first_tokens(large, size)["model"] == small["model"]


def test_first_tokens_of_unigram_are_the_likeliest() -> None:
    content = train_tokenizer(iter(texts(3000, 3000)), 1000, "unigram")
    smaller = first_tokens(content, 600)["model"]["vocab"]
    assert len(smaller) == 600
    left = dict(map(tuple, content["model"]["vocab"][600:]))
    assert left
    assert max(left.values()) <= min(score for name, score in smaller[len(SPECIAL) :] if len(name) > 1)
    assert all(len(name) > 1 for name in left)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_largest_size_that_is_taught(kind: Kind) -> None:
    lines = texts(3000, 4000)
    content = train_tokenizer(iter(lines), 4096, kind)
    size = sum(len(line.encode()) for line in lines)
    least = LEAST_WORDPIECE if kind == "wordpiece" else LEAST
    told = {times: fitting_size(content, {"en": lines}, {"en": times * size}, least) for times in (2, 6, 40)}
    found = {times: size for times, (size, _) in told.items()}
    assert found[2] <= found[6] <= found[40]
    assert kind != "bpe" or found[2] < found[40]
    counts = cache(lambda size: used(first_tokens(content, size), lines))

    def taught(size: int, times: int) -> float:
        return sum(count * times >= EXAMPLES for count in counts(size)) / len(counts(size))

    for times, chosen in found.items():
        reached = taught(chosen, times)
        assert told[times][1] == pytest.approx(reached)
        assert chosen == least or reached >= SHARE
        larger = SIZES[SIZES.index(chosen) + 1]
        if larger <= len(vocabulary_of(content)):
            assert taught(larger, times) < SHARE


@pytest.mark.parametrize("kind", get_args(Kind))
def test_stage(kind: Kind, rows: Any, make_documents: Any, make_run: Any) -> None:
    config = TokenizeConfig(type=kind, vocabulary="auto", sample=200_000)
    payloads = []
    for name in ("one", "two"):
        run = make_run("tokenize.train", name)
        run.progress = heard = Heard()
        train(make_documents(rows, name), config=config, run=run)
        payloads.append(hash_payload(run.output))
    assert payloads[0] == payloads[1]
    facts = json.loads((run.output / "facts.json").read_text(encoding="utf-8"))
    assert facts["vocabulary"] in SIZES or (kind == "unigram" and facts["vocabulary"] < LEAST)  # this little text has no more
    reached = facts["rule"].pop("reached")
    assert facts["rule"] == {"share": SHARE, "examples": EXAMPLES}
    assert ("tokenize.fitting-least" if reached < SHARE else "tokenize.fitting") in heard.keys
