"""What the tests of the stages `dataset` and `collect` share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from danlu.collect import locate
from danlu.collect.dataset import build_dataset
from danlu.collect.stage import collect
from danlu.recipe.collect import CollectConfig
from danlu.recipe.datasets import DatasetConfig
from danlu.workspace.artifact import Artifact, hash_payload
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run


def make_run(base: Path, stage: str, name: str, options: dict[str, Any] | None, runs: list[Run] | None) -> Run:
    """A run below `base/out/NAME`; `runs` gets it, for tests that look at what it was told."""
    output = base / "out" / name
    output.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(output / "ledger.sqlite", stage)
    run = Run(stage=stage, output=output, ledger=ledger, name=Path(name).name, base=base, **(options or {}))
    if runs is not None:
        runs.append(run)
    return run


@pytest.fixture
def run_dataset(tmp_path: Path) -> Callable[..., Artifact]:
    """Build a dataset from sources, below `tmp_path/NAME`; relative paths start at `tmp_path`."""

    def build(
        sources: list[dict[str, Any]],
        name: str = "set",
        options: dict[str, Any] | None = None,
        runs: list[Run] | None = None,
        **more: Any,
    ) -> Artifact:
        run = make_run(tmp_path, "dataset", name, options, runs)
        output = run.output
        build_dataset(config=DatasetConfig.model_validate({"sources": sources, **more}), run=run)
        return Artifact("dataset", name, output)

    return build


@pytest.fixture
def run_collect(tmp_path: Path) -> Callable[..., Artifact]:
    """Collect sources, below `tmp_path/NAME`."""

    def build(
        sources: list[dict[str, Any]],
        name: str = "collect",
        datasets: dict[str, Artifact] | None = None,
        options: dict[str, Any] | None = None,
        runs: list[Run] | None = None,
        **more: Any,
    ) -> Artifact:
        run = make_run(tmp_path, "collect", name, options, runs)
        output = run.output
        collect(datasets or {}, config=CollectConfig.model_validate({"sources": sources, **more}), run=run)
        return Artifact("collect", name, output)

    return build


@pytest.fixture
def payload() -> Callable[[Artifact], str]:
    """One digest of all payload bytes of an artifact."""

    def compute(artifact: Artifact) -> str:
        return hashlib.sha256(json.dumps(hash_payload(artifact.path), sort_keys=True).encode()).hexdigest()

    return compute


@pytest.fixture
def some_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's documentation cut to some modules: parsing the whole library takes seconds."""
    names = {
        "asyncio", "email", "tkinter", "xml", "http", "logging", "importlib", "unittest", "json", "turtle", "mailbox", "typing",
        "pathlib", "random", "statistics", "decimal", "_pydecimal", "urllib", "pydoc_data", "concurrent", "configparser",
    }  # fmt: skip
    chosen = [(name, path) for name, path in locate.library_files() if name.partition("/")[0].removesuffix(".py") in names]
    monkeypatch.setattr(locate, "library_files", lambda: chosen)
