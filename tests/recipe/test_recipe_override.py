"""`--set`: what it reaches, what it makes, what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from danlu.recipe.load import LoadedRecipe, load_recipe
from danlu.workspace.errors import RecipeError

TEXT = """
name: small
datasets:
  mood: {sources: [{type: files, path: /rows.csv, label: label, include: [a, b]}]}
collect:
  sources: [{type: files, path: /texts}, {type: package, package: p, files: [x], label_names: {"0": "no"}}]
pretrain:
  bert-1.5: {model: {family: bert}, objective: mlm, budget: 2h}
  bert: {model: {family: bert}, objective: mlm}
finetune:
  mood: {from: bert, dataset: mood}
"""


def changed(tmp_path: Path, *changes: str) -> LoadedRecipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return load_recipe(path, changes)


@pytest.mark.parametrize(
    ("change", "at", "value"),
    [
        ("seed=3", ["seed"], 3),
        (" seed = 3", ["seed"], 3),
        ("collect.sources.0.language=en", ["collect", "sources", 0, "language"], "en"),
        ("collect.sources.1.label_names.0=yes please", ["collect", "sources", 1, "label_names", "0"], "yes please"),
        ("clean.rules.min_words=5", ["clean", "rules"], {"min_words": 5}),
        ("clean={preset: none}", ["clean"], {"preset": "none"}),
        ("pretrain.bert-1.5.budget=1h", ["pretrain", "bert-1.5", "budget"], "1h"),
        ('pretrain."bert-1.5".budget=1h', ["pretrain", "bert-1.5", "budget"], "1h"),
        ("pretrain.'bert-2.0'={model: {family: bert}, objective: mlm}", ["pretrain", "bert-2.0", "objective"], "mlm"),
        ("finetune.mood.labels=[10, 20]", ["finetune", "mood", "labels"], [10, 20]),
        ("datasets.mood.sources.0.include.1='*.md'", ["datasets", "mood", "sources", 0, "include"], ["a", "*.md"]),
        ("datasets.mood.sources.0.include+=c", ["datasets", "mood", "sources", 0, "include"], ["a", "b", "c"]),
        ("datasets.mood.sources.0.include+=[c, d]", ["datasets", "mood", "sources", 0, "include"], ["a", "b", "c", "d"]),
        ("datasets.mood.sources.0.origin=a=b", ["datasets", "mood", "sources", 0, "origin"], "a=b"),
        ("evaluate.models=[bert]", ["evaluate", "models"], ["bert"]),
        ("datasets.mood.most_train=", ["datasets", "mood", "most_train"], None),
    ],
)
def test_a_change_reaches_its_key(tmp_path: Path, change: str, at: list[Any], value: Any) -> None:
    found: Any = yaml.safe_load(changed(tmp_path, change).text)
    for part in at:
        found = found[part]
    assert found == value


def test_null_takes_an_entry_out(tmp_path: Path) -> None:
    assert list(changed(tmp_path, "finetune.mood=null", "pretrain.bert=").recipe.pretrain) == ["bert-1.5"]


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        ("seed", "recipe.override", "--set key.of.recipe=value"),
        ("=3", "recipe.override", "--set key.of.recipe=value"),
        ("seed..x=3", "recipe.override", "--set key.of.recipe=value"),
        ("name=[", "recipe.set-value", "quotes"),
        ("datasets.mood.sources.0.include.1=*.md", "recipe.set-value", "quotes"),
        ("seed={a: 1, a: 2}", "recipe.twice", "a"),
        ("collect.sources.9.language=en", "recipe.set-index", "2"),
        ("collect.sources.first.language=en", "recipe.set-index", "first"),
        ("name.x.y=1", "recipe.set-through", "'small'"),
        ("pretrain.bert-1.5.budget.amount=5", "recipe.set-through", '--set pretrain."bert-1.5".budget=VALUE'),
        ("pretrain.brt.budget=1h", "recipe.set-no-entry", "bert"),
        ("finetune.food=null", "recipe.set-no-entry", "mood"),
        ("seed+=1", "recipe.set-add", "seed"),
        ("evaluate.models+=bert", "recipe.set-add", "[A, B]"),
        ("clean.prset=none", "recipe.unknown-key", "preset"),
        ("cleen.preset=none", "recipe.unknown-key", "clean"),
        ("collect.sources.0.pth=x", "recipe.unknown-key", "path"),
        ("collect.sources.1.file=x", "recipe.unknown-key", "files"),
        ("collect.sources.1.split=x", "recipe.unknown-key", "label_names"),
        ("collect.sources.1.type=fils", "recipe.wrong-value", "files, package"),
        ("collect.sources.1={path: a}", "recipe.missing-key", "collect.sources.1.type"),
        ("collect.sources.0.language=English", "recipe.wrong-value", "zh-Hans"),
        ("name=A B", "recipe.wrong-value", "hyphens"),
        ('collect.sources.1.label_names."1"=no', "recipe.wrong-value", "quotes"),
        ("seed=many", "recipe.wrong-value", "whole number"),
        ("seed=-1", "recipe.wrong-value", "at least 0"),
        ("seed=4294967296", "recipe.wrong-value", "at most 4294967295"),
        ("pretrain.bert.budget=soon", "recipe.wrong-value", "20M tokens"),
        ("collect.holdout.bytes=1.2.3MB", "recipe.wrong-value", "512KiB"),
        ("pretrain.bert.objective=clm", "recipe.inconsistent", "mlm"),
        ("finetune.mood.dataset=food", "recipe.inconsistent", "mood"),
        ("pretrain.new={model: {family: gpt}}", "recipe.missing-key", "pretrain.new.objective"),
    ],
)
def test_a_wrong_change_says_which_and_what_to_do(tmp_path: Path, change: str, key: str, words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        changed(tmp_path, change)
    assert caught.value.key == key
    assert caught.value.where == f"--set {change}"
    parts = caught.value.explain("en")
    assert words in " ".join(parts.values())
    assert parts["remedy"]
    assert caught.value.explain("zh")["what"] != parts["what"]


def test_the_text_kept_has_the_changes(tmp_path: Path) -> None:
    loaded = changed(tmp_path, "seed=5", "tokenize.vocabulary=600")
    (tmp_path / "again.yaml").write_text(loaded.text, encoding="utf-8")
    assert load_recipe(tmp_path / "again.yaml").recipe == loaded.recipe
