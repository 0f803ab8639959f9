"""Made data and nano models for the tests of fine-tuning."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from danlu.models.build import build_config, build_model
from danlu.models.files import save_model
from danlu.recipe.pretrain import ModelConfig
from danlu.tokens.files import write_tokenizer
from danlu.tokens.special import SPECIAL
from danlu.workspace.artifact import Artifact
from danlu.workspace.digest import digest_bytes
from danlu.workspace.run import Run

Stage = Callable[..., Run]
WORDS = {
    ("good", "en"): ["lovely", "moving", "funny"],
    ("bad", "en"): ["boring", "silly", "empty"],
    ("good", "zh-Hans"): ["好看", "感人", "精彩"],
    ("bad", "zh-Hans"): ["无聊", "难看", "空洞"],
}
FILLER = {
    "en": ["the", "film", "was", "a", "very", "long", "story", "of", "old", "men", "and", "their", "dogs"],
    "zh-Hans": list("这部电影讲的是老人和狗的故事我看了"),
}


def make_rows(count: int, seed: int = 0) -> list[dict[str, str]]:
    """Texts of filler with one telling word; every tenth is validation, the next one test."""
    generator = random.Random(seed)
    rows = []
    for number in range(count):
        label, language = ("good", "bad")[number % 2], ("en", "zh-Hans")[number // 2 % 2]
        words = generator.choices(FILLER[language], k=generator.randint(4, 14)) + [generator.choice(WORDS[label, language])]
        generator.shuffle(words)
        text = (" " if language == "en" else "").join(words) + f" {number}"
        split = {0: "validation", 1: "test"}.get(number // 4 % 5, "train")
        rows.append({
            "id": digest_bytes(str(number).encode()), "digest": digest_bytes(text.encode()), "text": text, "label": label,
            "language": language, "source": "made", "split": split, "dropped": "",
        })  # fmt: skip
    return rows


def write_dataset(path: Path, rows: list[dict[str, str]]) -> Artifact:
    path.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), path / "rows.parquet")
    return Artifact("dataset", "key", path)


def make_tokenizer(path: Path, texts: list[str]) -> None:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=560, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(texts, trainer)
    path.mkdir(parents=True)
    backend.save(str(path / "tokenizer.json"))


def make_start(path: Path, tokenizer: Path, family: Any, preset: Any) -> Artifact:
    """A pretraining artifact with an untrained nano model, whose residual branches are open."""
    config = build_config(ModelConfig(family=family, preset=preset, size="nano"), 560, 48, 0.1)
    write_tokenizer(tokenizer, path / "tokenizer", family, 48)
    save_model(build_model(config, 7), path / "model", path / "tokenizer", {})
    return Artifact("pretrain.decay", "key", path)
