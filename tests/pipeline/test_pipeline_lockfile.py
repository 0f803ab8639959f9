"""`danlu lock` and the replay of a lock."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from danlu.cli.app import app
from danlu.cli.lock import outcome_words
from danlu.pipeline.lockfile import Difference, Outcome, compare, lock_path, movable, put_resolved, read_lock
from danlu.pipeline.plan import stand
from danlu.recipe.load import load_recipe
from danlu.workspace.artifact import Workspace
from danlu.workspace.errors import RecipeError
from danlu.workspace.messages import choose_language
from danlu.workspace.sentences import message


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """What `--lang` chose in this process ends with the test."""
    yield
    choose_language(None)


def danlu(*arguments: str | Path, status: int = 0) -> tuple[str, str]:
    """Standard output and error of the command in this process."""
    done = CliRunner().invoke(app, ["--lang", "en", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == status, done.stderr
    return done.stdout, done.stderr


@pytest.fixture
def locked(small: Path, small_done: Path, tmp_path: Path) -> Path:
    """A copy of the recipe's folder with its lock in it; the workspace stays where it is."""
    shutil.copytree(small, tmp_path / "small")
    danlu("lock", tmp_path / "small" / "small.yaml", "--workspace", small_done)
    return tmp_path / "small" / "small.lock.yaml"


def test_a_lock_holds_all_that_decided_the_run(locked: Path, small_done: Path) -> None:
    content = yaml.safe_load(locked.read_text(encoding="utf-8"))
    assert content["base"] == "."
    assert yaml.safe_load(content["recipe"])["collect"]["sources"][0]["path"] == "texts"
    assert {"torch", "numpy"} <= set(content["versions"])
    assert content["machine"]["cores"] >= 1
    node = content["nodes"]["tokenize.encode"]
    artifact = Workspace(small_done).find("tokenize.encode", node["key"])
    assert artifact is not None
    assert node["payload"] == artifact.payload
    assert node["resolved"] == artifact.manifest["resolved"] != {}
    assert content["nodes"]["collect"]["external"]["texts/secret.txt"]
    assert "\\n" not in locked.read_text(encoding="utf-8")  # texts stand as blocks, for people


def test_a_lock_needs_a_finished_run(small: Path, tmp_path: Path) -> None:
    _, said = danlu("lock", small / "small.yaml", "--workspace", tmp_path / "w", "--output", tmp_path / "x.lock.yaml", status=1)
    assert "stages missing: 9" in said
    assert "danlu run" in said


def test_a_replay_of_what_is_there_is_equal_and_ends_well(locked: Path, small_done: Path) -> None:
    out, said = danlu("run", locked, "--workspace", small_done, "--json")
    assert "all 9 payloads are equal" in said
    outcome = json.loads(out.splitlines()[-1])["lock"]
    assert outcome["equal"]
    assert outcome["missing"] == outcome["differs"] == []


