"""A changed line of a user's file runs exactly the stages that use it again; without such files no key has changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from danlu.pipeline.graph import build_graph
from danlu.pipeline.keys import external_inputs
from danlu.recipe.load import load_recipe
from danlu.workspace.errors import RecipeError

FILES = {
    "src": "import shared\ndef read(options, place):\n    yield 'x'\n",
    "rule": "def loud(text, language):\n    return 0.0\nloud.direction = 'most'\n",
    "goal": "from shared import x\nclass Goal:\n    pass\n",
    "job": "TASK = None\n",
    "score": "def good(truth, predicted, probabilities):\n    return 1.0\n",
    "shared": "x = 1\n",
    "unused": "",
}
RECIPE = {
    "name": "own",
    "datasets": {"d": {"sources": [{"type": "custom", "read": "src:read"}]}},
    "collect": {"sources": [{"type": "custom", "read": "src:read"}]},
    "clean": {"rules": {"rule:loud": 0.2}},
    "pretrain": {
        "bert": {"model": {"family": "bert"}, "objective": "goal:Goal"},
        "gpt": {"model": {"family": "gpt"}, "objective": "clm"},
    },
    "finetune": {"f": {"from": "bert", "dataset": "d", "task": "job:TASK"}},
    "evaluate": {"models": ["bert", "f"], "metrics": ["score:good"]},
}
USES = {
    "src": {"dataset.d", "collect"},
    "rule": {"clean.score"},
    "goal": {"pretrain.bert.trunk", "pretrain.bert"},
    "job": {"finetune.f"},
    "score": {"evaluate.baselines", "evaluate.models"},
    "shared": {"dataset.d", "collect", "pretrain.bert.trunk", "pretrain.bert"},
    "unused": set(),
}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    path = tmp_path / "recipe.yaml"
    path.write_text(json.dumps(RECIPE), encoding="utf-8")
    return path


def outside(recipe: Path) -> dict[str, dict[str, str]]:
    """What each stage reads from outside, by its readable name."""
    loaded = load_recipe(recipe)
    return {name: external_inputs(node, loaded.base) for name, node in build_graph(loaded.recipe).items()}


def test_each_stage_names_the_files_it_runs(recipe: Path) -> None:
    found = outside(recipe)
    for name, users in USES.items():
        assert {stage for stage, parts in found.items() if f"code:{name}.py" in parts} == users
    assert {stage for stage, parts in found.items() if not parts} == {
        "clean.normalise", "clean.pairs", "clean.search", "clean.decide", "tokenize.train", "tokenize.encode",
        "pretrain.gpt.trunk", "pretrain.gpt",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_changed_line_changes_the_key_of_its_users_alone(recipe: Path, name: str) -> None:
    before = outside(recipe)
    with (recipe.parent / f"{name}.py").open("a", encoding="utf-8") as file:
        file.write("# another line\n")
    after = outside(recipe)
    assert {stage for stage in before if before[stage] != after[stage]} == USES[name]


def test_a_name_that_is_not_there_is_said_before_anything_runs(recipe: Path) -> None:
    (recipe.parent / "job.py").write_text("TSAK = None\n", encoding="utf-8")
    with pytest.raises(RecipeError) as error:
        outside(recipe)
    assert error.value.key == "extension.name-missing"
    assert "TSAK" in error.value.explain("zh")["cause"]


def test_a_recipe_without_own_code_reads_none(tmp_path: Path) -> None:
    plain = {
        "name": "plain",
        "datasets": {},
        "collect": {"sources": [{"type": "python-docs"}]},
        "clean": {"rules": {"letters": 0.3}},
    }
    path = tmp_path / "plain.yaml"
    path.write_text(json.dumps(plain), encoding="utf-8")
    assert not any(part.startswith("code:") for parts in outside(path).values() for part in parts)


def test_a_kept_recipe_finds_the_modules_from_any_folder(recipe: Path, tmp_path: Path) -> None:
    loaded = load_recipe(recipe)
    other = tmp_path / "runs"
    other.mkdir()
    (other / "recipe.yaml").write_text(loaded.text, encoding="utf-8")
    again = load_recipe(other / "recipe.yaml")
    assert again.base == loaded.base
    assert outside(other / "recipe.yaml") == outside(recipe)
    assert {n: node.config.identity() for n, node in build_graph(again.recipe).items()} == {
        n: node.config.identity() for n, node in build_graph(loaded.recipe).items()
    }
    assert load_recipe(other / "recipe.yaml").text == again.text


def test_modules_may_lie_in_a_folder_of_their_own(recipe: Path, tmp_path: Path) -> None:
    data = {**RECIPE, "code": "..", "collect": {"sources": [{"type": "files", "path": "texts"}]}}
    folder = tmp_path / "recipes"
    (folder / "texts").mkdir(parents=True)
    (folder / "texts" / "a.txt").write_text("a text", encoding="utf-8")
    (folder / "one.yaml").write_text(json.dumps(data), encoding="utf-8")
    found = outside(folder / "one.yaml")
    assert set(found["collect"]) == {"texts/a.txt"}
    assert set(found["clean.score"]) == {"code:rule.py"}
