"""Locks, with real processes. Machines are told apart by a name that the tests choose; durations are short."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from danlu.workspace.artifact import LOCK, Workspace, hash_payload, read_payload
from danlu.workspace.errors import DanluError, Interrupted
from danlu.workspace.lock import Owner, Timing, guarded, holder, locked

FOLDER = "collect-0123.partial"
QUICK = Timing(heartbeat=0.05, stale=0.6, poll=0.02)
OWNER = """
import sys, time
from pathlib import Path
from danlu.workspace.lock import Timing, locked
quick = Timing(heartbeat=0.05)
with locked(Path(sys.argv[1]), timing=quick, machine=sys.argv[2] or None, stage="collect", needs=("a-1",)) as held:
    print("held", flush=True)
    sys.stdin.readline()
    try:
        held.check()
        print("mine", flush=True)
    except Exception as error:
        print(error.key, flush=True)
"""
MAKER = """
import fcntl, os, sys, time
from pathlib import Path
from danlu.workspace.artifact import LOCK, Workspace
from danlu.workspace.lock import Timing, locked
place, log = Workspace(Path(sys.argv[1])), sys.argv[2]
for number in range(int(sys.argv[3])):
    key = f"{number:016}"
    partial = place.partial("collect", key)
    with locked(partial / LOCK, timing=Timing(poll=0.001)) as held:
        if place.find("collect", key) is None:
            with open(log, "a") as file:
                file.write(f"{key} {os.getpid()}\\n")
            inside = os.open(f"{log}.{number}", os.O_CREAT | os.O_RDWR)
            fcntl.flock(inside, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails if another is inside
            (partial / "data").write_text(key)
            time.sleep(0.002)
            held.check()
            place.publish("collect", key, {})
            os.close(inside)
        assert place.find("collect", key)
"""


@contextmanager
def owning(path: Path, machine: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until a line is written to it."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(path), machine], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "held"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_only_one_holds_it_and_the_file_says_who(tmp_path: Path) -> None:
    path = tmp_path / FOLDER / LOCK
    with owning(path) as owner:
        said = json.loads(path.read_text())
        assert (said["pid"], said["stage"], said["needs"]) == (owner.pid, "collect", ["a-1"])
        with pytest.raises(DanluError, match=f"process {owner.pid}") as caught, locked(path, wait=False):
            pass
        assert "进程" in caught.value.explain("zh")["what"]
        found = holder(path)
        assert found is not None
        assert (found.pid, found.needs) == (owner.pid, ("a-1",))
        assert owner.communicate("\n")[0].strip() == "mine"
    assert holder(path) is None
    assert not path.parent.exists()  # nothing was made in the directory that was made for the lock


def test_a_second_one_waits_and_says_so_once(tmp_path: Path) -> None:
    path = tmp_path / FOLDER / LOCK
    said: list[tuple[str, dict[str, object]]] = []
    with owning(path) as owner:
        assert owner.stdin is not None
        threading.Timer(0.4, lambda: (owner.stdin.write("\n"), owner.stdin.flush())).start()  # type: ignore[union-attr]
        with locked(path, say=lambda key, **parameters: said.append((key, parameters)), timing=QUICK):
            assert json.loads(path.read_text())["pid"] == os.getpid()
    assert [key for key, _ in said] == ["workspace.waits"]
    assert said[0][1]["pid"] == owner.pid
    assert not path.exists()


def test_waiting_ends_when_it_is_cancelled(tmp_path: Path) -> None:
    asked: list[bool] = []
    with (
        owning(tmp_path / FOLDER / LOCK),
        pytest.raises(Interrupted),
        locked(tmp_path / FOLDER / LOCK, cancelled=lambda: len(asked) > 3 or asked.append(True) is not None, timing=QUICK),
    ):
        pass
    assert len(asked) > 3


def test_kill_9_of_the_owner_hands_over_at_once(tmp_path: Path) -> None:
    path = tmp_path / FOLDER / LOCK
    with owning(path) as owner:
        owner.kill()
        owner.wait()
        assert path.exists()
        assert holder(path) is None
        with locked(path, wait=False):
            assert json.loads(path.read_text())["pid"] == os.getpid()
    assert not path.exists()


def test_a_child_that_outlives_the_owner_does_not_keep_the_lock(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys, time\nfrom pathlib import Path\nfrom danlu.workspace.lock import locked\n"
        "with locked(Path(sys.argv[1])):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n        time.sleep(30)\n        os._exit(0)\n"
        "    print(child, flush=True)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / FOLDER / LOCK)], stdout=subprocess.PIPE, text=True)
    assert done.stdout is not None
    child = int(done.stdout.readline())
    assert done.wait() == -signal.SIGKILL
    try:
        deadline = time.monotonic() + 10
        while (
            holder(tmp_path / FOLDER / LOCK) and time.monotonic() < deadline
        ):  # the child may still be closing what it inherited
            time.sleep(0.01)
        with locked(tmp_path / FOLDER / LOCK, wait=False):
            pass
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("content", [b"", b'{"pid": 1', b"[]", b'{"pid": 99999999, "host": "h", "beat": 0}'])
def test_a_broken_file_that_nobody_holds_is_taken_over(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / FOLDER / LOCK
    path.parent.mkdir()
    path.write_bytes(content)
    assert holder(path) is None
    with locked(path, wait=False):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert not path.exists()


def test_threads_exclude_each_other(tmp_path: Path) -> None:
    inside, most = [0], [0]

    def work() -> None:
        with locked(tmp_path / FOLDER / LOCK, timing=QUICK):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.01)
            inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_processes_on_the_same_keys_make_each_once(tmp_path: Path) -> None:
    """The lock lies in the directory that is renamed: whoever waited finds the artifact, and nobody works in it again."""
    place = Workspace(tmp_path / "w")
    place.create()
    makers = [
        subprocess.Popen([sys.executable, "-c", MAKER, str(place.path), str(tmp_path / "log"), "40"], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    errors = [maker.communicate()[1].decode() for maker in makers]
    assert [maker.returncode for maker in makers] == [0] * 4, errors
    made = [line.split()[0] for line in (tmp_path / "log").read_text().splitlines()]
    assert sorted(made) == [f"{number:016}" for number in range(40)]
    assert sorted(path.name for path in place.artifacts.iterdir()) == [f"collect-{number:016}" for number in range(40)]
    for artifact in place.finished():
        assert {path.name for path in artifact.path.iterdir()} == {"data", "manifest.json", "payload.sha256", "events.jsonl"}


def test_random_kills_lose_nothing_and_let_nobody_in_twice(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "w")
    place.create()
    generator, keys = random.Random(1), 25

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", MAKER, str(place.path), str(tmp_path / "log"), str(keys)])

    makers = [start() for _ in range(3)]
    for _ in range(12):
        time.sleep(0.12 + 0.1 * generator.random())
        index = generator.randrange(len(makers))
        makers[index].kill()
        makers[index].wait()
        makers[index] = start()
    assert [maker.wait() for maker in makers] == [0] * 3
    artifacts = list(place.finished())
    assert [artifact.key for artifact in artifacts] == [f"{number:016}" for number in range(keys)]
    for artifact in artifacts:
        assert hash_payload(artifact.path) == read_payload(artifact.path)
        assert (artifact / "data").read_text() == artifact.key


def test_another_machine_waits_while_the_heart_beats_and_takes_over_when_it_stops(tmp_path: Path) -> None:
    path = tmp_path / FOLDER / LOCK
    lost = threading.Event()
    with owning(path, "elsewhere") as owner:
        with pytest.raises(DanluError) as caught, locked(path, wait=False, timing=QUICK):
            pass
        assert caught.value.key == "workspace.locked"
        start = time.monotonic()
        with pytest.raises(Interrupted), locked(path, cancelled=lambda: time.monotonic() - start > 1.2, timing=QUICK):
            pass  # twice as long as the time after which a silent owner is dead
        owner.send_signal(signal.SIGSTOP)
        with locked(path, timing=QUICK, on_lost=lost.set) as held:
            held.check()
            owner.send_signal(signal.SIGCONT)
            assert owner.communicate("\n")[0].strip() == "workspace.lock-lost"  # and it left the lock of the other alone
            held.check()
            assert json.loads(path.read_text())["pid"] == os.getpid()
    assert not lost.is_set()
    assert list(tmp_path.iterdir()) == []


def test_an_owner_taken_for_dead_is_told_and_gives_up_in_its_own_words(tmp_path: Path) -> None:
    path, lost = tmp_path / FOLDER / LOCK, threading.Event()
    silent = Timing(heartbeat=0.9, poll=0.01)
    with pytest.raises(DanluError) as caught, locked(path, timing=silent, on_lost=lost.set):  # noqa: PT012
        with locked(path, timing=Timing(stale=0.3, poll=0.02), machine="elsewhere"):
            assert lost.wait(10)
        raise Interrupted("workspace.interrupted")
    assert caught.value.key == "workspace.lock-lost"
    assert "另一台机器" in caught.value.explain("zh")["what"]


def test_the_dead_owner_on_another_machine_is_taken_over_only_after_its_time(tmp_path: Path) -> None:
    path = tmp_path / FOLDER / LOCK
    with owning(path, "elsewhere") as owner:
        owner.kill()
        owner.wait()
    now = [0.0]
    timing = Timing(stale=2, poll=0.01, clock=lambda: now[0])
    looks: list[float] = []

    def cancelled() -> bool:
        looks.append(now[0])
        now[0] += 100  # no more than two polls count for a look, however long the watcher slept
        return False

    with locked(path, timing=timing, cancelled=cancelled):
        assert 95 < len(looks) < 105


def test_two_that_take_over_at_once_do_not_both_get_it(tmp_path: Path) -> None:
    path = tmp_path / FOLDER / LOCK
    with owning(path, "elsewhere") as owner:
        owner.kill()
        owner.wait()
    inside, most = [0], [0]

    def work(machine: str) -> None:
        with locked(path, timing=QUICK, machine=machine):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.2)
            inside[0] -= 1

    threads = [threading.Thread(target=work, args=(f"machine-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_a_wall_clock_that_goes_backwards_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / FOLDER / LOCK
    day = [86_400.0 * 400]

    def backwards() -> float:
        day[0] -= 86_400
        return day[0]

    with owning(path, "elsewhere"):
        monkeypatch.setattr(time, "time", backwards)
        os.utime(path, (0, 0))
        start = time.monotonic()
        with pytest.raises(Interrupted), locked(path, cancelled=lambda: time.monotonic() - start > 1, timing=QUICK):
            pass


def test_without_help_of_the_kernel_the_heartbeat_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("danlu.workspace.lock._flock", lambda descriptor, how: None)
    path = tmp_path / FOLDER / LOCK
    with locked(path, timing=QUICK):
        start = time.monotonic()
        with pytest.raises(Interrupted), locked(path, cancelled=lambda: time.monotonic() - start > 1, timing=QUICK):
            pass
    path.parent.mkdir()
    path.write_text(json.dumps({**Owner("t", 1, "h", "m", "s").__dict__}))
    with locked(path, timing=QUICK):
        assert json.loads(path.read_text())["pid"] == os.getpid()


def test_without_hard_links_it_still_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with (
        locked(tmp_path / FOLDER / LOCK, timing=QUICK),
        pytest.raises(DanluError),
        locked(tmp_path / FOLDER / LOCK, wait=False, timing=QUICK),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_guard_lets_many_share_and_one_clear_out(tmp_path: Path) -> None:
    path = tmp_path / ".guard"
    order: list[str] = []

    def clear() -> None:
        with guarded(path, exclusive=True):
            order.append("clear")

    with guarded(path, exclusive=False), guarded(path, exclusive=False):
        thread = threading.Thread(target=clear)
        thread.start()
        time.sleep(0.1)
        order.append("note")
    thread.join()
    assert order == ["note", "clear"]
    with guarded(tmp_path / "no" / "such" / "place", exclusive=True):
        order.append("unguarded")
    assert order[-1] == "unguarded"
