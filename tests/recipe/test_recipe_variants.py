"""`variants` of a recipe, and formats."""

from __future__ import annotations

from pathlib import Path

import pytest

from danlu.recipe import migrate as formats
from danlu.recipe.load import load_recipe
from danlu.recipe.migrate import migrate, moved
from danlu.recipe.read import parse
from danlu.recipe.written import Place, Written, existing, plain, without
from danlu.workspace.errors import RecipeError

TEXT = """
name: small
collect: {sources: [{type: python-docs}]}
pretrain:
  bert: {model: {family: bert}, objective: mlm, budget: 2h}
  gpt: {model: {family: gpt}, objective: clm}
variants:
  long: {pretrain: {bert: {budget: 9h}}}
  wide: {pretrain: {bert: {length: 512, budget: 3h}}}
  alone: {name: just-bert, pretrain: {gpt: null}}
"""


def write(tmp_path: Path, text: str, name: str = "recipe.yaml") -> Path:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def test_variants_are_laid_over_in_order_and_name_the_run(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT)
    assert load_recipe(path).recipe.name == "small"
    long = load_recipe(path, variants=["long"])
    assert (long.recipe.name, long.recipe.pretrain["bert"].budget.amount) == ("small-long", 9 * 3600)
    both = load_recipe(path, variants=["long", "wide"]).recipe
    assert (both.name, both.pretrain["bert"].length, both.pretrain["bert"].budget.amount) == ("small-long-wide", 512, 3 * 3600)
    assert load_recipe(path, variants=["wide", "long"]).recipe.pretrain["bert"].budget.amount == 9 * 3600
    assert load_recipe(path, variants=["long", "long"]).recipe.name == "small-long"


def test_a_variant_says_its_own_name_and_takes_entries_out(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, TEXT), variants=["alone"]).recipe
    assert (recipe.name, list(recipe.pretrain)) == ("just-bert", ["bert"])


def test_a_change_of_the_command_line_wins_over_a_variant(tmp_path: Path) -> None:
    loaded = load_recipe(write(tmp_path, TEXT), ["pretrain.bert.budget=1m", "name=mine"], variants=["long"])
    assert (loaded.recipe.name, loaded.recipe.pretrain["bert"].budget.amount) == ("mine", 60)


def test_the_kept_text_is_the_chosen_variant(tmp_path: Path) -> None:
    loaded = load_recipe(write(tmp_path, TEXT), variants=["long"])
    assert "variants" not in loaded.text
    assert load_recipe(write(tmp_path, loaded.text, "kept.yaml")).recipe == loaded.recipe


def test_variants_of_a_base_are_inherited_merged_and_taken_out(tmp_path: Path) -> None:
    write(tmp_path, TEXT, "base.yaml")
    over = write(
        tmp_path,
        "extends: base.yaml\nname: over\nvariants:\n  long: {seed: 7}\n  wide: null\n"
        "  alone: {pretrain: {bert: null, gpt: {length: 32}}}\n",
    )
    long = load_recipe(over, variants=["long"]).recipe
    assert (long.name, long.seed, long.pretrain["bert"].budget.amount) == ("over-long", 7, 9 * 3600)
    assert list(load_recipe(over, variants=["alone"]).recipe.pretrain) == ["gpt"]
    with pytest.raises(RecipeError, match="no variant wide"):
        load_recipe(over, variants=["wide"])


