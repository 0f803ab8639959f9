"""A nano encoder, a dataset in two languages whose labels can be learned, and a way to run the stage."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from danlu.models.build import build_config, build_model
from danlu.models.files import save_model
from danlu.recipe.finetune import FinetuneConfig
from danlu.recipe.pretrain import ModelConfig
from danlu.tokens.files import write_tokenizer
from danlu.tokens.special import SPECIAL
from danlu.workspace.artifact import Artifact
from danlu.workspace.digest import digest_bytes
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run

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
    return Artifact("pretrain", "key", path)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return write_dataset(tmp_path_factory.mktemp("data") / "dataset", make_rows(600))


@pytest.fixture(scope="session")
def starts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    folder = tmp_path_factory.mktemp("starts")
    make_tokenizer(folder / "tokenizer", [row["text"] for row in make_rows(300)])
    pairs = [("modern", "bert"), ("classic", "bert"), ("modern", "gpt"), ("classic", "gpt")]
    return {
        f"{preset}-{family}": make_start(folder / f"{preset}-{family}", folder / "tokenizer", family, preset)
        for preset, family in pairs
    }


Stage = Callable[..., Run]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    from danlu.finetune.stage import finetune

    def call(dataset: Artifact, start: Artifact | None, folder: str = "out", **keys: Any) -> Run:
        output = tmp_path / folder
        output.mkdir(exist_ok=True)
        config = FinetuneConfig.model_validate({"from": "start", "dataset": "made", "length": 48, **keys})
        run = Run(
            stage="finetune", output=output, ledger=Ledger(output / "ledger.sqlite", "finetune"), base=tmp_path, threads=1
        )
        finetune(dataset, start, config=config, run=run)
        return run

    return call
