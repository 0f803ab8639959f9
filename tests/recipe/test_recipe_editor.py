"""The JSON Schema of a recipe agrees with what danlu takes and refuses, and says something of every key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from json_schema_made import problems

from danlu.recipe.editor import chinese, recipe_schema
from danlu.recipe.load import load_recipe
from danlu.workspace.errors import RecipeError

RECIPES = Path(__file__).parents[2] / "recipes"
GOOD = """
name: small
datasets:
  mood: {sources: [{type: files, path: rows.csv, label: label}], most_train: 10}
collect:
  sources: [{type: files, path: texts}, {type: dataset, dataset: mood}]
  holdout: {bytes: 2MB}
pretrain:
  bert: {model: {family: bert}, objective: mlm, budget: 2h}
  gpt: {model: {family: gpt}, objective: clm, budget: {amount: 5, unit: steps}}
finetune:
  mood: {from: bert, dataset: mood, labels: [5], learning_rate: 0.001}
evaluate: {models: [bert, mood]}
"""


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return recipe_schema()


def accepted(text: str, tmp_path: Path) -> bool:
    """Whether danlu takes a recipe."""
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    try:
        load_recipe(tmp_path / "recipe.yaml")
    except RecipeError:
        return False
    return True


@pytest.mark.parametrize("name", sorted(path.name for path in RECIPES.glob("*.yaml")))
def test_shipped_recipes_fit(schema: dict[str, Any], name: str) -> None:
    assert list(problems(schema, yaml.safe_load((RECIPES / name).read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("name", sorted(path.name for path in RECIPES.glob("*.yaml")))
def test_shipped_recipes_fit_by_the_reference_checker(schema: dict[str, Any], name: str) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="the jsonschema package is not installed")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load((RECIPES / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: small", "name: small\nsed: 1", "no key sed"),
        ("name: small\n", "", "name is missing"),
        ("name: small", "name: Small", "does not match"),
        ("objective: mlm", "objectve: mlm", "no key objectve"),
        ("objective: mlm, ", "", "objective is missing"),
        ("from: bert", "start: bert", "from is missing"),
        ("budget: 2h", "budget: soon", "none of the choices"),
        ("budget: 2h", "budget: 3M s", "none of the choices"),
        ("budget: 2h", "warmup: 1.5", "none of the choices"),
        ("budget: 2h", "warmup: 3 epochs", "none of the choices"),
        ("bytes: 2MB", "bytes: 2XB", "none of the choices"),
        ("bytes: 2MB", "bytes: -2", "none of the choices"),
        ("unit: steps", "unit: stops", "none of the choices"),
        ("type: files, path: texts", "type: fils, path: texts", "none of the choices"),
        ("type: files, path: texts", "type: files, pth: texts", "none of the choices"),
        ("type: dataset, dataset: mood", "type: dataset", "none of the choices"),
        ("labels: [5]", "labels: [0]", "out of bounds"),
        ("labels: [5]", "labels: 5", "not array"),
        ("learning_rate: 0.001", "learning_rate: 2", "none of the choices"),
        ("most_train: 10", "most_train: ten", "none of the choices"),
        ("  bert: {model", "  be/rt: {model", "does not match"),
        ("evaluate: {", "evaluate: {confidence: 1, ", "none of the choices"),
    ],
)
def test_what_danlu_refuses_does_not_fit(schema: dict[str, Any], tmp_path: Path, old: str, new: str, words: str) -> None:
    assert list(problems(schema, yaml.safe_load(GOOD))) == []
    assert accepted(GOOD, tmp_path)
    text = GOOD.replace(old, new)
    assert text != GOOD
    assert words in "\n".join(problems(schema, yaml.safe_load(text)))
    if new != "start: bert":  # the name in Python, which is taken too but not shown
        assert not accepted(text, tmp_path)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("extends: base.yaml\n", True),
        ("extends: [a.yaml, b.yaml]\nfinetune: {mood: null}\npretrain: {bert: {length: 64}}\n", True),
        ("extends: base.yaml\nevaluate: null\ndatasets: {mood: {split: {test: 0.2}}}\nvariants: {long: null}\n", True),
        ("extends: base.yaml\nsed: 1\n", False),
        ("extends: base.yaml\npretrain: {bert: {lenght: 64}}\n", False),
        ("extends: base.yaml\npretrain: {bert: {length: 3}}\n", False),
        ("extends: base.yaml\ncollect: {sources: [{type: files}]}\n", False),  # lists are whole
        ("extends: 3\n", False),
        ("extends: base.yaml\npretrain: {bert: {warmup: 20 steps}, gpt: {warmup: 0.1}}\n", True),
        ("name: a\nvariants: {long: {seed: 1, pretrain: {bert: {budget: 1h}, gpt: null}}}\n", True),
        ("name: a\nvariants: {long: {sed: 1}}\n", False),
        ("name: a\nvariants: {long: {extends: b.yaml}}\n", False),
        ("name: a\nvariants: {long: null}\n", False),
        ("name: a\npretrain: {bert: null}\n", False),
    ],
)
def test_parts_of_recipes(schema: dict[str, Any], text: str, fits: bool) -> None:
    assert (next(problems(schema, yaml.safe_load(text)), None) is None) is fits


def leaves(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, section in schema["$defs"].items():
        for key, value in section.get("properties", {}).items():
            yield f"{name}.{key}", value


def numbers(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if value.get("type") in ("integer", "number"):
        yield value
    for choice in (*value.get("anyOf", ()), *([value["items"]] if "items" in value else [])):
        yield from numbers(choice)


def test_every_key_has_a_title_a_sentence_and_its_bounds(schema: dict[str, Any]) -> None:
    for name, value in leaves(schema):
        assert value.get("description", "").strip(), name
        assert value.get("title") or "$ref" in value or "anyOf" in value, name
        for number in numbers(value):
            assert {"minimum", "exclusiveMinimum", "enum", "const"} & set(number), name
    for name, section in schema["$defs"].items():
        assert section.get("description") or name == "JsonValue", name


def sentences(node: Any) -> Iterator[str]:
    """Everything that a schema says of sections and keys."""
    if isinstance(node, dict):
        if isinstance(said := node.get("description"), str):
            yield said
        for child in node.values():
            yield from sentences(child)
    elif isinstance(node, list):
        for child in node:
            yield from sentences(child)


def test_every_sentence_has_its_chinese_one_and_none_is_left_over(schema: dict[str, Any]) -> None:
    words, said = chinese(), set(sentences(schema))
    assert len(said) > 100
    assert sorted(said - set(words)) == [], "put its Chinese into recipe/chinese.yaml"
    assert sorted(set(words) - said) == [], "no section or key says this any more"
    assert [sentence for sentence in words.values() if not re.search(r"[\u4e00-\u9fff]", sentence)] == []


def test_the_chinese_schema_is_the_same_but_for_its_words(schema: dict[str, Any]) -> None:
    made = recipe_schema("zh")
    assert set(sentences(made)) == set(chinese().values())

    def wordless(node: Any) -> Any:
        if isinstance(node, list):
            return [wordless(child) for child in node]
        if not isinstance(node, dict):
            return node
        return {key: wordless(child) for key, child in node.items() if not (key == "description" and isinstance(child, str))}

    assert wordless(made) == wordless(schema)
    found = dict(leaves(made))
    assert found["FinetuneConfig.length"]["description"] == "一条文本最多的词元数。"


def test_defaults_examples_and_units(schema: dict[str, Any]) -> None:
    found = dict(leaves(schema))
    assert found["PretrainConfig.budget"]["default"] == "180s"
    assert "2h" in json.dumps(found["PretrainConfig.budget"])
    assert found["PretrainConfig.warmup"]["default"] == 0.05
    assert "200 steps" in json.dumps(found["PretrainConfig.warmup"])
    assert found["PretrainConfig.length"]["unit"] == "tokens"
    assert found["HoldoutConfig.bytes"]["unit"] == "bytes"
    assert found["SplitConfig.test"]["unit"] == "share"
    assert "2MB" in json.dumps(found["HoldoutConfig.bytes"])
    assert found["FinetuneConfig.from"]["type"] == "string"
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_defaults_fit_their_own_schema(schema: dict[str, Any]) -> None:
    for name, value in leaves(schema):
        if "default" in value:
            assert list(problems(value, value["default"], schema)) == [], name
