"""The command as tests call it, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def danlu(*arguments: str | Path, failpoint: str = "", check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command as a user types it."""
    environment = {**os.environ, "PYTHONHASHSEED": "random"}
    if failpoint:
        environment["DANLU_FAILPOINT"] = failpoint
    command = [sys.executable, "-m", "danlu", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, **options)
    if check and not failpoint:
        assert done.returncode == 0, done.stderr
    return done


def last_line(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return json.loads(done.stdout.strip().splitlines()[-1])  # type: ignore[no-any-return]
