"""Fine-tuning from a model that another run of the workspace made: it is an input like one of the recipe's own."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from commands import danlu, last_line
from danlu.models.locate import locate_model
from danlu.pipeline.lockfile import read_lock
from danlu.pipeline.plan import stand
from danlu.pipeline.state import kept_recipe
from danlu.recipe.load import load_recipe, recipe_from
from danlu.workspace.artifact import Workspace

Finished = tuple[Path, dict[str, Any], str]
COMMAND = ("finetune", "--data", "ratings.csv", "--budget", "2 steps", "--json")


RUN = "ratings-classifier"


@pytest.fixture(scope="module")
def project(finished: Finished, job: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose workspace has the models of a run, and a classifier that was fine-tuned from one of them by its name."""
    folder = tmp_path_factory.mktemp("starts") / "project"
    shutil.copytree(finished[0], folder / ".danlu")
    shutil.copy(job / "rows.csv", folder / "ratings.csv")
    danlu(*COMMAND, "--from", "gpt", cwd=folder)
    return folder


@pytest.fixture
def copied(project: Path, tmp_path: Path) -> Path:
    shutil.copytree(project, tmp_path / "project", symlinks=True)
    return tmp_path / "project"


def artifact_of(folder: Path, run: str, node: str) -> str:
    entry = json.loads((folder / ".danlu" / "runs" / run / "state.json").read_text(encoding="utf-8"))["nodes"][node]
    return f"{entry['stage']}-{entry['key']}"


def tuned(folder: Path) -> str:
    return artifact_of(folder, RUN, "finetune.ratings-classifier")


