"""A small tokenizer of Chinese and English."""

from __future__ import annotations

from pathlib import Path

import pytest

from danlu.tokenize.kinds import train_tokenizer
from danlu.tokens.files import TOKENIZER, tokenizer_text

TEXTS = (
    "The cat sat on the mat, and the dog didn't. It's 3.5% of 12345 things!\n\nI'll go.",
    "今天的天气很好，我们去公园散步。公园里有很多人在散步，天气真好！\n一九九八年，Ａ股上涨３％。",
    'She said: "the weather is good today" and we\'re going to the park -- again and again.',
    "我们去看电影，电影很好看。中文和 English 混在一起，也没有问题。",
)


@pytest.fixture(scope="session")
def tokenizer_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tokenizer")
    (directory / TOKENIZER).write_text(tokenizer_text(train_tokenizer(iter(TEXTS * 5), 512)), encoding="utf-8")
    return directory
