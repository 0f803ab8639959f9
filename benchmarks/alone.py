"""A function in a process of its own that sees so many cores: what it returns, and the most memory that the process had."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.common import ROOT
from danlu.compute.usage import peak_memory


class Alone(NamedTuple):
    """`result` (JSON) of a function; `pss` (bytes): the most of its process, sampled twice a second as danlu does."""

    result: Any
    pss: int


def alone(function: Callable[..., Any], cores: int, **arguments: Any) -> Alone:
    """Call `function` (of a module, its arguments and result JSON) in a new process: nothing is warm, no other core helps."""
    command = [
        sys.executable, "-m", "benchmarks.alone", str(cores), f"{function.__module__}:{function.__qualname__}",
        json.dumps(arguments, default=str),
    ]  # fmt: skip
    settings = {"RAYON_NUM_THREADS": str(cores), "OMP_NUM_THREADS": str(cores), "TOKENIZERS_PARALLELISM": "true"}
    with (
        subprocess.Popen(command, cwd=ROOT, env=os.environ | settings, stdout=subprocess.PIPE, text=True) as process,
        peak_memory(process.pid) as peak,
    ):
        output, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Alone(json.loads(output.splitlines()[-1]), peak.bytes)


def most_rss() -> int:
    """The most memory (bytes) that this process ever held, pages of mapped files included. What getrusage tells is also that of
    the process which started this one."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) << 10


def main() -> None:
    cores, name, arguments = sys.argv[1:]
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(cores)])  # before anything counts the cores
    module, function = name.split(":")
    print(json.dumps(getattr(import_module(module), function)(**json.loads(arguments))))


if __name__ == "__main__":
    main()