def test_the_model_is_an_input_however_it_is_named(project: Path) -> None:
    start, made = artifact_of(project, "job", "pretrain.gpt"), tuned(project)
    manifest = json.loads((project / ".danlu" / "artifacts" / made / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["inputs"]["start"] == start
    assert manifest["external"] == {}
    assert str(project) not in json.dumps(manifest)
    folder = f".danlu/artifacts/{start}"
    for name in ("job/gpt", start, f"{folder}/model", folder, str(project / folder / "model")):
        said = last_line(danlu(*COMMAND, "--from", name, cwd=project))
        assert Path(said["artifacts"]["finetune.ratings-classifier"]).name == made, name


def test_it_is_the_same_as_in_a_recipe_that_makes_the_model_itself(project: Path, job: Path) -> None:
    place = Workspace(project / ".danlu")
    whole = json.loads((job / "recipe.yaml").read_text(encoding="utf-8"))
    whole["finetune"] = {"own": {"from": "gpt", "dataset": "mood", "budget": "2 steps"}}
    whole["evaluate"]["models"] = ["own"]
    model = place.artifacts / artifact_of(project, "job", "pretrain.gpt") / "model"
    alone = {name: whole[name] for name in ("name", "datasets")}
    alone["finetune"] = {"own": whole["finetune"]["own"] | {"from": str(model)}}
    keys = [stand(recipe_from(recipe, job), place).keys["finetune.own"] for recipe in (whole, alone)]
    assert keys[0] == keys[1] is not None


@pytest.mark.parametrize(("language", "role"), [("en", "a model that learned from it"), ("zh", "学习的模型")])
def test_forget_names_it(project: Path, language: str, role: str) -> None:
    collected = project / ".danlu" / "artifacts" / artifact_of(project, "job", "collect") / "documents"
    identity = pq.read_table(next(collected.glob("*.parquet")), columns=["id"])["id"][0].as_py()
    done = danlu("--lang", language, "forget", identity, "--dry-run", "--json", cwd=project)
    said = last_line(done)
    assert "ratings-classifier" in said["models"]
    assert any(tuned(project) in line and role in line for line in done.stdout.splitlines())
    (rebuild,) = [entry for entry in said["rebuild"] if entry["run"] == RUN]
    assert rebuild["starts"] == ["job/gpt"]
    words = {"en": "starts from job/gpt", "zh": "起点是 job/gpt"}[language]
    assert words in done.stdout
    told = "".join(done.stdout.splitlines()[:-1])
    assert f"runs/{RUN}/recipe.yaml" not in told  # it would begin from the same model again
    runs = [entry["run"] for entry in said["rebuild"]]
    assert runs.index("job") < runs.index(RUN)  # what others start from is made first


def test_show_and_the_leak_check_go_back_to_the_texts(project: Path, job: Path, tmp_path: Path) -> None:
    shown = danlu("--lang", "en", "show", tuned(project), cwd=project).stdout
    assert artifact_of(project, "job", "pretrain.gpt") in shown
    assert artifact_of(project, "job", "collect") in shown
    assert "directory:" not in shown
    planted = (job / "texts" / "003.txt").read_text(encoding="utf-8")[40:140]
    with (tmp_path / "test.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), (planted, "positive"), ("An unseen line of text.", "negative")])
    evaluate = ("evaluate", "ratings-classifier", "--on", tmp_path / "test.csv", "--out", tmp_path / "out", "--json")
    said = last_line(danlu(*evaluate, cwd=project))
    assert "clean.decide" in {entry["source"].rpartition("-")[0] for entry in said["overlaps"]}
    seen = (tmp_path / "out" / "seen.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line)["text"] for line in seen.splitlines()] == [planted]


def test_gc_keeps_it_as_long_as_the_classifier_is_needed_or_its_run(copied: Path) -> None:
    start, made = artifact_of(copied, "job", "pretrain.gpt"), tuned(copied)
    shutil.rmtree(copied / ".danlu" / "runs" / "job")
    freed = {item["path"] for item in last_line(danlu("gc", "--dry-run", "--json", cwd=copied))["items"]}
    assert f"artifacts/{artifact_of(copied, RUN, 'dataset.ratings')}" not in freed
    assert f"artifacts/{start}" not in freed
    assert any(path.startswith("artifacts/finetune-") for path in freed)  # the other run's
    shutil.rmtree(copied / ".danlu" / "artifacts" / made)
    freed = {item["path"] for item in last_line(danlu("gc", "--dry-run", "--json", cwd=copied))["items"]}
    assert f"artifacts/{start}" not in freed  # to make the classifier again


def test_a_moved_project_goes_on(project: Path, copied: Path) -> None:
    made = tuned(project)
    hidden = project.with_name("hidden")
    project.rename(hidden)
    try:
        again = last_line(danlu(*COMMAND, "--from", "gpt", cwd=copied))
        kept = kept_recipe(Workspace(copied / ".danlu"), RUN)
        said = last_line(danlu("run", kept, "--json", cwd=copied))
        for found in (again, said):
            assert found["artifacts"]["finetune.ratings-classifier"] == str(copied / ".danlu" / "artifacts" / made)
        assert str(project) not in kept.read_text(encoding="utf-8")
        status = last_line(danlu("status", RUN, "--json", cwd=copied))
        assert {node["state"] for node in status["nodes"].values()} == {"cached"}
    finally:
        hidden.rename(project)


def test_a_lock_is_replayed_in_another_workspace(copied: Path, tmp_path: Path) -> None:
    recipe = copied / "ratings.yaml"
    start = f".danlu/artifacts/{artifact_of(copied, 'job', 'pretrain.gpt')}/model"
    tuning = {"from": start, "dataset": "ratings", "budget": "2 steps"}
    sources = [{"type": "files", "path": "ratings.csv", "label": "label"}]
    data = {"name": "own", "datasets": {"ratings": {"sources": sources}}, "finetune": {"ratings-classifier": tuning}}
    recipe.write_text(json.dumps(data), encoding="utf-8")
    said = last_line(danlu("run", "ratings.yaml", "--json", cwd=copied))
    assert Path(said["artifacts"]["finetune.ratings-classifier"]).name == tuned(copied)
    danlu("lock", "ratings.yaml", cwd=copied)
    replay = last_line(danlu("run", "ratings.lock.yaml", "--workspace", tmp_path / "new", "--json", cwd=copied))
    assert replay["lock"]["equal"], replay["lock"]


def test_a_recipe_may_name_the_model_of_a_run(copied: Path) -> None:
    recipe = copied / "ratings.yaml"
    text = """# Mine
name: own
datasets: {ratings: {sources: [{type: files, path: ratings.csv, label: label}]}}
finetune:
  ratings-classifier: {from: job/gpt, dataset: ratings, budget: 2 steps}  # from an earlier run
"""
    recipe.write_text(text, encoding="utf-8")
    said = last_line(danlu("run", "ratings.yaml", "--json", cwd=copied))
    assert Path(said["artifacts"]["finetune.ratings-classifier"]).name == tuned(copied)  # as by its folder, or by --from
    start = artifact_of(copied, "job", "pretrain.gpt")
    kept = kept_recipe(Workspace(copied / ".danlu"), "own").read_text(encoding="utf-8")
    assert "# from an earlier run" in kept
    assert f"artifacts/{start}/model" in kept
    assert "job/gpt" not in kept
    planned = last_line(danlu("plan", "ratings.yaml", "--json", cwd=copied))
    assert {line["state"] for line in planned["nodes"]} == {"cached"}
    danlu("lock", "ratings.yaml", cwd=copied)
    (tuning,) = read_lock(copied / "ratings.lock.yaml").loaded.recipe.finetune.values()
    assert tuning.start == f".danlu/artifacts/{start}/model"  # with which the test above replays a lock

    # The run has another model of that name now: it is the start, and `why` tells.
    runs = copied / ".danlu" / "runs"
    state = json.loads((runs / "job" / "state.json").read_text(encoding="utf-8"))
    state["nodes"]["pretrain.gpt"]["key"] = state["nodes"]["pretrain.bert"]["key"]
    (runs / "job" / "state.json").write_text(json.dumps(state), encoding="utf-8")
    told = danlu("--lang", "en", "why", "ratings.yaml", "finetune.ratings-classifier", cwd=copied).stdout
    assert f"pretrain.decay-{state['nodes']['pretrain.bert']['key']}" in told


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("job/nothing", {"en": "There is no model 'job/nothing'", "zh": "没有名为“job/nothing”的模型"}),
        ("own/gpt", {"en": "Write `from: gpt`", "zh": "请写 `from: gpt`"}),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_model_that_the_run_has_not_is_told(project: Path, language: str, start: str, words: dict[str, str]) -> None:
    tuning = {"from": start, "dataset": "ratings", "budget": "2 steps"}
    sources = [{"type": "files", "path": "ratings.csv", "label": "label"}]
    data = {"name": "own", "datasets": {"ratings": {"sources": sources}}, "finetune": {"ratings-classifier": tuning}}
    (project / "wrong.yaml").write_text(json.dumps(data), encoding="utf-8")
    for command in ("plan", "run"):
        done = danlu("--lang", language, command, "wrong.yaml", cwd=project, check=False)
        assert done.returncode != 0
        assert words[language] in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("language", "words"), [("en", "it now reads"), ("zh", "现在读取")])
def test_why_tells_of_another_start(project: Path, language: str, words: str) -> None:
    kept = kept_recipe(Workspace(project / ".danlu"), RUN)
    other = project / ".danlu" / "artifacts" / artifact_of(project, "job", "pretrain.bert") / "model"
    setting = f"finetune.ratings-classifier.from={other}"
    done = danlu("--lang", language, "why", kept, "finetune.ratings-classifier", "--set", setting, cwd=project)
    assert words in done.stdout
    assert other.parent.name in done.stdout


def test_a_copy_of_the_model_alone_is_any_directory(project: Path, tmp_path: Path) -> None:
    start = project / ".danlu" / "artifacts" / artifact_of(project, "job", "pretrain.gpt")
    shutil.copytree(start / "model", tmp_path / "model")
    assert locate_model(str(tmp_path / "model"), tmp_path).kind == "directory"
    found = locate_model(str(start), tmp_path)
    assert (found.kind, found.name, found.path) == ("artifact", "gpt", start.resolve() / "model")


@pytest.mark.parametrize(("language", "words"), [("en", "There is no model 'nothing'"), ("zh", "没有名为“nothing”的模型")])
def test_what_is_no_model_is_told(project: Path, language: str, words: str) -> None:
    done = danlu("--lang", language, *COMMAND, "--from", "nothing", cwd=project, check=False)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert load_recipe(kept_recipe(Workspace(project / ".danlu"), RUN)).recipe.name == RUN
