from __future__ import annotations

from pathlib import Path

import pytest

from danlu.recipe.load import load_recipe, recipe_from
from danlu.recipe.schema import Recipe
from danlu.workspace.errors import RecipeError

RECIPES = Path(__file__).parents[2] / "recipes"
GOOD = """
name: small
datasets:
  mood: {sources: [{type: files, path: rows.csv, label: label}]}
collect:
  sources: [{type: files, path: texts}]
pretrain:
  bert: {model: {family: bert}, objective: mlm, budget: 2h}
finetune:
  mood: {from: bert, dataset: mood}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", sorted(path.name for path in RECIPES.glob("*.yaml")))
def test_shipped_recipes_are_valid(name: str) -> None:
    assert load_recipe(RECIPES / name).recipe.name


def test_units_and_defaults(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, GOOD)).recipe
    assert recipe.pretrain["bert"].budget.unit == "seconds"
    assert recipe.pretrain["bert"].budget.amount == 7200
    assert recipe.finetune["mood"].start == "bert"
    assert recipe.collect is not None
    assert recipe.collect.holdout.bytes == 1_000_000


@pytest.mark.parametrize(
    ("budget", "unit", "amount"),
    [
        ("10m", "seconds", 600),
        ("90s", "seconds", 90),
        ("20M tokens", "tokens", 2e7),
        ("3 epochs", "epochs", 3),
        ("500 steps", "steps", 500),
    ],
)
def test_budgets(tmp_path: Path, budget: str, unit: str, amount: float) -> None:
    loaded = load_recipe(write(tmp_path, GOOD), [f"pretrain.bert.budget={budget}"])
    assert (loaded.recipe.pretrain["bert"].budget.unit, loaded.recipe.pretrain["bert"].budget.amount) == (unit, amount)


@pytest.mark.parametrize(
    ("text", "key", "line", "words"),
    [
        (GOOD.replace("objective: mlm", "objectve: mlm"), "recipe.unknown-key", 8, "objective"),
        (GOOD.replace("datasets:", "dataset:"), "recipe.unknown-key", 3, "datasets"),
        (GOOD.replace("{type: files, path: texts}", "{type: files, pth: texts}"), "recipe.unknown-key", 6, "path"),
        (GOOD.replace("budget: 2h", "budget: soon"), "recipe.wrong-value", 8, "20M tokens"),
        (GOOD.replace("budget: 2h", "length: many"), "recipe.wrong-value", 8, "length"),
        (GOOD.replace("type: files, path: texts", "type: fils, path: texts"), "recipe.wrong-value", 6, "files"),
        (GOOD.replace("from: bert, ", ""), "recipe.missing-key", None, "finetune.mood.from"),
        (GOOD.replace("dataset: mood", "dataset: moods"), "recipe.inconsistent", None, "moods"),
        (GOOD + "name: again\n", "recipe.twice", 11, "name"),
        ("name: [", "recipe.syntax", None, "YAML"),
        ("- a\n- b\n", "recipe.not-a-mapping", None, "keys and values"),
    ],
)
def test_wrong_recipes_say_key_line_and_remedy(tmp_path: Path, text: str, key: str, line: int | None, words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, text))
    assert caught.value.key == key
    parts = caught.value.explain("en")
    assert words in " ".join(parts.values())
    assert parts["remedy"]
    if line is not None:
        assert parts["where"].endswith(f":{line}")
    assert caught.value.explain("zh")["what"] != parts["what"]


def test_missing_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such recipe"):
        load_recipe(tmp_path / "none.yaml")


def test_overrides_reach_lists_and_new_keys(tmp_path: Path) -> None:
    loaded = load_recipe(write(tmp_path, GOOD), ["collect.sources.0.language=en", "clean.rules.min_words=5", "seed=3"])
    assert loaded.recipe.collect is not None
    assert loaded.recipe.collect.sources[0].language == "en"  # type: ignore[union-attr]
    assert loaded.recipe.clean.rules == {"min_words": 5}
    assert loaded.recipe.seed == 3


@pytest.mark.parametrize("override", ["seed", "=3", "collect.sources.9.language=en", "name=[", "name.x.y=1"])
def test_wrong_overrides(tmp_path: Path, override: str) -> None:
    with pytest.raises(RecipeError):
        load_recipe(write(tmp_path, GOOD), [override])


def test_hours_are_spread_over_the_pretrainings() -> None:
    recipe = load_recipe(RECIPES / "quickstart.yaml", hours=8).recipe
    assert {config.budget.amount for config in recipe.pretrain.values()} == {8 * 3600 * 0.9 / 2}
    assert {config.model.size for config in recipe.pretrain.values()} == {"small"}


def test_every_key_has_a_sentence() -> None:
    """Every leaf of the schema says what it is, for editors and for `danlu schema`."""
    schema = Recipe.model_json_schema()
    for name, definition in schema["$defs"].items():
        assert definition.get("description"), name


def test_recipe_from_data(tmp_path: Path) -> None:
    loaded = recipe_from(
        {"name": "x", "collect": {"sources": [{"type": "files", "path": "a"}]}}, tmp_path, ["tokenize.vocabulary=600"]
    )
    assert loaded.recipe.tokenize.vocabulary == 600
    assert "vocabulary: 600" in loaded.text
