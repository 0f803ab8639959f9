"""What the frame costs: commands that only look, a run where nothing changed, the time around a stage, the index, and a soak
of random kills (`python -m benchmarks.kill_soak` has it alone)."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import arguments, finish, goal
from danlu.workspace.artifact import Workspace
from danlu.workspace.index import read_index

ARTIFACTS = 500
RECIPE = """\
name: frame
collect: {sources: [{type: files, path: text.txt, format: lines}]}
"""
HEAVY = ("torch", "numpy", "pyarrow", "transformers")


def seconds_of(command: list[str], folder: Path, times: int) -> float:
    """Median wall seconds of a command."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def around_a_stage(command: list[str], folder: Path) -> float:
    """Wall seconds of a run of one stage in an empty workspace, less those inside the stage."""
    shutil.rmtree(folder / ".danlu", ignore_errors=True)
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    whole = time.perf_counter() - start
    state = json.loads((folder / ".danlu/runs/frame/state.json").read_text())
    return whole - float(sum(node["seconds"] for node in state["nodes"].values()))


def fill(workspace: Path, count: int) -> None:
    """Copies of the one real artifact under other keys, so that the workspace is as full as after months of work."""
    root = workspace / "artifacts"
    original = next(path for path in root.iterdir() if path.name.startswith("collect-"))
    for number in range(count):
        shutil.copytree(original, root / f"collect-{number:016x}")


def heavy_imports(folder: Path, arguments: list[str]) -> list[str]:
    script = (
        "import sys\nfrom danlu.cli.app import commands\nsys.argv = ['danlu', *sys.argv[1:]]\n"
        "try:\n    commands()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    found: list[str] = json.loads(done.stdout.strip().splitlines()[-1].replace("'", '"'))
    return found


def measure(times: int) -> dict[str, Any]:
    danlu = [sys.executable, "-m", "danlu"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its byte code
        (folder / "recipe.yaml").write_text(RECIPE)
        (folder / "text.txt").write_text("\n".join(f"第 {number} 行。Line {number} of a small text." for number in range(500)))
        subprocess.run([*danlu, "run", "recipe.yaml"], cwd=folder, check=True, capture_output=True)  # writes the byte code
        around = [around_a_stage([*danlu, "run", "recipe.yaml", "--until", "collect"], folder) for _ in range(times)]
        fill(folder / ".danlu", ARTIFACTS - 1)
        again = [*danlu, "run", "recipe.yaml", "--until", "collect"]
        index = folder / ".danlu" / "index.sqlite"
        index.unlink(missing_ok=True)
        start = time.perf_counter()
        read_index(Workspace(folder / ".danlu"))
        rebuilt = ARTIFACTS / (time.perf_counter() - start)
        return {
            "help_seconds": seconds_of([*danlu, "--help"], folder, times),
            "plan_seconds": seconds_of([*danlu, "plan", "recipe.yaml"], folder, times),
            "unchanged_run_seconds": seconds_of(again, folder, times),
            "heavy_imports_of_an_unchanged_run": heavy_imports(folder, ["run", "recipe.yaml", "--until", "collect"]),
            "run_around_a_stage_seconds": statistics.median(around),
            "artifacts_indexed_per_second": rebuilt,
        }


def main() -> None:
    options = arguments(__doc__ or "")
    results = measure(3 if options.quick else 9)
    goals = {
        "danlu --help, seconds": goal(0.3, results["help_seconds"]),
        "danlu plan, seconds": goal(1.0, results["plan_seconds"]),
        "unchanged run in 500 artifacts, seconds": goal(1.0, results["unchanged_run_seconds"]),
        "heavy modules an unchanged run imports": goal(0, len(results["heavy_imports_of_an_unchanged_run"])),
        "seconds around a stage (2% of 60 s)": goal(1.2, results["run_around_a_stage_seconds"]),
        "artifacts indexed a second": goal(1000, results["artifacts_indexed_per_second"], higher=True),
    }
    finish("frame", results, goals, options)


if __name__ == "__main__":
    main()
