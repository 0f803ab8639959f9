"""`danlu clean` as a user types it, on so many cores: seconds of the whole and of each stage, and the most memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT
from danlu.compute.usage import peak_memory
from danlu.workspace.files import read_json


def clean(file: Path, workspace: Path, cores: int, *settings: str) -> dict[str, Any]:
    """Clean one file of text into a new workspace; `settings` are keys of the recipe, `clean.preset=gopher`."""
    allowed = ",".join(map(str, sorted(os.sched_getaffinity(0))[:cores]))
    command = [
        "taskset", "-c", allowed, sys.executable, "-m", "danlu", "clean", str(file), "--workspace", str(workspace), "--json",
        *(part for setting in ("collect.holdout.bytes=0", *settings) for part in ("--set", setting)),
    ]  # fmt: skip
    start = time.perf_counter()
    with (
        subprocess.Popen(command, cwd=workspace.parent, env=environment(), stdout=subprocess.PIPE, text=True) as process,
        peak_memory(process.pid) as peak,
    ):
        output, _ = process.communicate()
    seconds = time.perf_counter() - start
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    made = json.loads(output.splitlines()[-1])["artifacts"]
    stages = {name: read_json(Path(path) / "manifest.json") for name, path in made.items()}
    return {
        "seconds": seconds,
        "stages": {name: manifest["seconds"] for name, manifest in stages.items()},
        "megabytes_of_memory": peak.bytes / 1e6,
        "artifacts": made,
    }


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])}
