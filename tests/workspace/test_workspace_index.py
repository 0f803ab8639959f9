from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from danlu.workspace.artifact import Workspace
from danlu.workspace.index import FILE, Entry, read_index

READ = "import sys\nfrom pathlib import Path\nfrom danlu.workspace.artifact import Workspace\n" + (
    "from danlu.workspace.index import read_index\n"
    "for _ in range(20):\n    print(len(read_index(Workspace(Path(sys.argv[1])))))\n"
)


def add(place: Workspace, key: str, size: int = 10, inputs: dict[str, object] | None = None) -> str:
    partial = place.partial("collect", key)
    (partial / "deep").mkdir(parents=True)
    (partial / "deep" / "data").write_bytes(b"x" * size)
    place.publish("collect", key, {"seconds": 2.5, "finished": 7.0, "inputs": inputs or {}})
    return f"collect-{key}"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "w")
    made.create()
    first = add(made, "a" * 16)
    add(made, "b" * 16, 20, {"one": first, "none": None, "many": {"x": first, "y": f"clean-{'c' * 16}"}})
    return made


def test_it_says_what_the_files_say(place: Workspace) -> None:
    entries = read_index(place)
    artifact = place.named("b" * 16)
    size = sum(path.stat().st_size for path in artifact.path.rglob("*") if path.is_file())
    assert entries[f"collect-{'b' * 16}"] == Entry(
        f"collect-{'b' * 16}",
        "collect",
        "b" * 16,
        artifact.payload,
        size,
        2.5,
        7.0,
        (f"clean-{'c' * 16}", f"collect-{'a' * 16}"),
    )
    assert sorted(entries) == [artifact.path.name for artifact in place.finished()]
    assert read_index(place) == entries


def test_it_follows_what_comes_and_goes(place: Workspace) -> None:
    read_index(place)
    add(place, "d" * 16)
    shutil.rmtree(place.directory("collect", "a" * 16))
    (place.artifacts / f"collect-{'e' * 16}.partial").mkdir()
    (place.artifacts / f"collect-{'f' * 16}").mkdir()  # no artifact: it has no list of a payload
    assert list(read_index(place)) == [f"collect-{'b' * 16}", f"collect-{'d' * 16}"]
    manifest = place.directory("collect", "b" * 16) / "manifest.json"
    changed = {**json.loads(manifest.read_text()), "seconds": 9.0, "inputs": {}}
    manifest.unlink()
    manifest.write_text(json.dumps(changed))
    entry = read_index(place)[f"collect-{'b' * 16}"]
    assert (entry.seconds, entry.inputs) == (9.0, ())


@pytest.mark.parametrize("damage", ["missing", "garbage", "cut", "version", "foreign", "column"])
def test_a_lost_or_broken_index_is_made_anew(place: Workspace, damage: str) -> None:
    before = read_index(place)
    path = place.path / FILE
    if damage == "missing":
        path.unlink()
    elif damage == "garbage":
        path.write_bytes(b"not a database" * 1000)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        with sqlite3.connect(path) as connection:
            if damage == "version":
                connection.execute("pragma user_version=99")
            elif damage == "foreign":
                connection.execute("drop table edges")
            else:
                connection.execute("alter table artifacts drop column bytes")
    assert read_index(place) == before
    assert read_index(place) == before


def test_where_it_cannot_be_written_it_is_made_in_memory(place: Workspace) -> None:
    before = read_index(place)
    (place.path / FILE).unlink()
    (place.path / FILE).mkdir()  # root may write anywhere but not into a directory
    assert read_index(place) == before
    assert read_index(Workspace(place.path / "nowhere")) == {}


def test_on_a_read_only_file_system(place: Workspace, tmp_path: Path) -> None:
    before = read_index(place)
    mounted = subprocess.run(
        ["mount", "--bind", "-o", "ro", place.path, place.path], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount here: {mounted.stderr.strip()}")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", place.path], check=True)
        assert read_index(place) == before
        assert place.named("a" * 16).key == "a" * 16
    finally:
        subprocess.run(["umount", place.path], check=True)


def test_several_processes_read_and_make_it_at_once(place: Workspace) -> None:
    for number in range(30):
        add(place, f"{number:016}")
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READ, str(place.path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    answers = [reader.communicate() for reader in readers]
    assert [reader.returncode for reader in readers] == [0, 0, 0], answers
    assert {line for out, _ in answers for line in out.splitlines()} == {"32"}
    assert os.access(place.path / FILE, os.R_OK)
