"""Whatever is written in a recipe or after `--set`, danlu reads it or says in words what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from danlu.recipe.load import LoadedRecipe, load_recipe
from danlu.workspace.errors import RecipeError

TEXT = """name: small
extends: base.yaml
datasets:
  mood: {sources: [{type: files, path: rows.csv, label: label}], most_train: 10}
collect:
  sources: [{type: package, package: p, files: {a: b}}, {type: dataset, dataset: mood}]
  holdout: {bytes: 2MB}
pretrain:
  bert: {model: {family: bert}, objective: mlm, budget: 2h}
finetune:
  mood: {from: bert, dataset: mood, labels: [5], freeze: {until: 1}}
evaluate: {models: [bert, mood], labels: [1]}
variants: {long: {seed: 1, pretrain: {bert: {budget: 1h}}}}
"""
PIECES = [
    "null", "[]", "{}", "[a]", "{a: b}", "1", "-1", "1e999", ".nan", "true", "''", "~", "*a", "&a", "<<: {a: b}", "? [a]",
    "!!set", "!x y", "\t", '"\\0"', "2001-01-01", "0x10", "1:30", "- ", ": ", "%", "@", "🔥", "\x85", "=", "long: null",
    "../..", "~x/y",
]  # fmt: skip
KEYS = [
    "name", "extends", "datasets", "datasets.mood", "datasets.mood.sources", "datasets.mood.sources.0", "collect", "seed",
    "collect.sources", "datasets.mood.sources.0.path", "collect.sources.0.files", "collect.holdout.bytes", "pretrain", "x.y.z",
    "pretrain.bert", "pretrain.bert.model", "pretrain.bert.budget", "pretrain.x", "finetune", "finetune.mood", "variants",
    "finetune.mood.from", "evaluate.models", "evaluate.labels", "evaluate.labels+", "format", "fallback", "clean.rules",
    "serve", "tokenize",
]  # fmt: skip

HERE = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)


def assert_loads_or_explains(tmp_path: Path, text: str, *changes: str) -> None:
    """Loads it, to a text that says the same, or has words for it, in both languages."""
    (tmp_path / "base.yaml").write_text("seed: 3\n", encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
    loaded = attempt(tmp_path / "recipe.yaml", *changes)
    if isinstance(loaded, RecipeError):
        assert loaded.explain("en")["what"]
        assert loaded.explain("zh")["remedy"]
        return
    (tmp_path / "kept.yaml").write_text(loaded.text, encoding="utf-8")
    with_paths: Any = {"collect": True, "datasets": True, "fallback": True, "finetune": {"mood": {"start"}}}
    again = load_recipe(tmp_path / "kept.yaml").recipe
    assert again.model_dump(exclude=with_paths) == loaded.recipe.model_dump(exclude=with_paths)


def attempt(path: Path, *changes: str) -> LoadedRecipe | RecipeError:
    try:
        return load_recipe(path, changes, 3, ["long"])
    except RecipeError as error:
        return error


def test_the_recipe_of_this_test_is_right(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("seed: 3\n", encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(TEXT, encoding="utf-8")
    assert load_recipe(tmp_path / "recipe.yaml", variants=["long"]).recipe.name == "small-long"


@given(st.data())
@settings(HERE, max_examples=100)
def test_a_broken_recipe_has_words(tmp_path: Path, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(TEXT)))
    end = data.draw(st.integers(start, min(len(TEXT), start + 12)))
    piece = data.draw(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)))
    assert_loads_or_explains(tmp_path, TEXT[:start] + piece + TEXT[end:])


@given(st.data())
@settings(HERE, max_examples=100)
def test_a_wrong_value_anywhere_has_words(tmp_path: Path, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(KEYS))
    value = data.draw(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)))
    assert_loads_or_explains(tmp_path, TEXT, f"{key}={value}")


@given(st.text(alphabet="abc.'\"=+0 []{}", max_size=12))
@settings(HERE, max_examples=100)
def test_any_change_has_words(tmp_path: Path, change: str) -> None:
    assert_loads_or_explains(tmp_path, TEXT, change)


def test_a_byte_order_mark_is_none_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_bytes(b"\xef\xbb\xbfname: a\n")
    assert load_recipe(tmp_path / "recipe.yaml").recipe.name == "a"


@pytest.mark.parametrize("content", [b"", b"\xff", b"\x00", b"null", b"3", b"# nothing\n", b"---\na: 1\n---\nb: 2\n"])
def test_files_that_are_no_recipe(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content)
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert caught.value.explain("zh")["remedy"]
