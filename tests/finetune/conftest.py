"""A nano encoder, a dataset in two languages whose labels can be learned, and a way to run the stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from finetune_made import Stage, make_rows, make_start, make_tokenizer, write_dataset

from danlu.recipe.finetune import FinetuneConfig
from danlu.workspace.artifact import Artifact
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run


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
