"""A workspace that was moved, or copied to another machine, is used as it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from commands import danlu as command
from commands import last_line

NAMES = ("second", "first")  # the order in which they run: the latest is not the first by name


def danlu(folder: Path, *arguments: str) -> tuple[str, dict[str, Any]]:
    """What a command says in a folder, and its last line."""
    done = command("--lang", "en", *arguments, "--json", cwd=folder)
    return done.stdout + done.stderr, last_line(done)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with texts, rows, two recipes and the workspace of their runs."""
    folder = tmp_path_factory.mktemp("before") / "project"
    (folder / "texts").mkdir(parents=True)
    for number in range(12):
        (folder / "texts" / f"{number}.txt").write_text(
            f"The river was low in summer {number}. 昨天下了一场大雨，第 {number} 天。" * 5
        )
    (folder / "rows.jsonl").write_text(
        "".join(json.dumps({"text": f"row {n} is fine", "label": n % 2}) + "\n" for n in range(40))
    )
    for name in NAMES:
        recipe = {
            "name": name,
            "datasets": {"rows": {"sources": [{"type": "files", "path": "rows.jsonl", "label": "label"}]}},
            "collect": {"sources": [{"type": "files", "path": "texts"}, {"type": "dataset", "dataset": "rows"}]},
        }
        (folder / f"{name}.yaml").write_text(json.dumps(recipe))
        danlu(folder, "run", f"{name}.yaml", "--until", "clean.normalise")
    return folder


def test_no_file_of_a_workspace_names_the_place_it_was_made_at(project: Path) -> None:
    import pyarrow.parquet as parquet

    place = project / ".danlu"
    files = [path for path in place.rglob("*") if path.is_file()]
    assert [path.relative_to(place) for path in files if str(project).encode() in path.read_bytes()] == []
    tables = [path for path in files if path.suffix == ".parquet"]  # compressed
    assert len(tables) > 3
    assert [path for path in tables if str(project) in str(parquet.read_table(path).to_pylist())] == []


def test_a_copy_elsewhere_is_used_as_it_is(project: Path, tmp_path: Path) -> None:
    after = tmp_path / "after"
    shutil.copytree(project, after, copy_function=shutil.copyfile)  # with new times, as most ways to copy give
    shutil.rmtree(project / ".danlu")
    _, status = danlu(after, "status")
    assert (status["run"], status["state"], status["runs"]) == (NAMES[-1], "done", list(reversed(NAMES)))
    _, plan = danlu(after, "plan", f"{NAMES[0]}.yaml", "--until", "clean.normalise")
    assert {node["state"] for node in plan["nodes"]} == {"cached"}
    said, shown = danlu(after, "show", "clean.normalise")
    assert shown["path"].startswith(str(after))
    assert "rows.jsonl" in said
    before = {path: path.stat().st_mtime_ns for path in (after / ".danlu" / "artifacts").rglob("*")}
    _, again = danlu(after, "run", f"{NAMES[-1]}.yaml", "--until", "clean.normalise")
    assert again["state"] == "done"
    assert {path: path.stat().st_mtime_ns for path in (after / ".danlu" / "artifacts").rglob("*")} == before
    assert all(path.startswith(str(after)) for path in again["artifacts"].values())
    _, freed = danlu(after, "gc")
    assert freed["freed_bytes"] == 0
