"""The claim that nothing is lost: `danlu run` killed with SIGKILL at random moments ends in the same payloads as a run that
was left alone. Full: 25 kills; quick: 2."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT, arguments, finish, goal

STEPS = [
    "pretrain.bert.budget=60 steps",
    "pretrain.gpt.budget=60 steps",
    "finetune.modules.budget=40 steps",
    "finetune.modules-scratch.budget=40 steps",
]


def command(workspace: Path) -> list[str]:
    base = [
        sys.executable,
        "-m",
        "danlu",
        "run",
        str(ROOT / "recipes" / "python-docs.yaml"),
        "--workspace",
        str(workspace),
        "--json",
    ]
    return base + [part for change in STEPS for part in ("--set", change)]


def whole(workspace: Path) -> tuple[dict[str, str], float]:
    start = time.monotonic()
    done = subprocess.run(command(workspace), capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])["payloads"], time.monotonic() - start


def main() -> None:
    options = arguments(__doc__ or "")
    kills, generator = (2 if options.quick else 25), random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        wanted, seconds = whole(Path(folder) / "alone")
        killed = 0
        results: dict[str, Any] = {"seconds_alone": round(seconds, 1)}
        different, workspace = 0, Path(folder) / "killed-0"
        for number in range(kills):
            process = subprocess.Popen(command(workspace), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(timeout=generator.uniform(1, seconds / 2))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                killed += 1
            if process.poll() == 0 or number == kills - 1:  # whole: compare, then begin anew
                found, _ = whole(workspace)
                different += sum(found[name] != digest for name, digest in wanted.items())
                workspace = Path(folder) / f"killed-{number + 1}"
        results |= {"kills": killed, "different_payloads": different}
    finish("kill_soak", results, {"payloads that differ": goal(0, different)}, options)


if __name__ == "__main__":
    main()
