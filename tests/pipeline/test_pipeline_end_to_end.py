"""The whole chain through the command a user types: runs, is resumed after kill -9, is cached, is shown."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from commands import danlu, last_line
from danlu.pipeline.reporting import gather, stored_result
from danlu.pipeline.state import find_model
from danlu.workspace.artifact import Workspace, hash_payload, read_payload

STAGES = [
    "dataset", "collect", "clean.normalise", "clean.score", "clean.pairs", "clean.search", "clean.decide", "tokenize.train",
    "tokenize.encode", "pretrain.trunk", "pretrain.decay", "finetune", "evaluate.baselines", "evaluate.models",
]  # fmt: skip


def test_every_stage_is_made_and_its_payload_is_what_it_says(finished: tuple[Path, dict[str, Any], str]) -> None:
    _, summary, said = finished
    assert summary["state"] == "done"
    assert len(summary["artifacts"]) == 16
    for path in summary["artifacts"].values():
        assert hash_payload(Path(path)) == read_payload(Path(path))
        assert not (Path(path) / "work").exists()
    assert Path(summary["report"]).stat().st_size < 2_000_000
    assert "danlu predict mood" in said
    assert "Traceback" not in said


def test_running_again_makes_nothing(job: Path, finished: tuple[Path, dict[str, Any], str]) -> None:
    workspace, summary, _ = finished
    before = {path: path.stat().st_mtime_ns for path in (workspace / "artifacts").rglob("*")}
    start = time.monotonic()
    again = last_line(danlu("run", job / "recipe.yaml", "--workspace", workspace, "--json"))
    assert again["payloads"] == summary["payloads"]
    assert {path: path.stat().st_mtime_ns for path in (workspace / "artifacts").rglob("*")} == before
    assert time.monotonic() - start < 60
    plan = last_line(danlu("plan", job / "recipe.yaml", "--workspace", workspace, "--json"))
    assert {node["state"] for node in plan["nodes"]} == {"cached"}


def test_a_changed_key_reruns_only_what_depends_on_it(job: Path, finished: tuple[Path, dict[str, Any], str]) -> None:
    workspace, _, _ = finished
    plan = last_line(
        danlu("plan", job / "recipe.yaml", "--workspace", workspace, "--set", "pretrain.gpt.learning_rate=0.001", "--json")
    )
    states = {node["name"]: node["state"] for node in plan["nodes"]}
    changed = {"pretrain.gpt.trunk", "pretrain.gpt", "evaluate.models"}
    assert {name for name, state in states.items() if state != "cached"} == changed
    assert states["evaluate.models"] == "waits"


def test_a_model_is_found_by_its_name_and_the_report_has_its_whole_training(finished: tuple[Path, dict[str, Any], str]) -> None:
    workspace, summary, _ = finished
    for name in ("bert", "job/gpt"):
        assert find_model(Workspace(workspace), name).parent.name.startswith("pretrain.decay-")
    result = stored_result(Workspace(workspace), "job")
    facts = gather(result.state, result.artifacts, "", "recipe.yaml")
    assert list(facts["pretrain"]) == ["bert", "gpt"]
    for name, part in facts["pretrain"].items():
        steps = [line["step"] for line in part["metrics"] if line["kind"] == "train"]
        assert steps == list(range(1, 31))
        assert part["resolved"]["pretrain"]["plan"]["steps"] == 30
        assert part["record"]["reasons"]
        parts = [
            json.loads((Path(summary["artifacts"][f"pretrain.{name}{end}"]) / "manifest.json").read_text())
            for end in ("", ".trunk")
        ]
        assert part["record"]["seconds"] == pytest.approx(sum(manifest["facts"]["seconds"] for manifest in parts), abs=0.11)


def test_a_shorter_fall_goes_on_from_the_trunk_that_is_there(
    job: Path, finished: tuple[Path, dict[str, Any], str], tmp_path: Path
) -> None:
    workspace, summary, _ = finished
    shutil.copytree(workspace, tmp_path / "w")
    shutil.copytree(workspace, tmp_path / "alone", ignore=shutil.ignore_patterns("pretrain.trunk-*"))
    options = ["--until", "pretrain.gpt.trunk", "--set", "pretrain.gpt.decay=0.25", "--json"]
    done = danlu("--lang", "en", "run", job / "recipe.yaml", "--workspace", tmp_path / "w", *options)
    earlier = Path(summary["artifacts"]["pretrain.gpt.trunk"]).name
    assert f"Going on from step 16 of {earlier}" in done.stderr
    alone = danlu("--lang", "zh", "run", job / "recipe.yaml", "--workspace", tmp_path / "alone", *options)
    assert "从产物" not in alone.stderr
    assert last_line(done)["payloads"] == last_line(alone)["payloads"]
    shown = last_line(danlu("show", "pretrain.gpt.trunk", "--workspace", tmp_path / "w", "--json"))["manifest"]
    assert shown["facts"]["goes_on_from"] == {"artifact": earlier, "step": 16}
    assert shown["counts"]["steps"] == 23


def test_kill_9_in_each_stage_ends_in_the_same_payload(
    job: Path, finished: tuple[Path, dict[str, Any], str], tmp_path: Path
) -> None:
    """Each run is killed in the next stage and goes on from there; budgets in steps, so nothing depends on the clock."""
    workspace = tmp_path / "w"
    for stage in STAGES:
        point = "end" if stage in ("collect", "tokenize.train", "evaluate.baselines") else "start"
        killed = danlu("run", job / "recipe.yaml", "--workspace", workspace, failpoint=f"{stage}:{point}")
        assert killed.returncode == -signal.SIGKILL, (stage, killed.stderr)
        assert list((workspace / "artifacts").glob(f"{stage}-*.partial")), stage
    whole = last_line(danlu("run", job / "recipe.yaml", "--workspace", workspace, "--json"))
    assert whole["payloads"] == finished[1]["payloads"]
    assert not list((workspace / "artifacts").glob("*.partial"))


def test_ctrl_c_stops_in_words_and_the_same_command_goes_on(
    job: Path, finished: tuple[Path, dict[str, Any], str], tmp_path: Path
) -> None:
    workspace = tmp_path / "w"
    shutil.copytree(finished[0], workspace, ignore=shutil.ignore_patterns("pretrain.*", "finetune-*", "evaluate.models-*"))
    command = [sys.executable, "-m", "danlu", "--lang", "en", "run", str(job / "recipe.yaml"), "--workspace", str(workspace)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("pretrain.bert ..."):
            break
    process.send_signal(signal.SIGINT)
    said = process.stderr.read()
    assert process.wait(timeout=60) == 130
    assert "same command" in said
    assert "Traceback" not in said
    whole = last_line(danlu("run", job / "recipe.yaml", "--workspace", workspace, "--json"))
    assert whole["payloads"] == finished[1]["payloads"]


def test_second_run_in_a_busy_workspace_waits_and_says_for_whom(job: Path, tmp_path: Path) -> None:
    from danlu.workspace.lock import locked

    workspace = tmp_path / "w"
    plan = last_line(danlu("plan", job / "recipe.yaml", "--workspace", workspace, "--until", "dataset", "--json"))
    partial = Workspace(workspace).partial("dataset", plan["nodes"][0]["key"])
    command = ["--lang", "en", "run", str(job / "recipe.yaml"), "--workspace", str(workspace), "--until", "dataset"]
    with locked(partial / "lock.json"):
        process = subprocess.Popen([sys.executable, "-m", "danlu", *command], stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        said = ""
        while "waiting for it" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        assert f"process {os.getpid()}" in said
    assert process.communicate()[1].count("waiting for it") == 0
    assert process.returncode == 0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_status_and_show(finished: tuple[Path, dict[str, Any], str], language: str) -> None:
    workspace, summary, _ = finished
    status = danlu("--lang", language, "status", "--workspace", workspace, "--json")
    assert last_line(status)["nodes"]["pretrain.bert"]["state"] in ("done", "cached")
    assert ("Run job" if language == "en" else "运行 job") in status.stdout
    shown = danlu("--lang", language, "show", "pretrain.bert", "--workspace", workspace)
    assert "model/model.safetensors" in shown.stdout
    assert "rows.csv" in shown.stdout  # the lineage reaches the sources
    assert summary["artifacts"]["pretrain.bert"] in shown.stdout


def test_predict_answers_in_both_languages(finished: tuple[Path, dict[str, Any], str]) -> None:
    workspace, _, _ = finished
    texts = "A wonderful film with great acting.\n质量太差了，让人失望。\n"
    done = danlu("predict", "mood", "-", "--workspace", workspace, input=texts)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 2
    assert {row["predicted"] for row in rows} <= {"positive", "negative"}


def test_moved_workspace_is_used_as_it_is(job: Path, finished: tuple[Path, dict[str, Any], str], tmp_path: Path) -> None:
    workspace, _, _ = finished
    shutil.copytree(workspace, tmp_path / "moved")
    plan = last_line(danlu("plan", job / "recipe.yaml", "--workspace", tmp_path / "moved", "--json"))
    assert {node["state"] for node in plan["nodes"]} == {"cached"}


def test_cancel_stops_a_run_of_another_terminal(job: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    command = ["--lang", "en", "run", str(job / "recipe.yaml"), "--workspace", str(workspace)]
    process = subprocess.Popen([sys.executable, "-m", "danlu", *command], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "..." not in process.stderr.readline():
        pass
    name = last_line(danlu("cancel", "--workspace", workspace, "--json"))["run"]
    words = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "Stopped on request" in words
    assert last_line(danlu("status", name, "--workspace", workspace, "--json"))["state"] == "interrupted"
    again = danlu("cancel", "--workspace", workspace, check=False)
    assert again.returncode == 1
    assert "is not at work" in again.stderr
