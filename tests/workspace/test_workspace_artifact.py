from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from danlu.workspace.artifact import Workspace, artifact_key, hash_payload, read_payload
from danlu.workspace.errors import DanluError, Interrupted
from danlu.workspace.events import JsonLines, read_json_lines
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    place = Workspace(tmp_path / "w")
    place.create()
    return place


def make(workspace: Workspace, key: str = "0123456789abcdef", content: bytes = b"hello") -> Path:
    partial = workspace.partial("collect", key)
    (partial / "documents").mkdir(parents=True)
    (partial / "documents" / "part.bin").write_bytes(content)
    (partial / "work").mkdir()
    (partial / "work" / "checkpoint").write_bytes(b"scratch")
    (partial / "events.jsonl").write_text("{}\n")
    return partial


def test_publish_hashes_the_payload_and_drops_scratch(workspace: Workspace) -> None:
    partial = make(workspace)
    artifact = workspace.publish("collect", "0123456789abcdef", {"seconds": 1})
    assert not partial.exists()
    assert read_payload(artifact.path) == {"documents/part.bin": hashlib.sha256(b"hello").hexdigest()}
    assert hash_payload(artifact.path) == read_payload(artifact.path)
    assert not (artifact.path / "work").exists()
    assert (artifact.path / "events.jsonl").exists()
    assert workspace.find("collect", "0123456789abcdef") == artifact
    assert (
        subprocess.run(["sha256sum", "-c", "payload.sha256"], cwd=artifact.path, capture_output=True, check=False).returncode
        == 0
    )


def test_payload_digest_is_of_the_content_only(workspace: Workspace, tmp_path: Path) -> None:
    other = Workspace(tmp_path / "elsewhere")
    other.create()
    make(workspace, "a" * 16)
    make(other, "b" * 16)
    one, two = workspace.publish("collect", "a" * 16, {"x": 1}), other.publish("collect", "b" * 16, {"x": 2})
    assert one.payload == two.payload
    make(workspace, "c" * 16, b"other")
    assert workspace.publish("collect", "c" * 16, {}).payload != one.payload


def test_moved_workspace_still_works(workspace: Workspace, tmp_path: Path) -> None:
    make(workspace)
    before = workspace.publish("collect", "0123456789abcdef", {}).payload
    workspace.path.rename(tmp_path / "moved")
    found = Workspace(tmp_path / "moved").find("collect", "0123456789abcdef")
    assert found is not None
    assert found.payload == before


def test_key_depends_on_each_part() -> None:
    base = ("clean", 1, {"a": 1, "b": 2}, 0, {"documents": "x"})
    key = artifact_key(*base)
    assert key == artifact_key("clean", 1, {"b": 2, "a": 1}, 0, {"documents": "x"})
    for index, other in enumerate(["score", 2, {"a": 1, "b": 3}, 1, {"documents": "y"}]):
        changed = list(base)
        changed[index] = other
        assert artifact_key(*changed) != key  # type: ignore[arg-type]


def test_named_by_part_and_error(workspace: Workspace) -> None:
    make(workspace)
    workspace.publish("collect", "0123456789abcdef", {})
    assert workspace.named("0123").key == "0123456789abcdef"
    with pytest.raises(DanluError, match="names 0 artifacts"):
        workspace.named("nothing")


def as_nobody(work: Callable[[], str]) -> str:
    """What `work` returns in a child process without root's rights."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        if os.geteuid() == 0:
            os.setuid(65534)
        os.write(writer, work().encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


@pytest.mark.parametrize("made_before", [False, True])
def test_no_permission(tmp_path: Path, made_before: bool) -> None:
    place = tmp_path / "w"
    if made_before:
        Workspace(place).create()
    for folder in [tmp_path, *tmp_path.rglob("*")]:
        folder.chmod(0o555)
    for parent in tmp_path.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o055)

    def attempt() -> str:
        try:
            Workspace(place).create()
        except DanluError as error:
            return error.key
        return "made"

    assert as_nobody(attempt) == "workspace.not-writable"
    for folder in [tmp_path, *tmp_path.rglob("*")]:
        folder.chmod(0o755)


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "w").write_text("a file")
    with pytest.raises(DanluError) as caught:
        Workspace(tmp_path / "w").create()
    assert caught.value.key == "workspace.not-writable"


def test_ledger_remembers_after_a_kill(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom danlu.workspace.ledger import Ledger\n"
        "ledger = Ledger(Path(sys.argv[1]), 'clean')\n"
        "for number in range(5):\n    ledger.finish(f'part-{number}', {'rows': number})\n"
    )
    environment = {**os.environ, "DANLU_FAILPOINT": "clean:part-2"}
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path / "l.sqlite")], env=environment, check=False)
    assert killed.returncode == -9
    ledger = Ledger(tmp_path / "l.sqlite", "clean")
    assert [ledger.get(f"part-{number}") for number in range(4)] == [{"rows": 0}, {"rows": 1}, {"rows": 2}, None]


def test_run_resolves_once_and_skips_finished_units(tmp_path: Path) -> None:
    def new() -> Run:
        return Run("clean", tmp_path, Ledger(tmp_path / "ledger.sqlite", "clean"))

    calls: list[str] = []
    assert new().resolve("steps", lambda: 7) == 7
    assert new().resolve("steps", lambda: 9) == 7
    for _ in range(2):
        assert new().once("a", lambda: calls.append("a")) is True
    assert calls == ["a"]


def test_run_check_raises_when_cancelled(tmp_path: Path) -> None:
    run = Run("clean", tmp_path, Ledger(tmp_path / "ledger.sqlite", "clean"))
    run.check()
    run.cancelled.set()
    with pytest.raises(Interrupted):
        run.check()


def test_torn_last_line_is_dropped(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "events.jsonl")
    log.write(step=1)
    with log.path.open("a") as file:
        file.write('{"step": 2, "lo')
    assert [row["step"] for row in read_json_lines(log.path)] == [1]
