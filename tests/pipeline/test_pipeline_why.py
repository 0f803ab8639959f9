"""`danlu why` on workspaces that are made up: manifests without the work, so that every case is there in no time."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from danlu.cli.why import because, words
from danlu.pipeline.execute import versions
from danlu.pipeline.lineage import read_manifests
from danlu.pipeline.plan import make_plan, stand
from danlu.pipeline.rescore import changed_line_rules
from danlu.pipeline.why import Why, drift, explain
from danlu.recipe.load import load_recipe
from danlu.workspace.artifact import Workspace
from danlu.workspace.digest import digest_json
from danlu.workspace.messages import choose_language
from danlu.workspace.tombstones import Tombstone, add_tombstones

MACHINE = {"processor": "P", "cores": 2, "memory_bytes": 8 * 10**9, "bf16": False, "compiler": "/usr/bin/g++", "gpu": None}
NOW: dict[str, Any] = {"versions": versions(), "machine": MACHINE}
RECIPE = """\
name: made-up
seed: 0
datasets:
  mood: {sources: [{type: files, path: rows.csv, label: label}]}
collect: {sources: [{type: files, path: texts}, {type: dataset, dataset: mood}], holdout: {bytes: 1KB}}
tokenize: {vocabulary: 1024}
pretrain:
  bert: {model: {family: bert, size: nano}, objective: mlm, budget: 80s}
  gpt: {model: {family: gpt, size: nano}, objective: clm, budget: 80s}
finetune:
  mood: {from: bert, dataset: mood}
