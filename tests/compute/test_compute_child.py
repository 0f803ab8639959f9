"""Child processes: results, words, errors, death, and no second life of the user's script."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from danlu.compute.child import Child, died_of
from danlu.workspace.errors import DanluError, RecipeError

pytestmark = pytest.mark.usefixtures("real_workers")


@pytest.fixture
def child() -> Iterator[Child]:
    made = Child()
    yield made
    made.close()


def test_words_come_before_the_result_and_the_process_is_used_again(child: Child) -> None:
    for number in (4, 21):
        child.start("compute_work:double", number)
        messages = [child.receive() for _ in range(3)]
        assert [(message.kind, message.content) for message in messages] == [
            ("said", "on it"), ("said", {"number": number}), ("done", 2 * number),
        ]  # fmt: skip
    assert not child.busy


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library decides by itself")
def test_what_one_piece_of_work_freed_is_given_back_before_the_next(child: Child) -> None:
    child.start("compute_work:hold_and_free", 300)
    during = child.receive().content
    child.start("compute_work:resident")
    assert during > 300 << 20, "freed, but still held"
    assert child.receive().content < during - (250 << 20)


def test_an_error_keeps_its_kind_and_words(child: Child) -> None:
    child.start("compute_work:fail", "error")
    message = child.receive()
    assert message.kind == "failed"
    assert isinstance(message.content, RecipeError)
    assert isinstance(message.content, DanluError)
    assert (message.content.key, message.content.where, message.content.parameters) == ("recipe.missing", "here", {"more": 1})
    assert message.content.exit_status == 2


@pytest.mark.parametrize(("how", "word"), [("crash", "by nought"), ("exit", "SystemExit: 3")])
def test_a_crash_comes_with_its_traceback(child: Child, how: str, word: str) -> None:
    child.start("compute_work:fail", how)
    message = child.receive()
    assert message.kind == "crashed"
    line, traceback = message.content
    assert word in line
    assert "compute_work.py" in traceback
    child.start("compute_work:double", 1)
    assert [child.receive().kind for _ in range(3)][-1] == "done", "the process has survived it"


def test_a_result_that_cannot_be_pickled_is_a_crash(child: Child) -> None:
    child.start("compute_work:unpicklable")
    assert child.receive().kind == "crashed"


def test_death_is_told_with_the_signal(child: Child) -> None:
    child.start("compute_work:fail", "kill")
    message = child.receive()
    assert (message.kind, died_of(message.content)) == ("died", "SIGKILL")
    assert died_of(3) == "3"


def test_death_between_two_calls_is_told(child: Child) -> None:
    child.process.kill()
    child.process.wait()
    child.start("compute_work:double", 1)
    assert child.receive().kind == "died"


def test_cancel_reaches_the_function_and_ctrl_c_does_not(child: Child) -> None:
    child.start("compute_work:until_cancelled")
    assert child.receive().content == child.process.pid
    child.process.send_signal(signal.SIGINT)
    child.cancel()
    assert child.receive().content == "stopped"


def test_children_die_with_their_parent(tmp_path: Path) -> None:
    script = (
        "from danlu.compute.child import Child\nimport time\nchild = Child()\n"
        "child.start('compute_work:until_cancelled')\nprint(child.receive().content, flush=True)\ntime.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            break
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()


def test_it_imports_beforehand_what_will_be_needed() -> None:
    child = Child(imports=["wave", "there.is.no.such.module"])  # one that nothing here imports
    try:
        child.start("compute_work:is_imported", "wave")
        assert child.receive().content is True
    finally:
        child.close()


def test_a_process_that_leaves_does_what_is_registered_and_keeps_its_status() -> None:
    script = (
        "import atexit, sys\nfrom danlu.compute.leave import leave\natexit.register(print, 'at the end', file=sys.stderr)\n"
        "print('not flushed yet', end='')\nleave(7)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "not flushed yet", "at the end\n")


def test_a_plain_script_is_not_run_again(tmp_path: Path) -> None:
    """multiprocessing's children would import the main script anew; and what they print stays off standard output."""
    script = tmp_path / "script.py"
    script.write_text(
        "from danlu.compute.child import Child\nprint('once')\nchild = Child()\nchild.start('compute_work:double', 3)\n"
        "print([child.receive().content for _ in range(3)][-1])\nchild.close()\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["once", "6"]
    assert "must not reach" in done.stderr
