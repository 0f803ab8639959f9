"""The command as tests call it, in a process of its own."""

from __future__ import annotations

import atexit
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import forked

INTERPRETER = [sys.executable, "-m", "danlu"]
SIMPLE = {"cwd", "input"}


def danlu(
    *arguments: str | Path, failpoint: str = "", check: bool = True, fresh: bool = False, **options: Any
) -> subprocess.CompletedProcess[str]:
    """The command as a user types it; `fresh`: by an interpreter of its own, so that sets have another order than in the others
    of this process (see `forked`)."""
    environment = {**os.environ, "PYTHONHASHSEED": "random"}
    if failpoint:
        environment["DANLU_FAILPOINT"] = failpoint
    program = INTERPRETER if fresh or options.keys() - SIMPLE else program_of(environment)
    command = [*program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, **options)
    if check and not failpoint:
        assert done.returncode == 0, done.stderr
    return done


def script(code: str, *arguments: str | Path, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    """`python -c CODE ARGUMENTS` in a process of its own, whose sets have another order than in this one."""
    environment = {**os.environ, "PYTHONHASHSEED": "random", "DANLU_FAILPOINT": failpoint}
    program = program_of(environment)
    command = [*([sys.executable] if program == INTERPRETER else program), "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def last_line(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return json.loads(done.stdout.strip().splitlines()[-1])  # type: ignore[no-any-return]


def bash(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The blocks of a page, where `danlu` and `python` are those of the tests."""
    environment = dict(os.environ)
    names = f'danlu() {{ {shlex.join(program_of(environment))} "$@"; }}\npython() {{ {shlex.quote(sys.executable)} "$@"; }}\n'
    return subprocess.run(
        ["bash", "-euc", names + script], capture_output=True, text=True, check=False, cwd=folder, env=environment
    )


def program_of(environment: Mapping[str, str]) -> list[str]:
    """What stands for `danlu` in such an environment: a fork of the server's where it is the same, else a new one."""
    if not hasattr(os, "pidfd_open"):  # not Linux
        return INTERPRETER
    address, began = server()
    if forked.read_at_import(environment) != began:
        return INTERPRETER
    return [sys.executable, "-IS", forked.__file__, address]


@cache
def server() -> tuple[str, dict[str, str]]:
    """The address of this process's server, and the variables that it read when it began."""
    folder = tempfile.TemporaryDirectory(prefix="danlu-tests-")
    address = f"{folder.name}/socket"
    environment = {**os.environ, "PYTHONHASHSEED": "random"}
    command = [sys.executable, forked.__file__, "--serve", address]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    assert process.stdin is not None
    assert process.stdout is not None
    atexit.register(folder.cleanup)
    atexit.register(process.communicate)  # ends its input, and so it
    assert process.stdout.readline() == b"ready\n"
    return address, forked.read_at_import(environment)
