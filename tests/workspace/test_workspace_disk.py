"""A full disk at every write: it is said in words, nothing finished is lost, and the same goes on once there is room."""

from __future__ import annotations

import errno
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

import danlu
from danlu.workspace.artifact import LEDGER, LOCK, Workspace, read_payload
from danlu.workspace.disk import RESERVE_BYTES, explain_full, free_bytes, parse_size, require_space, size_words, tree_bytes
from danlu.workspace.errors import DanluError
from danlu.workspace.files import disk_errors, write_atomic
from danlu.workspace.ledger import Ledger
from danlu.workspace.lock import locked
from danlu.workspace.run import Run

DISK_BYTES = 4 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"cannot mount a small file system here: {made.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def make(place: Workspace) -> dict[str, str]:
    """A stage of five units as the pipeline runs it: the payload."""
    directory = place.partial("collect", "0" * 16)
    with disk_errors(directory), locked(directory / LOCK) as held:
        ledger = Ledger(directory / LEDGER, "collect")
        try:
            run = Run("collect", directory, ledger)
            for number in range(5):
                write = partial(write_atomic, directory / f"{number}.bin", bytes([number]) * 60_000)
                run.once(f"part-{number}", write)
                run.resolve(f"answer-{number}", partial(int, number))
            run.events.write(kind="done")
        finally:
            ledger.close()
        held.check()
        return read_payload(place.publish("collect", "0" * 16, {"seconds": 1}).path)


def test_a_full_disk_at_every_write(disk: Path, tmp_path: Path) -> None:
    """Each round leaves a little more room than the last, so that every write in turn is the one that fails."""
    elsewhere = Workspace(tmp_path / "elsewhere")
    elsewhere.create()
    expected = make(elsewhere)
    place = Workspace(disk / "w")
    place.create()
    failures: list[DanluError] = []
    kept = 0
    for room in range(0, 900_000, 12_288):
        filler = disk / "filler"
        filler.write_bytes(b"\0" * max(free_bytes(disk) - room, 0))
        try:
            payload = make(place)
            break
        except DanluError as error:
            failures.append(error.with_traceback(None))
        filler.unlink()
        there = len(list(place.partial("collect", "0" * 16).glob("*.bin")))
        assert there >= kept  # nothing finished is lost
        kept = there
    for error in failures:
        assert error.key == "workspace.disk-full"
        for said in (error.explain("en"), error.explain("zh")):
            assert "danlu gc" in said["remedy"]
            assert "B" in said["cause"]
    assert len(failures) > 3
    assert kept > 0
    assert payload == expected
    assert [path.name for path in place.artifacts.iterdir()] == [f"collect-{'0' * 16}"]


def test_no_inodes_left_is_said_as_such(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,nr_inodes=20", str(disk)], check=True)
    with pytest.raises(DanluError) as caught, disk_errors(disk):
        list(map(Path.touch, [disk / str(number) for number in range(30)]))
    assert caught.value.key == "workspace.no-inodes"


def test_a_run_on_a_full_disk(disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    for number in range(4):
        (texts / f"{number}.txt").write_text(
            "The river was low that summer. " * 40 + os.urandom(300_000).hex(), encoding="utf-8"
        )
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"name: full\ncollect: {{sources: [{{type: files, path: {texts}}}]}}\n", encoding="utf-8")
    (disk / "filler").write_bytes(b"\0" * (DISK_BYTES - 400_000))
    command = [sys.executable, "-m", "danlu", "--lang", "zh", "run", str(recipe), "--until", "collect", "-w", str(disk / "w")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "磁盘空间不足" in done.stderr, "it is said before anything is read"
    assert "danlu gc" in done.stderr
    assert "Traceback" not in done.stderr

    monkeypatch.setattr("danlu.pipeline.runner.require_space", lambda path, needed: None)  # and then it gets full meanwhile
    with pytest.raises(DanluError) as caught:
        danlu.run(recipe, workspace=disk / "w", until="collect")
    assert caught.value.key == "workspace.disk-full"
    (disk / "filler").unlink()
    assert danlu.run(recipe, workspace=disk / "w", until="collect").state.state == "done"


def test_a_file_that_may_not_grow_is_said_as_such(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            with disk_errors(tmp_path):
                write_atomic(tmp_path / "large", b"x" * 100_000)
        except DanluError as error:
            os.write(writer, error.key.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        assert answer.read() == "workspace.file-too-large"
    os.waitpid(child, 0)
    assert list(tmp_path.iterdir()) == []


def sqlite_full() -> sqlite3.OperationalError:
    connection = sqlite3.connect(":memory:")
    connection.execute("pragma max_page_count=2")
    connection.execute("create table a (b)")
    with pytest.raises(sqlite3.OperationalError) as caught:
        connection.executemany("insert into a values (?)", [("x" * 1000,) for _ in range(50)])
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
        sqlite_full,
    ],
)
def test_other_libraries_ways_to_say_it(error: object, tmp_path: Path) -> None:
    found = explain_full(error() if callable(error) else error, tmp_path)  # type: ignore[arg-type]
    assert found is not None
    assert found.key == "workspace.disk-full"


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    for error in (ValueError("x"), OSError(errno.ENOENT, "no such file"), DanluError("workspace.locked")):
        assert explain_full(error, tmp_path) is None


def test_an_error_with_nothing_left_is_of_the_full_disk(disk: Path) -> None:
    """Such as torch's `file write failed`, which says no more."""
    error = RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed")
    assert explain_full(error, disk) is None
    (disk / "filler").write_bytes(b"\0" * (free_bytes(disk) - 4096))
    found = explain_full(error, disk)
    assert found is not None
    assert found.key == "workspace.disk-full"


def test_room_is_asked_for_before(tmp_path: Path) -> None:
    require_space(tmp_path / "not" / "there" / "yet", 1)
    with pytest.raises(DanluError) as caught:
        require_space(tmp_path, free_bytes(tmp_path) + 5 * 10**12)
    assert caught.value.key == "workspace.disk-too-small"
    said = caught.value.explain("en")
    assert "TB are needed" in said["cause"]
    assert "danlu gc" in said["remedy"]
    with pytest.raises(DanluError):
        require_space(tmp_path, free_bytes(tmp_path) - RESERVE_BYTES // 2)  # the reserve is kept


def test_sizes_in_words_and_back(tmp_path: Path) -> None:
    assert [size_words(n) for n in (0, 999, 1000, 99_950, 123_456, 3_140_000_000, 999_600_000, 4e18)] == [
        "0 B", "999 B", "1.0 kB", "100 kB", "123 kB", "3.1 GB", "1.0 GB", "4000 PB",
    ]  # fmt: skip
    assert [parse_size(w) for w in ("10GB", "1.5 tb", "512MiB", "7b")] == [10**10, 15 * 10**11, 512 << 20, 7]
    for wrong in ("10", "GB", "-1GB", "10 GX", ""):
        with pytest.raises(ValueError, match=r".*"):
            parse_size(wrong)
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"x" * 10)
    (tmp_path / "a" / "d").write_bytes(b"x" * 5)
    assert (tree_bytes(tmp_path), tree_bytes(tmp_path / "a" / "d"), tree_bytes(tmp_path / "none")) == (15, 5, 0)