def test_a_replay_elsewhere_decides_as_was_decided_and_compares(locked: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "elsewhere"
    command = [sys.executable, "-m", "danlu", "--lang", "en", "run", str(locked), "--until", "collect", "--json"]
    done = subprocess.run(
        [*command, "--workspace", str(workspace)], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    assert "all 2 payloads are equal" in done.stderr
    assert "tokenize.encode" in done.stderr.splitlines()[-1]  # not made, so not compared
    assert json.loads(done.stdout.splitlines()[-1])["lock"]["same"] == ["dataset.mood", "collect"]


def test_resolved_values_are_put_before_a_stage_starts_and_never_over_others(locked: Path, tmp_path: Path) -> None:
    lock, workspace = read_lock(locked), Workspace(tmp_path / "w")
    workspace.create()
    node = stand(lock.loaded, workspace).nodes["tokenize.encode"]
    put_resolved(workspace, node, "0" * 16, lock.loaded)
    written = workspace.partial("tokenize.encode", "0" * 16) / "resolved.json"
    assert json.loads(written.read_text()) == lock.nodes["tokenize.encode"]["resolved"]
    written.write_text("{}")
    put_resolved(workspace, node, "0" * 16, lock.loaded)
    assert written.read_text() == "{}"
    put_resolved(workspace, stand(lock.loaded, workspace).nodes["collect"], "1" * 16, lock.loaded)
    assert not workspace.partial("collect", "1" * 16).exists()


def test_a_changed_source_is_named_and_stops_the_replay(locked: Path, small_done: Path) -> None:
    (locked.parent / "texts" / "03.txt").write_text("another text", encoding="utf-8")
    _, said = danlu("run", locked, "--workspace", small_done, status=1)
    assert "texts/03.txt" in said
    assert "--anyway" in said


def test_anyway_goes_on_compares_and_says_that_sources_are_others(locked: Path, tmp_path: Path) -> None:
    (locked.parent / "rows.csv").write_text("text,label\nvery good,positive\nrather bad,negative\n", encoding="utf-8")
    out, said = danlu(
        "run", locked, "--until", "dataset", "--anyway", "--workspace", tmp_path / "w", "--json"
    )  # exit status 0 although it differs
    assert "Going on although sources changed since the lock: rows.csv" in said
    assert "dataset.mood differs because it read other sources" in said
    assert json.loads(out.splitlines()[-1])["lock"]["differs"] == ["dataset.mood"]


def test_a_payload_that_differs_is_explained(locked: Path, small_done: Path, tmp_path: Path) -> None:
    shutil.copytree(small_done, tmp_path / "w")
    workspace, lock = Workspace(tmp_path / "w"), read_lock(locked)
    standing = stand(lock.loaded, workspace)
    encode = standing.artifacts["tokenize.encode"]
    text = (encode / "payload.sha256").read_text()
    (encode / "payload.sha256").write_text(text.replace(text[:8], "00000000"))
    _, said = danlu("run", locked, "--workspace", tmp_path / "w", status=1)
    assert "differ from the locked ones: 1" in said
    assert "please report it" in said
    manifest = {**encode.manifest, "versions": {**encode.manifest["versions"], "numpy": "0.1"}}
    (encode / "manifest.json").write_text(json.dumps(manifest))
    (difference,) = compare(lock, standing.artifacts, standing.nodes).differs
    assert (difference.node, difference.follows, difference.otherwise) == ("tokenize.encode", False, False)
    assert "numpy is 0.1" in outcome_words(Outcome((), (difference,), ()))[1]
    (encode / "manifest.json").write_text(json.dumps({**manifest, "resolved": {}}))
    (difference,) = compare(lock, standing.artifacts, standing.nodes).differs
    assert difference.otherwise


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_outcome_in_words(language: Any) -> None:
    choose_language(language)
    reason = message("why.drift.version", name="numpy", old="1", new="2")
    differs = (
        Difference("a", follows=True, sources=False, otherwise=False, elsewhere=()),
        Difference("b", follows=False, sources=False, otherwise=True, elsewhere=()),
        Difference("c", follows=False, sources=False, otherwise=False, elsewhere=(reason,)),
    )
    lines = outcome_words(Outcome(("x", "y"), differs, ("z",)))
    choose_language(None)
    assert len(lines) == 5
    assert {"en": "equal ones: 2", "zh": "2 个相同"}[language] in lines[0]
    assert {"en": "--workspace DIR", "zh": "--workspace 目录"}[language] in lines[2]
    assert "numpy" in lines[3]


def test_a_lock_is_run_as_it_is(locked: Path, tmp_path: Path) -> None:
    for arguments in (["--set", "seed=1"], ["--hours", "1"]):
        _, said = danlu("run", locked, *arguments, "--workspace", tmp_path / "w", status=2)
        assert "without changes" in said
    _, said = danlu("lock", locked, "--workspace", tmp_path / "w", status=2)
    assert "a lock already" in said


@pytest.mark.parametrize("content", ["", "[1]", "lock: 1\n", "lock: 1\nrecipe: 3\nnodes: {}\n", "a: [", "\x00"])
def test_a_broken_lock_is_an_error_in_words(content: str, tmp_path: Path) -> None:
    path = tmp_path / "x.lock.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RecipeError) as raised:
        read_lock(path)
    assert raised.value.key == "lock.unreadable"
    path.write_text("lock: 99\n", encoding="utf-8")
    with pytest.raises(RecipeError) as raised:
        read_lock(path)
    assert raised.value.key == "lock.format"


def test_a_lock_can_be_moved_with_its_folder(locked: Path, tmp_path: Path, small_done: Path) -> None:
    changed = load_recipe(locked.parent / "small.yaml", ["tokenize.vocabulary=600"])
    data = yaml.safe_load(movable(changed.text, locked.parent))
    assert data["collect"]["sources"][0]["path"] == "texts"
    shutil.move(locked.parent, tmp_path / "moved")
    lock = read_lock(tmp_path / "moved" / "small.lock.yaml")
    standing = stand(lock.loaded, Workspace(small_done))
    assert {standing.state(name) for name in standing.nodes} == {"cached"}
    assert lock_path(Path("a/b.yaml")) == Path("a/b.lock.yaml")
