"""Token stores of made text in two languages, and a tokenizer for them."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from danlu.tokens.files import tokenizer_digest, write_tokenizer
from danlu.tokens.special import SPECIAL
from danlu.tokens.store import TokenBatch, write_store
from danlu.workspace.artifact import Artifact

ENGLISH = "the old man walks slowly to a small river and his dog follows him through tall grass"
CHINESE = "老人 慢慢 走到 河边 一条 小狗 跟着 他 穿过 草地 ， 。"


def make_texts(count: int, seed: int = 0) -> list[str]:
    """Sentences of a few words each, every second one Chinese."""
    generator = random.Random(seed)
    texts = []
    for number in range(count):
        words, space = ((ENGLISH, " "), (CHINESE, ""))[number % 2]
        texts.append(space.join(generator.choices(words.split(), k=generator.randint(5, 60))))
    return texts


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    path = tmp_path_factory.mktemp("tokenizer")
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512, special_tokens=list(SPECIAL), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    backend.train_from_iterator(make_texts(400), trainer)
    backend.save(str(path / "tokenizer.json"))
    write_tokenizer(path, path, "gpt")
    return Artifact("tokenize.train", "key", path)


@pytest.fixture(scope="session")
def tokens(tokenizer: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    path = tmp_path_factory.mktemp("tokens")
    backend = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    for name, count, seed in (("train", 600, 1), ("holdout", 60, 2)):
        write(path / name, backend, make_texts(count, seed), tokenizer_digest(tokenizer.path))
    return Artifact("tokenize.encode", "key", path)


def write(path: Path, backend: Tokenizer, texts: list[str], digest: str) -> None:
    ids = [np.array(backend.encode(text).ids, np.int64) for text in texts]
    batch = TokenBatch(
        np.concatenate(ids) if ids else np.empty(0, np.int64), np.array([len(each) for each in ids], np.int64),
        np.zeros(len(ids), np.int64), np.arange(len(ids)) % 2, np.array([len(text.encode()) for text in texts], np.int64),
    )  # fmt: skip
    write_store(path, [batch], vocabulary=512, sources=["made"], languages=["en", "zh-Hans"], tokenizer_digest=digest)
