"""Documents and runs for the stages of `tokenize`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from danlu.documents.store import write_documents
from danlu.recipe.tokenize import TokenizeConfig
from danlu.workspace.artifact import Artifact
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run

ENGLISH = "The weather is good and the children play in the park. It wasn't {}, but we'll see {} of them again!"
CHINESE = "今天的天气很好，孩子们在公园里玩。第{}次来到这里，我们又见到了{}位朋友！"

Rows = list[dict[str, object]]
MakeDocuments = Callable[..., Artifact]
MakeRun = Callable[..., Run]


def row(number: int, language: str) -> dict[str, object]:
    text = (CHINESE if language.startswith("zh") else ENGLISH).format(number * 7919 % 10007, number)
    if number % 50 == 3:
        text = "" if number % 100 == 3 else text * 60
    return {
        "id": f"{number:032x}", "digest": hashlib.blake2b(text.encode(), digest_size=16).hexdigest(), "text": text,
        "source": f"source-{number % 3}", "url": "", "licence": "", "language": language, "created": "", "protected": False,
        "meta": "{}",
    }  # fmt: skip


@pytest.fixture
def rows() -> Rows:
    return [row(number, "zh-Hans" if number % 3 == 0 else "en") for number in range(600)]


@pytest.fixture
def make_documents(tmp_path: Path) -> MakeDocuments:
    def make(rows: Iterable[dict[str, object]], name: str = "documents", part_rows: int = 100, holdout: int = 30) -> Artifact:
        chosen = list(rows)
        write_documents(tmp_path / name / "documents", chosen[holdout:], part_rows=part_rows)
        write_documents(tmp_path / name / "holdout", chosen[:holdout], part_rows=part_rows)
        return Artifact("clean.decide", "key", tmp_path / name)

    return make


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    def make(stage: str, name: str) -> Run:
        output = tmp_path / name
        output.mkdir(exist_ok=True)
        return Run(stage=stage, output=output, ledger=Ledger(output / "ledger.sqlite", stage))

    return make


@pytest.fixture
def config() -> TokenizeConfig:
    return TokenizeConfig(vocabulary=600, sample=200_000)
