"""The stand-in for `python -m danlu` does what that does: words, status, folder, input, signals."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from commands import danlu, program_of

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="commands are forked on Linux alone")


def test_it_says_what_a_new_interpreter_says(tmp_path: Path) -> None:
    for arguments in (["--version"], ["status", "--lang", "zh"], ["show", "nothing"], ["no-such-command"]):
        forked, fresh = (danlu(*arguments, cwd=tmp_path, check=False, fresh=fresh) for fresh in (False, True))
        assert (forked.returncode, forked.stdout, forked.stderr) == (fresh.returncode, fresh.stdout, fresh.stderr)


def test_a_signal_that_ends_the_command_ends_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A text of some words.\n" * 20, encoding="utf-8")
    killed = danlu("collect", "a.txt", cwd=tmp_path, failpoint="collect:start")
    assert killed.returncode == -signal.SIGKILL
    assert danlu("collect", "a.txt", cwd=tmp_path).returncode == 0


def test_another_environment_of_libraries_has_an_interpreter_of_its_own() -> None:
    assert "-m" not in program_of(os.environ)
    assert "-m" not in program_of({**os.environ, "PYTHONHASHSEED": "3", "LC_ALL": "C", "XDG_CACHE_HOME": "/nowhere"})
    assert "-m" in program_of({**os.environ, "OMP_NUM_THREADS": "7"})
    assert "-m" in program_of({**os.environ, "HF_HOME": "/nowhere"})
