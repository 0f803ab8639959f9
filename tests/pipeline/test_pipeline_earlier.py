"""What a stage may go on from: artifacts that differ in the keys which say how far it goes, and in nothing else."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from danlu.pipeline.earlier import earlier_artifacts
from danlu.pipeline.graph import Node, stages
from danlu.recipe.pretrain import PretrainConfig
from danlu.workspace.artifact import Artifact, Workspace

NOW = {"versions": {"torch": "2"}, "machine": {"processor": "P", "cores": 2, "gpu": None}}
BASE = {"model": {"family": "gpt"}, "objective": "clm", "budget": "20 steps"}
EXTERNAL = {"code:goal.py": "a" * 64}


def make_node(**changes: Any) -> Node:
    config = PretrainConfig.model_validate({**BASE, **changes})
    inputs = {"tokens": "tokenize.encode", "tokenizer": "tokenize.train"}
    return Node("pretrain.gpt.trunk", stages()["pretrain.trunk"], config, "gpt", inputs)


def publish(workspace: Workspace, stage: str, key: str, content: str, **manifest: Any) -> Artifact:
    partial = workspace.partial(stage, key)
    partial.mkdir()
    (partial / "data").write_text(content, encoding="utf-8")
    return workspace.publish(stage, key, manifest)


@pytest.fixture
def place(tmp_path: Path) -> tuple[Workspace, dict[str, Artifact], Artifact]:
    """A workspace with tokens, a tokenizer and a trunk from them."""
    workspace = Workspace(tmp_path / "w")
    workspace.create()
    done = {name: publish(workspace, name, "1" * 16, name) for name in ("tokenize.encode", "tokenize.train")}
    inputs = {argument: done[str(name)].path.name for argument, name in make_node().inputs.items()}
    config = make_node().config.identity()
    made = publish(
        workspace, "pretrain.trunk", "2" * 16, "trunk", node="pretrain.other.trunk", version=make_node().stage.version,
        config=config, seed=0, inputs=inputs, external=EXTERNAL, **NOW,
    )  # fmt: skip
    return workspace, done, made


def found(place: tuple[Workspace, dict[str, Artifact], Artifact], node: Node, seed: int = 0, **changes: Any) -> list[Path]:
    values = {"external": EXTERNAL, "now": NOW, "done": place[1], **changes}
    return list(earlier_artifacts(node, place[0], seed=seed, **values))


@pytest.mark.parametrize("changes", [{}, {"budget": "2h"}, {"decay": 0.1, "warmup": "9 steps", "budget": "90 steps"}])
def test_how_far_it_goes_may_differ(place: Any, changes: dict[str, Any]) -> None:
    assert found(place, make_node(**changes)) == [place[2].path]


def test_nothing_else_may(place: Any) -> None:
    workspace, done, made = place
    assert found(place, make_node(length=64)) == []
    assert found(place, make_node(learning_rate=0.001)) == []
    assert found(place, make_node(), seed=1) == []
    assert found(place, make_node(), external={}) == []
    assert found(place, make_node(), now={**NOW, "versions": {"torch": "3"}}) == []
    assert found(place, make_node(), now={**NOW, "machine": {**NOW["machine"], "processor": "Q"}}) == []
    assert found(place, make_node(), now={**NOW, "machine": {**NOW["machine"], "cores": 8}}) == [made.path]
    other = publish(workspace, "tokenize.encode", "3" * 16, "other tokens")
    assert found(place, make_node(), done={**done, "tokenize.encode": other}) == []
    same = publish(workspace, "tokenize.encode", "4" * 16, "tokenize.encode")
    assert found(place, make_node(), done={**done, "tokenize.encode": same}) == [made.path], "the same payload by another key"
    node = make_node()
    assert found(place, replace(node, stage=replace(node.stage, version=node.stage.version + 1))) == []
    assert found(place, replace(node, stage=replace(node.stage, grows=()))) == []


def test_what_is_damaged_or_being_removed_is_passed_over(place: Any) -> None:
    workspace, _, made = place
    (made / "manifest.json").write_text(json.dumps({**made.manifest, "config": None}), encoding="utf-8")
    assert found(place, make_node()) == []
    (made / "manifest.json").unlink()
    assert found(place, make_node()) == []
    shutil.rmtree(workspace.artifacts)
    assert list(earlier_artifacts(replace(make_node(), inputs={}), workspace, {}, 0, EXTERNAL, NOW)) == []
