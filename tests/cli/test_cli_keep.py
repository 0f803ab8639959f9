"""`danlu gc`, `pin` and `unpin` on workspaces made by hand: what goes, what stays, and what a kill in the middle leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from danlu.cli.app import app
from danlu.pipeline.gc import Wishes, clear, look
from danlu.workspace.artifact import LOCK, Workspace
from danlu.workspace.errors import DanluError
from danlu.workspace.index import read_index
from danlu.workspace.lock import locked
from danlu.workspace.pins import pin, read_pins, unpin

HEAVY = ("torch", "transformers", "numpy", "numba", "pyarrow", "sklearn")
WEEK_AGO = time.time() - 8 * 86_400


def name(letter: str, stage: str = "collect") -> str:
    return f"{stage}-{letter * 16}"


def add(place: Workspace, letter: str, *inputs: str, stage: str = "collect", size: int = 100_000) -> str:
    """A finished artifact of about `size` bytes."""
    partial = place.partial(stage, letter * 16)
    partial.mkdir(parents=True)
    (partial / "data").write_bytes(letter.encode() * size)
    manifest = {
        "node": stage,
        "seconds": 1.0,
        "finished": 0.0,
        "inputs": {str(n): i for n, i in enumerate(inputs)},
        "external": {},
    }
    return place.publish(stage, letter * 16, manifest).path.name


def run_of(place: Workspace, run: str, started: float, nodes: dict[str, str | None], state: str = "done") -> None:
    """The state of a run: node name -> artifact (None: its key is not known yet)."""
    folder = place.path / "runs" / run
    folder.mkdir(exist_ok=True)
    entries = {
        node: {"name": node, "stage": (artifact or "x-").rpartition("-")[0], "key": artifact and artifact.rpartition("-")[2]}
        for node, artifact in nodes.items()
    }
    (folder / "state.json").write_text(
        json.dumps({"name": run, "recipe": "r.yaml", "started": started, "state": state, "nodes": entries})
    )
    (folder / "recipe.yaml").write_text("name: x\n")


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """Two runs that share an artifact, one artifact that nothing needs, one that only a deeper lineage needs."""
    made = Workspace(tmp_path / ".danlu")
    made.create()
    shared = add(made, "a")
    old = add(made, "b", shared, stage="pretrain", size=300_000)
    deep = add(made, "c", shared, stage="clean.score")
    new = add(made, "d", deep, stage="pretrain")
    add(made, "e", shared, stage="finetune", size=200_000)  # nothing needs it
    run_of(made, "old", 100.0, {"collect": shared, "pretrain.gpt": old})
    run_of(made, "new", 200.0, {"collect": shared, "pretrain.gpt": new, "finetune.x": None})  # `deep` stands in no state
    return made


def left(place: Workspace) -> str:
    return "".join(sorted(artifact.key[0] for artifact in place.finished()))


def command(*arguments: str | Path, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    environment = {**os.environ, "DANLU_FAILPOINT": failpoint}
    line = [sys.executable, "-m", "danlu", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False, env=environment)


def danlu(*arguments: str | Path) -> Result:
    """The command in this process, with a language of its own."""
    return copy_context().run(CliRunner().invoke, app, list(map(str, arguments)))


def answer(done: Result) -> dict[str, Any]:
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def test_the_command_lists_then_frees_what_nothing_needs(place: Workspace) -> None:
    dry = danlu("--lang", "en", "gc", "--workspace", place.path, "--dry-run", "--json")
    assert dry.exit_code == 0, dry.stderr
    said = answer(dry)
    assert [item["path"] for item in said["items"]] == [f"artifacts/{name('e', 'finetune')}"]
    assert said["items"][0]["why"] == {"key": "gc.why.unneeded", "params": {}}
    assert 200_000 < said["freed_bytes"] < 210_000
    assert name("e", "finetune") in dry.stdout
    assert "no run and no pin needs it" in dry.stdout
    assert "Nothing was removed" in dry.stderr
    assert left(place) == "abcde"
    real = danlu("--lang", "zh", "gc", "--workspace", place.path, "--json")
    assert {**answer(real), "dry_run": True} == said
    assert "已腾出 20" in real.stderr
    assert "没有运行或保留标记需要它" in real.stdout
    assert left(place) == "abcd"
    again = danlu("--lang", "en", "gc", "--workspace", place.path)
    assert "Nothing to free" in again.stderr
    assert not (place.artifacts / ".trash").exists()


def test_the_quota_takes_from_the_oldest_runs_and_says_who_rebuilds(place: Workspace) -> None:
    done = danlu("--lang", "en", "gc", "--workspace", place.path, "--quota", "350kB", "--json")
    said = answer(done)
    assert [item["why"]["key"] for item in said["items"]] == ["gc.why.unneeded", "gc.why.quota"]
    assert said["rebuilds"] == ["old"]
    assert "make again what went, when they are run again: old" in done.stderr
    assert left(place) == "acd"
    tight = danlu("--lang", "en", "gc", "--workspace", place.path, "--quota", "1kB", "--json")
    assert answer(tight)["over_bytes"] > 300_000
    assert "above the quota" in tight.stderr
    assert left(place) == "acd"  # the latest run is never touched
    wrong = danlu("--lang", "en", "gc", "--workspace", place.path, "--quota", "much")
    assert wrong.exit_code == 2
    assert "10GB" in wrong.stderr


def test_the_quota_is_met_with_the_least_recently_used_first(place: Workspace) -> None:
    older = add(place, "f", stage="pretrain")
    run_of(place, "older", 50.0, {"pretrain.gpt": older, "collect": name("a")})
    swept = look(place, Wishes(quota=650_000))
    assert [item.name for item in swept.items] == [name("e", "finetune"), older]
    assert swept.over_bytes == 0


def test_a_pin_keeps_an_artifact_and_its_lineage(place: Workspace) -> None:
    done = danlu("--lang", "en", "pin", "finetune", "collect", "--workspace", place.path, "--json")
    assert done.exit_code == 0, done.stderr
    assert answer(done)["pins"] == [name("a"), name("e", "finetune")]
    assert f"Pinned {name('e', 'finetune')}" in done.stderr
    clear(place, Wishes(quota=0))
    assert left(place) == "acde"
    listed = danlu("pin", "--workspace", place.path)
    assert listed.stdout.split() == [name("a"), "collect", name("e", "finetune"), "finetune"]
    gone = danlu("--lang", "zh", "unpin", "e" * 16, "collect", "--workspace", place.path, "--json")
    assert answer(gone)["pins"] == []
    assert "已取消保留" in gone.stderr
    clear(place, Wishes())
    assert left(place) == "acd"
    wrong = danlu("--lang", "en", "unpin", "nothing", "--workspace", place.path)
    assert wrong.exit_code == 1
    assert "danlu pin" in wrong.stderr


def test_pins_count_by_their_name_alone(place: Workspace) -> None:
    made = pin(place, place.named(name("e", "finetune")))
    (place.path / "pins" / made.artifact).write_text("broken")
    assert [one.artifact for one in read_pins(place)] == [made.artifact]
    clear(place, Wishes())
    assert "e" in left(place)
    unpin(place, made.artifact)
    clear(place, Wishes())
    assert "e" not in left(place)


def test_runs_are_forgotten_but_for_the_newest(place: Workspace) -> None:
    done = danlu("--lang", "en", "gc", "--runs", "1", "--workspace", place.path, "--json")
    assert {item["path"] for item in answer(done)["items"]} == {
        f"artifacts/{name('b', 'pretrain')}", f"artifacts/{name('e', 'finetune')}", "runs/old",
    }  # fmt: skip
    assert left(place) == "acd"
    assert [path.name for path in (place.path / "runs").iterdir() if path.name[0] != "."] == ["new"]


def test_a_run_at_work_is_neither_forgotten_nor_taken_from(place: Workspace) -> None:
    with locked(place.path / "runs" / "old" / LOCK):
        clear(place, Wishes(quota=0, runs=1))
        assert left(place) == "abcd"
        assert (place.path / "runs" / "old" / "state.json").exists()
    clear(place, Wishes(runs=1))
    assert left(place) == "acd"


def test_a_run_whose_state_cannot_be_read_stops_everything(place: Workspace) -> None:
    (place.path / "runs" / "old" / "state.json").write_text("{")
    done = danlu("--lang", "en", "gc", "--workspace", place.path)
    assert done.exit_code == 1
    assert "nothing was removed" in done.stderr
    assert left(place) == "abcde"


def unfinished(place: Workspace, letter: str, when: float | None = None) -> Path:
    path = place.partial("collect", letter * 16)
    path.mkdir()
    (path / "half").write_bytes(b"x" * 1000)
    if when is not None:
        for entry in (path / "half", path):
            os.utime(entry, (when, when))
    return path


def test_unfinished_work_goes_after_a_week_or_when_asked_but_never_from_under_someone(place: Workspace) -> None:
    fresh, stale, busy = unfinished(place, "1"), unfinished(place, "2", WEEK_AGO), unfinished(place, "3")
    with locked(busy / LOCK, needs=(name("e", "finetune"),)):
        os.utime(busy, (WEEK_AGO, WEEK_AGO))
        swept = clear(place, Wishes())
        assert [(item.path, item.why["key"]) for item in swept.items] == [(stale, "gc.why.abandoned")]
        assert "e" in left(place)  # what a stage at work reads
        swept = clear(place, Wishes(partial=True))
        assert [(item.path, item.why["key"]) for item in swept.items] == [(fresh, "gc.why.unowned")]
        assert (busy / "half").exists()
    swept = clear(place, Wishes(partial=True))
    assert {item.name for item in swept.items} == {busy.name, name("e", "finetune")}
    assert not list(place.artifacts.glob("*.partial"))


def test_unfinished_work_beside_the_finished_artifact_is_of_no_use(place: Workspace) -> None:
    path = unfinished(place, "a")
    assert [item.path for item in clear(place, Wishes()).items if item.kind == "partial"] == [path]
    assert "a" in left(place)


def test_an_owner_on_another_machine_counts_as_alive_until_silent_for_a_week(place: Workspace) -> None:
    path = unfinished(place, "1")
    with locked(path / LOCK, machine="elsewhere"):
        assert path.name not in [item.name for item in clear(place, Wishes(partial=True)).items]
        assert path.exists()
        for entry in (*path.iterdir(), path):
            os.utime(entry, (WEEK_AGO, WEEK_AGO))
        assert [item.name for item in clear(place, Wishes()).items] == [path.name]
        assert not path.exists()


def test_work_that_begins_meanwhile_is_left_alone(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    path = unfinished(place, "1")
    found = look(place, Wishes(partial=True))
    monkeypatch.setattr("danlu.pipeline.gc.look", lambda *_: found)
    with locked(path / LOCK):
        assert path.name not in [item.name for item in clear(place, Wishes(partial=True)).items]
        assert (path / "half").exists()


def test_what_a_killed_publication_left_is_removed(place: Workspace) -> None:
    artifact = place.named(name("a"))
    (artifact / "work").mkdir()
    (artifact / "work" / "checkpoint").write_bytes(b"x" * 5000)
    (artifact / "ledger.sqlite").write_bytes(b"x" * 100)
    (artifact / LOCK).write_text("{}")
    swept = look(place, Wishes())
    assert [(item.kind, item.bytes) for item in swept.items if item.name == name("a")] == [("leftovers", 5102)]
    clear(place, Wishes())
    assert {path.name for path in artifact.path.iterdir()} == {"data", "manifest.json", "payload.sha256", "events.jsonl"}


@pytest.mark.parametrize("point", ["gc:moved", f"gc:{name('b', 'pretrain')}"])
def test_killed_in_the_middle_it_leaves_trash_and_never_half_an_artifact(place: Workspace, point: str) -> None:
    killed = command("gc", "--runs", "1", "--workspace", place.path, failpoint=point)
    assert killed.returncode == -signal.SIGKILL
    assert left(place) == "acd"
    assert sorted(read_index(place)) == [artifact.path.name for artifact in place.finished()]
    swept = clear(place, Wishes())
    assert {item.kind for item in swept.items} == {"trash"}
    assert sorted(path.name for path in place.artifacts.iterdir()) == [artifact.path.name for artifact in place.finished()]
    assert look(place, Wishes()).items == ()


def test_a_run_that_notes_down_what_it_found_keeps_it(place: Workspace) -> None:
    """gc waits while a run looks up an artifact and writes it to its state."""
    with place.steady():
        process = subprocess.Popen([sys.executable, "-m", "danlu", "gc", "--workspace", str(place.path)])
        time.sleep(1.5)  # it is surely waiting, or has not come so far
        assert place.find("finetune", "e" * 16)
        run_of(place, "third", 300.0, {"finetune.x": name("e", "finetune")})
    assert process.wait(timeout=60) == 0
    assert left(place) == "abcde"


def test_a_workspace_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    for arguments in (["gc"], ["gc", "--dry-run"], ["pin"]):
        done = danlu("--lang", "en", *arguments, "--workspace", tmp_path / "none", "--json")
        assert done.exit_code == 0, done.stderr
    assert not (tmp_path / "none").exists()


def test_a_workspace_of_a_newer_danlu_is_not_touched(place: Workspace) -> None:
    (place.path / "workspace.json").write_text('{"format": 99}')
    with pytest.raises(DanluError, match="newer"):
        clear(place, Wishes())
    assert left(place) == "abcde"


def test_it_works_with_nothing_free_on_the_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"cannot mount a small file system here: {made.stderr.strip()}")
    try:
        place = Workspace(disk / "w")
        place.create()
        run_of(place, "only", 1.0, {"collect": add(place, "a")})
        add(place, "b", size=500_000)
        unfinished(place, "c")
        with (disk / "filler").open("wb", buffering=0) as file, pytest.raises(OSError, match="space"):
            [file.write(b"\0" * 65_536) for _ in range(100)]
        done = command("gc", "--partial", "--workspace", place.path, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1])["freed_bytes"] > 500_000
        assert left(place) == "a"
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.parametrize("arguments", [["gc", "--quota", "1kB"], ["pin"]])
def test_it_imports_nothing_heavy(place: Workspace, arguments: list[str]) -> None:
    script = (
        "import sys\nfrom danlu.cli.app import commands\nsys.argv = ['danlu', *sys.argv[1:]]\n"
        "try:\n    commands()\nexcept SystemExit as error:\n    assert not error.code, error.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    line = [sys.executable, "-c", script, *arguments, "--workspace", str(place.path)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.stdout.strip().splitlines()[-1] == "[]", done.stderr
