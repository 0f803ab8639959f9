"""A project that was moved with its workspace, and a workspace that was copied without its project: models included."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from commands import danlu, last_line
from danlu.pipeline.state import find_model, kept_recipe, serve_section
from danlu.recipe.load import load_recipe
from danlu.workspace.artifact import Workspace


@pytest.fixture(scope="module")
def moved(job: Path, finished: tuple[Path, dict[str, Any], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The job with its workspace in a folder that has been renamed since its run."""
    before = tmp_path_factory.mktemp("moved") / "before"
    shutil.copytree(job, before)
    shutil.copytree(finished[0] / "artifacts", before / ".danlu" / "artifacts")
    done = danlu("run", "recipe.yaml", "--json", cwd=before)
    assert last_line(done)["payloads"] == finished[1]["payloads"]
    return before.rename(before.with_name("after"))


@pytest.fixture
def alone(moved: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the workspace in a folder where nothing else is, while there is no project."""
    shutil.copytree(moved / ".danlu", tmp_path / "copy")
    aside = moved.rename(moved.with_name("aside"))
    yield tmp_path / "copy"
    aside.rename(moved)


def answers(folder: Path, *options: str) -> None:
    """What looks at finished work does what it did."""
    status = last_line(danlu("status", "--json", *options, cwd=folder))
    assert (status["run"], status["state"]) == ("job", "done")
    assert {node["state"] for node in status["nodes"].values()} == {"cached"}
    shown = last_line(danlu("show", "mood", "--json", *options, cwd=folder))
    assert shown["path"].startswith(str(folder))
    assert len(shown["lineage"]) > 5
    page = Path(last_line(danlu("report", "--json", *options, cwd=folder))["report"])
    assert page.read_text(encoding="utf-8").count("mood") > 3
    said = danlu("predict", "mood", "-", *options, cwd=folder, input="a wonderful film\n")
    assert json.loads(said.stdout.splitlines()[0])["predicted"] in ("positive", "negative")
    assert last_line(danlu("gc", "--dry-run", "--json", *options, cwd=folder))["freed_bytes"] == 0


def test_a_moved_project_goes_on_as_if_nothing_had_happened(moved: Path) -> None:
    answers(moved)
    why = last_line(danlu("why", "recipe.yaml", "--json", cwd=moved))
    assert {stage["state"] for stage in why["stages"].values()} == {"cached"}
    again = last_line(danlu("run", "recipe.yaml", "--json", cwd=moved))
    kept = last_line(
        danlu("run", kept_recipe(Workspace(moved / ".danlu"), "job"), "--workspace", ".danlu", "--json", cwd=moved)
    )
    status = last_line(danlu("status", "--json", cwd=moved))
    assert again["artifacts"] == kept["artifacts"]
    assert all(Path(path).is_relative_to(moved) for path in kept["artifacts"].values())
    assert {node["state"] for node in status["nodes"].values()} == {"cached"}
    assert "before" not in kept_recipe(Workspace(moved / ".danlu"), "job").read_text(encoding="utf-8")


def test_a_copied_workspace_answers_without_its_project(alone: Path) -> None:
    answers(alone.parent, "--workspace", str(alone))
    assert find_model(Workspace(alone), "job/gpt").is_dir()
    assert serve_section(Workspace(alone)).port == 8000


def test_models_of_a_copied_workspace_are_served_by_name(alone: Path) -> None:
    command = [sys.executable, "-m", "danlu", "serve", "mood", "--port", "0", "--workspace", str(alone)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        assert server.stdout is not None
        address = next(found[0] for line in server.stdout if (found := re.search(r"http://[\d.]+:\d+", line)))
        models = json.loads(urlopen(f"{address}/v1/models").read())
        assert [model["id"] for model in models["data"]] == ["mood"]
    finally:
        server.terminate()
        server.wait()


def test_what_lies_elsewhere_keeps_its_full_path(tmp_path: Path) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "data"
    for folder in (project / "texts", elsewhere):
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text("A text of some words.\n", encoding="utf-8")
    sources = "[{type: files, path: texts}, {type: files, path: ../data, name: others}]"
    (project / "r.yaml").write_text(f"name: r\ncollect: {{sources: {sources}}}  # two places\n", encoding="utf-8")
    danlu("run", "r.yaml", "--until", "collect", cwd=project)
    kept = kept_recipe(Workspace(project / ".danlu"), "r")
    assert "# two places" in kept.read_text(encoding="utf-8")
    collect = load_recipe(kept).recipe.collect
    assert collect is not None
    assert [source.path for source in collect.sources] == ["../../../texts", str(elsewhere)]  # type: ignore[union-attr]
    assert collect.identity() == load_recipe(project / "r.yaml").recipe.collect.identity()  # type: ignore[union-attr]


def test_a_workspace_behind_a_link_is_not_taken_for_a_part_of_the_project(tmp_path: Path) -> None:
    project, disk = tmp_path / "project", tmp_path / "disk" / "big"
    for folder in (project / "texts", disk):
        folder.mkdir(parents=True)
    (project / "texts" / "a.txt").write_text("A text of some words.\n", encoding="utf-8")
    (project / ".danlu").symlink_to(disk)
    (project / "r.yaml").write_text("name: r\ncollect: {sources: [{type: files, path: texts}]}\n", encoding="utf-8")
    danlu("run", "r.yaml", "--until", "collect", cwd=project)
    kept = kept_recipe(Workspace(project / ".danlu"), "r")
    again = last_line(danlu("run", kept, "--until", "collect", "--workspace", project / ".danlu", "--json"))
    assert again["state"] == "done"


def test_what_a_replayed_lock_keeps_can_be_run(small: Path, small_done: Path, tmp_path: Path) -> None:
    project, workspace = tmp_path / "project", tmp_path / "w"
    shutil.copytree(small, project)
    shutil.copytree(small_done, workspace)
    danlu("run", project / "small.yaml", "--workspace", workspace)
    danlu("lock", project / "small.yaml", "--workspace", workspace)
    danlu("run", project / "small.lock.yaml", "--workspace", workspace)
    danlu("run", kept_recipe(Workspace(workspace), "small"), "--workspace", workspace)
    status = last_line(danlu("status", "--json", "--workspace", workspace))
    assert {node["state"] for node in status["nodes"].values()} == {"cached"}