@pytest.mark.parametrize(
    ("text", "variants", "key", "where", "words"),
    [
        (TEXT, ["lnog"], "recipe.no-such-variant", "--variant lnog", "Did you mean: long?"),
        (TEXT, ["zzz"], "recipe.no-such-variant", "--variant zzz", "long, wide, alone"),
        ("name: a\n", ["long"], "recipe.no-variants", "--variant long", "Leave --variant out"),
        ("name: a\nvariants: [long]\n", [], "recipe.variants", "recipe.yaml:2", "variants"),
        ("name: a\nvariants:\n  long: 1h\n", [], "recipe.variants", "recipe.yaml:3", "variants"),
        ("name: a\nvariants:\n  Long: {seed: 1}\n", [], "recipe.variant-name", "recipe.yaml:3", "such as long"),
        (
            "name: a\nvariants:\n  long:\n    extends: b.yaml\n",
            [],
            "recipe.not-in-variant",
            "recipe.yaml:4",
            "variants.long.extends",
        ),
        (TEXT.replace("budget: 9h", "bugdet: 9h"), ["long"], "recipe.unknown-key", "recipe.yaml:8", "budget"),
        (TEXT.replace("budget: 9h", "budget: soon"), ["long"], "recipe.wrong-value", "recipe.yaml:8", "20M tokens"),
    ],
)
def test_wrong_variants(tmp_path: Path, text: str, variants: list[str], key: str, where: str, words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, text), variants=variants)
    assert caught.value.key == key
    assert caught.value.where.replace(f"{tmp_path}/", "") == where
    parts = caught.value.explain("en")
    assert words in " ".join(parts.values())
    assert caught.value.explain("zh")["what"] != parts["what"]


def renamed(tree: Written) -> Written:
    """A migration of this test: `tokens` was what is now `tokenize.vocabulary`, and `colour` is gone."""
    return without(moved(tree, ("tokens",), ("tokenize", "vocabulary")), "colour")


def test_an_older_format_is_brought_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MIGRATIONS", {0: renamed})
    path = write(tmp_path, "format: 0\nname: old\ntokens: 600\ncolour: red\n")
    loaded = load_recipe(path)
    assert loaded.recipe.tokenize.vocabulary == 600
    assert loaded.recipe.format == 1
    assert "format: 1" in loaded.text
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, "format: 0\nname: old\ntokens: 6\n"))
    assert caught.value.where.endswith(":3")  # where it stands in the file, not where it went


def test_formats_are_brought_up_step_by_step() -> None:
    def step(key: str) -> formats.Migration:
        return lambda tree: moved(tree, (key,), (key + "x",))

    old = parse("a: 1\nformat: 1\n", Place("r"))
    assert plain(migrate(old, {1: step("a"), 2: step("ax")}, newest=3)) == {"axx": 1, "format": 3}
    assert plain(migrate(parse("a: 1\n", Place("r")), {1: step("a")}, newest=2)) == {"ax": 1, "format": 2}
    assert plain(migrate(parse("a: 1\nformat: 3\n", Place("r")), {1: step("a")}, newest=3)) == {"a": 1, "format": 3}


def test_moved_keeps_what_stands_there_and_makes_parents() -> None:
    tree = parse("a: {b: 1}\nc: {d: 2}\n", Place("r"))
    assert plain(moved(tree, ("a", "b"), ("c", "e"))) == {"a": {}, "c": {"d": 2, "e": 1}}
    assert plain(moved(tree, ("a", "b"), ("x", "y", "z"))) == {"a": {}, "c": {"d": 2}, "x": {"y": {"z": 1}}}
    assert moved(tree, ("a", "none"), ("x",)) is tree
    assert existing(moved(tree, ("a", "b"), ("f",)), ("f",))[1].place == existing(tree, ("a", "b"))[1].place


@pytest.mark.parametrize("form", ["2", "99"])
def test_a_newer_format_is_refused_with_the_remedy(tmp_path: Path, form: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, f"name: new\nformat: {form}\nnew_key: 1\n"))
    assert caught.value.key == "recipe.newer-format"
    assert caught.value.where.endswith("recipe.yaml:2")
    assert "pip install --upgrade danlu" in caught.value.explain("zh")["remedy"]


@pytest.mark.parametrize("form", ["0", "-1", "one", "[1]"])
def test_a_format_that_is_none_is_a_wrong_value(tmp_path: Path, form: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, f"name: new\nformat: {form}\n"))
    assert caught.value.key == "recipe.wrong-value"
