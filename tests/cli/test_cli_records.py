"""The events of real runs conform to docs/events.md; metrics become curves by `danlu tensorboard`."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from danlu.pipeline.state import NodeState, RunState
from danlu.workspace.artifact import Workspace
from danlu.workspace.events import JsonLines, read_json_lines
from danlu.workspace.messages import LANGUAGES, table, text
from documented import DOCS, conforms, tables


def command(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "danlu", *arguments],
        capture_output=True, text=True, encoding="utf-8", check=False, cwd=cwd, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that was killed and then finished, and one that failed."""
    folder = tmp_path_factory.mktemp("records")
    cache = str(folder / "cache")
    draw = random.Random(1)
    words = [f"{draw.choice('bcdfgklmnprst')}{draw.choice('aeiou')}{draw.choice('nrstl')}" for _ in range(80)]
    lines = [" ".join(draw.choice(words) for _ in range(60)) for _ in range(50)]
    (folder / "texts.txt").write_text("\n".join(lines), encoding="utf-8")
    (folder / "empty.txt").write_text("no " * 500, encoding="utf-8")
    arguments = ("clean", "texts.txt", "--set", "clean.preset=none", "--set", "collect.sources.0.format=lines")
    assert command(*arguments, cwd=folder, XDG_CACHE_HOME=cache, DANLU_FAILPOINT="clean.score:end").returncode == -9
    done = command(*arguments, cwd=folder, XDG_CACHE_HOME=cache)
    assert done.returncode == 0, done.stderr
    assert command("clean", "empty.txt", cwd=folder, XDG_CACHE_HOME=cache).returncode == 1
    return folder


def events(place: Path, artifact: str = "*") -> list[Path]:
    return sorted((place / ".danlu" / "artifacts").glob(f"{artifact}/events.jsonl"))


def test_both_pages_say_the_same() -> None:
    assert tables(DOCS / "events.md") == tables(DOCS / "events.zh.md")
    assert all(len(schema) > 1 for schema in tables()[1:])


def test_every_event_of_real_runs_conforms(place: Path) -> None:
    common, kinds, _ = tables()
    seen = set()
    for path in events(place):
        rows = read_json_lines(path)
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
        for row in rows:
            assert conforms(row, common, kinds), row
            seen.add(row["kind"])
    assert seen >= {"started", "resumed", "unit", "warning", "failed", "published"}


def test_every_finished_stage_tells_from_its_start_to_its_publication(place: Path) -> None:
    finished = [read_json_lines(path) for path in events(place) if not path.parent.name.endswith(".partial")]
    assert len(finished) == 11
    assert all((rows[0]["kind"], rows[-1]["kind"]) == ("started", "published") for rows in finished)


def test_words_are_told_by_key_and_read_in_both_languages(place: Path) -> None:
    rows = [row for path in events(place) for row in read_json_lines(path)]
    said = [row for row in rows if row["kind"] in ("said", "warning")]
    assert said
    assert all(text(row["key"], language, **row["params"]) for row in said for language in LANGUAGES)
    (failed,) = [row for row in rows if row["kind"] == "failed"]
    assert f"{failed['error']}.what" in table()
    assert text(f"{failed['error']}.what", "zh", **failed["params"])


def test_the_killed_stage_says_that_it_went_on(place: Path) -> None:
    (path,) = [path for path in events(place, "clean.score-*") if "resumed" in path.read_text(encoding="utf-8")]
    rows = read_json_lines(path)
    kinds = [row["kind"] for row in rows]
    row = rows[kinds.index("resumed")]
    assert (row["stage"], row["attempt"]) == ("clean.score", 2)
    assert row["units"] == kinds[: kinds.index("resumed")].count("unit") > 0


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A workspace with a run of two models: one finished, one at work."""
    workspace = Workspace(tmp_path / ".danlu")
    workspace.create()
    state = RunState(name="models", recipe="models.yaml")
    for name, key in (("pretrain.gpt", "aa"), ("pretrain.bert", "bb")):
        state.nodes[name] = NodeState(name, "pretrain", state="running", key=key)
        partial = workspace.partial("pretrain", key)
        partial.mkdir()
        JsonLines(partial / "metrics.jsonl").write(kind="train", training="", step=1, loss=3.5, tokens=1024)
    state.nodes["collect"] = NodeState("collect", "collect", state="waiting")
    state.save(workspace)
    workspace.publish("pretrain", "aa", {"node": "pretrain.gpt"})
    return tmp_path


@pytest.mark.parametrize(("language", "words"), [("en", "Look at them:"), ("zh", "查看：")])
def test_curves_of_a_run(trained: Path, language: str, words: str) -> None:
    done = command("--lang", language, "tensorboard", "--json", cwd=trained)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["points"] == {"pretrain.gpt": 2, "pretrain.bert": 2}
    assert said["command"] == "tensorboard --logdir .danlu/runs/models/tensorboard"
    assert words in done.stderr
    found = sorted((trained / said["command"].split()[-1]).rglob("*tfevents*"))
    assert [path.parent.name for path in found] == ["pretrain.bert", "pretrain.gpt"]
    assert all(b"brain.Event:2" in path.read_bytes() for path in found)


@pytest.mark.parametrize("arguments", [["tensorboard"], ["tensorboard", "nothing"]])
def test_no_run_no_curves(arguments: list[str], tmp_path: Path) -> None:
    done = command("--lang", "en", *arguments, "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert "danlu run" in done.stderr
    assert json.loads(done.stdout)
