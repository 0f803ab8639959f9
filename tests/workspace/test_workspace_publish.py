"""Publication: killed at every step it goes on to the same payload, and what a kill leaves is no part of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from danlu.workspace.artifact import LOCK, Workspace, hash_payload, read_payload
from danlu.workspace.files import is_temporary, temporary, write_atomic

POINTS = ["publish:start", "publish:manifest", "publish:payload", "publish:rename", "publish:renamed"]
STAGE = """
import sys
from pathlib import Path
from danlu.workspace.artifact import LEDGER, LOCK, Workspace
from danlu.workspace.files import write_atomic
from danlu.workspace.ledger import Ledger
from danlu.workspace.lock import locked
from danlu.workspace.run import Run
place = Workspace(Path(sys.argv[1]))
place.create()
partial = place.partial("collect", "0" * 16)
with locked(partial / LOCK) as held:
    if not place.find("collect", "0" * 16):
        ledger = Ledger(partial / LEDGER, "collect")
        run = Run("collect", partial, ledger)
        (partial / "parts").mkdir(exist_ok=True)
        for number in range(3):
            run.once(f"part-{number}", lambda: write_atomic(partial / "parts" / f"{number}.txt", str(number) * 1000))
            (run.scratch / "checkpoint").write_text(str(number))
        ledger.close()
        held.check()
        place.publish("collect", "0" * 16, {"seconds": 1})
"""


def run(place: Path, failpoint: str = "") -> int:
    environment = {**os.environ, "DANLU_FAILPOINT": failpoint}
    return subprocess.run([sys.executable, "-c", STAGE, str(place)], env=environment, check=False).returncode


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The payload of a run that nothing disturbed."""
    place = tmp_path_factory.mktemp("whole") / "w"
    assert run(place) == 0
    return read_payload(place / "artifacts" / f"collect-{'0' * 16}")


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_every_step_it_ends_in_the_same_payload(point: str, whole: dict[str, str], tmp_path: Path) -> None:
    place = Workspace(tmp_path / "w")
    assert run(place.path, point) == -signal.SIGKILL
    finished = place.find("collect", "0" * 16)
    assert (finished is not None) == (point == "publish:renamed")
    if finished is None:  # what it needs to go on is there
        partial = place.partial("collect", "0" * 16)
        assert (partial / "ledger.sqlite").exists()
        assert (partial / "work" / "checkpoint").exists()
    assert run(place.path) == 0
    artifact = place.named("collect")
    assert read_payload(artifact.path) == whole == hash_payload(artifact.path)
    assert [path.name for path in place.artifacts.iterdir()] == [artifact.path.name]


def test_a_file_that_a_killed_write_left_is_no_payload(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "w")
    place.create()
    partial = place.partial("collect", "1" * 16)
    (partial / "parts").mkdir(parents=True)
    write_atomic(partial / "parts" / "0.txt", "whole")
    left = temporary(partial / "parts" / "1.txt")
    left.write_text("ha")
    assert is_temporary(left.name)
    artifact = place.publish("collect", "1" * 16, {})
    assert list(read_payload(artifact.path)) == ["parts/0.txt"]
    assert not (artifact / f"parts/{left.name}").exists()


def test_a_damaged_directory_in_the_place_of_the_artifact_gives_way(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "w")
    place.create()
    broken = place.directory("collect", "2" * 16)
    broken.mkdir()
    (broken / "half").write_text("half")
    partial = place.partial("collect", "2" * 16)
    partial.mkdir()
    (partial / "data").write_text("whole")
    artifact = place.publish("collect", "2" * 16, {})
    assert {path.name for path in artifact.path.iterdir()} == {"data", "manifest.json", "payload.sha256", "events.jsonl"}


def test_every_file_and_directory_is_flushed_before_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut, an artifact that has its name has its content."""
    place = Workspace(tmp_path / "w")
    place.create()
    partial = place.partial("collect", "3" * 16)
    (partial / "a" / "b").mkdir(parents=True)
    (partial / "a" / "b" / "deep").write_text("x")
    (partial / "top").write_text("x")
    happened: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def flushed(descriptor: int) -> None:
        happened.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    def renamed(self: Path, target: Path) -> Path:
        happened.append(f"rename {Path(target).name}")
        return replace(self, target)

    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc to see what was flushed")
    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    final = place.publish("collect", "3" * 16, {}).path
    before, after = happened[: happened.index(f"rename {final.name}")], happened[happened.index(f"rename {final.name}") + 1 :]
    for path in (partial / "a/b/deep", partial / "top", partial / "a/b", partial / "a", partial):
        assert str(path) in before
    assert before[-1] == str(partial)  # the names of the records, after the records
    assert after == [str(place.artifacts)]


def test_partial_directories_and_trash_are_never_found(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "w")
    place.create()
    for name in (f"collect-{'4' * 16}.partial", f".collect-{'4' * 16}.0123456789ab.tmp"):
        (place.artifacts / name).mkdir()
        (place.artifacts / name / "payload.sha256").write_text("")
    assert list(place.finished()) == []
    assert not (place.partial("collect", "4" * 16) / LOCK).exists()