evaluate: {models: [bert, gpt, mood]}
"""


@pytest.fixture(autouse=True)
def _english() -> Any:
    choose_language("en")
    yield
    choose_language(None)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "texts").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "texts" / f"{name}.txt").write_text(f"the text {name}", encoding="utf-8")
    (tmp_path / "rows.csv").write_text("text,label\ngood,yes\nbad,no\n", encoding="utf-8")
    path = tmp_path / "made-up.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def pretend(recipe: Path, changes: Sequence[str] = (), finished: float = 1000.0) -> Workspace:
    """Publish every artifact of the recipe without running anything; the payload follows from the key alone."""
    workspace = Workspace(recipe.parent / "w")
    workspace.create()
    loaded = load_recipe(recipe, changes)
    while True:
        standing = stand(loaded, workspace)
        todo = [name for name in standing.nodes if standing.state(name) == "runs"]
        if not todo:
            return workspace
        for name in todo:
            node, key = standing.nodes[name], standing.keys[name]
            assert key is not None
            partial = workspace.partial(node.stage.name, key)
            partial.mkdir()
            (partial / "data").write_text(key, encoding="utf-8")
            done = {other: artifact.path.name for other, artifact in standing.artifacts.items()}
            inputs = {
                argument: done[value] if isinstance(value, str) else value and {own: done[o] for own, o in value.items()}
                for argument, value in node.inputs.items()
            }
            manifest = {
                "node": name, "stage": node.stage.name, "version": node.stage.version,
                "config": node.config.identity(), "seed": loaded.recipe.seed,
                "inputs": inputs, "external": standing.external[name], "resolved": {"machine": {"threads": 2}},
                "counts": {}, "facts": {}, "seconds": 1.0, "peak_memory_bytes": 1, "machine": MACHINE,
                "versions": NOW["versions"], "finished": finished,
            }  # fmt: skip
            workspace.publish(node.stage.name, key, manifest)


def answers(recipe: Path, workspace: Workspace, changes: Sequence[str] = (), now: dict[str, Any] = NOW) -> dict[str, Why]:
    loaded = load_recipe(recipe, changes)
    return explain(stand(loaded, workspace), read_manifests(workspace), workspace, loaded.recipe.seed, now)


def said(why: Why) -> list[str]:
    return [because(cause) for cause in why.causes]


def test_nothing_runs_again_where_nothing_changed(recipe: Path) -> None:
    found = answers(recipe, pretend(recipe))
    assert {why.state for why in found.values()} == {"cached"}
    assert all(not why.drift and not why.causes for why in found.values())
    assert "same settings" in words(found["collect"], whole=False)[0]


def test_a_changed_key_is_named_with_both_values_and_followed_down_the_graph(recipe: Path) -> None:
    found = answers(recipe, pretend(recipe), ["clean.dedup.keep=longest"])
    changed = "`clean.dedup.keep` changed: best -> longest"
    assert found["clean.score"].state == "cached"
    assert said(found["clean.decide"]) == [changed]
    assert said(found["tokenize.train"]) == [f"clean.decide changed, because {changed}"]
    assert said(found["pretrain.bert"])[0].endswith(f"changed, because clean.decide changed, because {changed}")
    assert len(said(found["finetune.mood"])) == 1
    assert said(found["evaluate.models"]) == [f"clean.decide changed, because {changed}"]
    assert "waits for" in words(found["tokenize.train"], whole=False)[0]
    assert "to run again" in words(found["clean.decide"], whole=False)[0]


def test_a_changed_line_rule_needs_re_score_and_a_document_rule_does_not(recipe: Path) -> None:
    workspace = pretend(recipe)
    lines, rules = (load_recipe(recipe, [f"clean.rules.{rule}"]) for rule in ("boilerplate_line=50", "few_words=9"))
    found = answers(recipe, workspace, ["clean.rules.boilerplate_line=50"])
    (cause,) = said(found["clean.normalise"])
    assert "boilerplate_line" in cause
    assert "needs re-score" in cause
    assert any("needs re-score" in cause for cause in said(found["clean.score"]))
    assert changed_line_rules(make_plan(lines, workspace), read_manifests(workspace)) == [("boilerplate_line", 200, 50)]
    found = answers(recipe, workspace, ["clean.rules.few_words=9"])
    assert [name for name, why in found.items() if name.startswith("clean") and why.state == "runs"] == ["clean.decide"]
    assert said(found["clean.decide"]) == ["`clean.rules.few_words` is now 9 and was not there before"]
    assert changed_line_rules(make_plan(rules, workspace), read_manifests(workspace)) == []


def test_several_causes_each_once_and_budgets_as_they_are_written(recipe: Path) -> None:
    found = answers(recipe, pretend(recipe), ["tokenize.vocabulary=2048", "pretrain.gpt.budget=20s", "seed=7"])
    assert "`seed` changed: 0 -> 7" in said(found["collect"])
    gpt = said(found["pretrain.gpt"])
    assert "`pretrain.gpt.budget` changed: 80s -> 20s" in gpt
    assert sum("`seed` changed" in cause for cause in gpt) == 1
    assert any("`tokenize.vocabulary` changed: 1024 -> 2048" in cause for cause in said(found["evaluate.models"]))


def test_a_key_of_a_pretraining_is_one_cause_of_the_model(recipe: Path) -> None:
    found = answers(recipe, pretend(recipe), ["pretrain.gpt.decay=0.25", "pretrain.gpt.warmup=20 steps"])
    expected = ["`pretrain.gpt.warmup` changed: 0.05 -> 20 steps", "`pretrain.gpt.decay` changed: 0.5 -> 0.25"]
    assert said(found["pretrain.gpt.trunk"]) == said(found["pretrain.gpt"]) == expected
    assert found["pretrain.bert.trunk"].state == "cached"


def test_recipe_names_are_used_where_they_differ_from_the_schema(recipe: Path) -> None:
    found = answers(recipe, pretend(recipe), ["finetune.mood.from=gpt", "finetune.mood.labels=[10]"])
    assert "`finetune.mood.from` changed: bert -> gpt" in said(found["finetune.mood"])
    assert "`finetune.mood.labels` changed: [] -> [10]" in said(found["finetune.mood"])


def test_source_files_are_named(recipe: Path) -> None:
    workspace = pretend(recipe)
    (recipe.parent / "texts" / "b.txt").write_text("another text", encoding="utf-8")
    (recipe.parent / "texts" / "d.txt").write_text("one more", encoding="utf-8")
    (recipe.parent / "texts" / "a.txt").unlink()
    found = answers(recipe, workspace)
    assert said(found["collect"]) == [
        "the source file texts/b.txt has another content",
        "the source file texts/d.txt is new",
        "the source file texts/a.txt is no longer read",
    ]
    assert found["dataset.mood"].state == "cached"
    for number in range(9):
        (recipe.parent / "texts" / f"more{number}.txt").write_text(f"{number}", encoding="utf-8")
    assert said(answers(recipe, workspace)["collect"])[-1] == "9 more source files changed"


def test_the_list_of_forgotten_documents_is_one_cause_everywhere(recipe: Path) -> None:
    workspace = pretend(recipe)
    add_tombstones(workspace.path, [Tombstone("0" * 32, "1" * 32, 0.0)])
    found = answers(recipe, workspace)
    for name in ("collect", "dataset.mood", "clean.decide", "evaluate.models"):
        assert len(said(found[name])) == 1
        assert "the list of forgotten documents changed" in said(found[name])[0]


def test_the_stage_s_version(recipe: Path) -> None:
    workspace = pretend(recipe)
    for artifact in list(workspace.finished("clean.score")):
        path = artifact / "manifest.json"
        path.write_text(json.dumps({**artifact.manifest, "version": 0}), encoding="utf-8")
        artifact.path.rename(artifact.path.with_name("clean.score-" + "0" * 16))
    assert said(answers(recipe, workspace)["clean.score"])[0].startswith("the stage itself is another version: 0 ->")


def test_the_nearest_is_the_one_with_fewest_differences_then_the_newest(recipe: Path) -> None:
    pretend(recipe, ["tokenize.vocabulary=2048", "tokenize.sample=1MB"], finished=3000.0)
    pretend(recipe, ["tokenize.vocabulary=2048"], finished=1000.0)
    workspace = pretend(recipe, ["tokenize.vocabulary=4096"], finished=2000.0)
    nearest = answers(recipe, workspace)["tokenize.train"]
    assert said(nearest) == ["`tokenize.vocabulary` changed: 4096 -> 1024"]


def test_never_made_and_gone(recipe: Path) -> None:
    empty = Workspace(recipe.parent / "w")
    empty.create()
    found = answers(recipe, empty)
    assert "never made" in words(found["collect"], whole=False)[0]
    workspace = pretend(recipe)
    standing = stand(load_recipe(recipe), workspace)
    state: dict[str, Any] = {"name": "made-up", "recipe": "made-up.yaml", "state": "done", "nodes": {}}
    for name, node in standing.nodes.items():
        entry = {"name": name, "stage": node.stage.name, "state": "done", "key": standing.keys[name]}
        state["nodes"][name] = entry
    (workspace.path / "runs" / "made-up").mkdir(parents=True)
    (workspace.path / "runs" / "made-up" / "state.json").write_text(json.dumps(state), encoding="utf-8")
    shutil.rmtree(standing.artifacts["clean.decide"].path)
    found = answers(recipe, workspace)
    assert "is gone" in words(found["clean.decide"], whole=False)[0]
    assert "stays as it is" in words(found["tokenize.train"], whole=False)[0]


def test_begun_and_not_finished(recipe: Path) -> None:
    workspace = pretend(recipe)
    standing = stand(load_recipe(recipe, ["clean.dedup.keep=longest"]), workspace)
    workspace.partial("clean.decide", str(standing.keys["clean.decide"])).mkdir()
    found = answers(recipe, workspace, ["clean.dedup.keep=longest"])
    assert "goes on where it stopped" in words(found["clean.decide"], whole=False)[0]
    assert said(found["clean.decide"]) == ["`clean.dedup.keep` changed: best -> longest"]


def test_an_input_that_came_out_the_same_is_no_cause(recipe: Path) -> None:
    workspace = pretend(recipe)
    changes = ["clean.decontaminate=false"]
    old = stand(load_recipe(recipe), workspace).artifacts["clean.decide"]
    pretend(recipe, changes)
    new = stand(load_recipe(recipe, changes), workspace).artifacts["clean.decide"]
    shutil.copy(old / "data", new / "data")
    shutil.copy(old / "payload.sha256", new / "payload.sha256")
    found = answers(recipe, workspace, changes)
    assert found["tokenize.train"].state == "cached"
    again = answers(recipe, workspace, [*changes, "tokenize.vocabulary=2048"])
    assert said(again["tokenize.train"]) == ["`tokenize.vocabulary` changed: 1024 -> 2048"]


def test_what_drifted_is_said_in_sentences_of_both_languages(recipe: Path) -> None:
    workspace = pretend(recipe)
    machine = {**MACHINE, "processor": "Q", "cores": 8, "bf16": True, "compiler": None, "memory_bytes": 16 * 10**9}
    now = {"versions": {**NOW["versions"], "numpy": "9.9", "torch": None}, "machine": machine}
    why = answers(recipe, workspace, now=now)["pretrain.bert"]
    assert why.state == "cached"
    lines = " ".join(words(why, whole=True))
    for expected in (
        "numpy is 9.9 now",
        "torch is not installed now",
        "another processor: P, now Q",
        "8 now",
        "bf16",
        "16 now",
    ):
        assert expected in lines
    assert "no C++ compiler" in lines
    choose_language("zh")
    lines = " ".join(words(why, whole=True))
    for expected in ("numpy 现为 9.9", "处理器不同", "现有 8 个", "没有 C++ 编译器"):
        assert expected in lines


def test_threads_drift_where_a_stage_had_fewer_than_the_machine_has() -> None:
    manifest = {"machine": MACHINE, "versions": {}, "resolved": {"pretrain": {"plan": {"threads": 1}}}}
    assert [entry["key"] for entry in drift(manifest, {"machine": MACHINE, "versions": {}})] == ["why.drift.threads"]


def test_the_command_in_both_languages_and_as_json(recipe: Path) -> None:
    workspace = pretend(recipe)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "danlu", *arguments, "--workspace", str(workspace.path)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = run("--lang", "zh", "why", str(recipe), "tokenize", "--set", "tokenize.vocabulary=2048", "--json")
    assert done.returncode == 0, done.stderr
    assert "`tokenize.vocabulary` 改了：1024 -> 2048" in done.stdout
    stages = json.loads(done.stdout.splitlines()[-1])["stages"]
    assert list(stages) == ["tokenize.train", "tokenize.encode"]
    assert stages["tokenize.train"]["causes"][0]["what"]["key"] == "why.cause.key"
    assert stages["tokenize.train"]["artifact"].startswith("tokenize.train-")
    wrong = run("--lang", "en", "why", str(recipe), "nowhere")
    assert wrong.returncode == 2
    assert "clean.decide" in wrong.stderr


def test_it_stays_light_in_a_workspace_of_many_artifacts(recipe: Path) -> None:
    workspace = pretend(recipe)
    artifact = next(iter(workspace.finished("pretrain.decay")))
    for number in range(60):
        key = digest_json(number, 8)
        target = workspace.artifacts / f"pretrain.decay-{key}"
        shutil.copytree(artifact.path, target)
        manifest = {**artifact.manifest, "key": key, "config": {**artifact.manifest["config"], "length": 200 + number}}
        (target / "manifest.json").write_text(json.dumps({**manifest, "finished": number}), encoding="utf-8")
    node = artifact.manifest["node"]
    own = node.partition(".")[2]
    found = answers(recipe, workspace, [f"pretrain.{own}.length=131"])
    assert said(found[node]) == [f"`pretrain.{own}.length` changed: 128 -> 131"]
    heavy = ("torch", "transformers", "numpy", "numba", "pyarrow", "sklearn")
    script = (
        "import sys\nfrom danlu.cli.app import commands\nsys.argv = ['danlu', *sys.argv[1:]]\n"
        f"try:\n    commands()\nexcept SystemExit:\n    pass\nprint([name for name in {heavy!r} if name in sys.modules])\n"
    )
    for arguments in (["why", str(recipe)], ["show", artifact.path.name], ["forget", "--list"]):
        command = [sys.executable, "-c", script, *arguments, "--workspace", str(workspace.path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]", arguments
