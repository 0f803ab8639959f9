"""The claim of `make run`: the whole chain within 12 minutes on two cores, under 4 GB, each stage within 30% of its plan.

Runs `danlu run` as a user does, in a new workspace and with an empty cache, so that the plan knows nothing of this machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT, arguments, finish, goal
from danlu.compute.machine import find_compiler
from danlu.compute.usage import tree_pss_bytes

QUICK = [
    "pretrain.bert.budget=20 steps",
    "pretrain.gpt.budget=20 steps",
    "finetune.modules.budget=10 steps",
    "finetune.modules-scratch.budget=10 steps",
]


def measure(quick: bool) -> dict[str, Any]:
    """Wall seconds, peak memory of the process tree, and what each stage took beside what was planned."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = ROOT / "recipes" / ("python-docs.yaml" if quick else "quickstart.yaml")
        command = [sys.executable, "-m", "danlu", "run", str(recipe), "--workspace", f"{folder}/w", "--json"]
        for change in QUICK if quick else []:
            command += ["--set", change]
        start, peak = time.monotonic(), 0
        with (Path(folder) / "out").open("w+") as out:
            process = subprocess.Popen(command, stdout=out, env={**os.environ, "XDG_CACHE_HOME": f"{folder}/cache"})
            while process.poll() is None:
                peak = max(peak, tree_pss_bytes(process.pid))
                time.sleep(0.5)
            seconds = time.monotonic() - start
            if process.returncode:
                raise SystemExit(process.returncode)
            out.seek(0)
            summary = json.loads(out.read().strip().splitlines()[-1])
        state = json.loads((Path(folder) / "w" / "runs" / summary["recipe"] / "state.json").read_text())
        numbers = {}
        for name in ("evaluate.baselines", "evaluate.models"):
            evaluation = json.loads((Path(summary["artifacts"][name]) / "evaluation.json").read_text())
            for number in evaluation["numbers"]:
                part = ",".join(f"{key}={value}" for key, value in sorted(number["slice"].items()))
                numbers[f"{number['model']} {number['metric']} {part}".strip()] = [
                    number["value"],
                    number["interval"],
                    number["count"],
                ]
        stages = {
            node["name"]: {"seconds": node["seconds"], "planned": round(node["planned"], 1)} for node in state["nodes"].values()
        }
        return {"seconds": round(seconds, 1), "peak_pss_bytes": peak, "stages": stages, "numbers": numbers}


def main() -> None:
    options = arguments(__doc__ or "")
    results = measure(options.quick)
    free = {name: stage for name, stage in results["stages"].items() if not name.startswith("pretrain.")}
    error = max(abs(stage["seconds"] - stage["planned"]) / stage["seconds"] for stage in free.values())
    goals = {
        "minutes in all": goal(12.0, results["seconds"] / 60),
        "peak memory of the process tree, GB": goal(4.0, results["peak_pss_bytes"] / 1e9),
        "largest error of the plan, share of a stage": goal(0.3, error),
    }
    finish("quickstart" if find_compiler() else "quickstart-without-compiler", results, goals, options)


if __name__ == "__main__":
    main()
