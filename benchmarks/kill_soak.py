"""The claim that nothing is lost: the quickstart killed with SIGKILL at random moments, again and again, and always gone on
with, ends in the same payloads as a run that was left alone.

One run is left alone and locked (`danlu lock`), so that every other one decides the same for this machine. Then workspaces
live, two at a time: the run in them is killed at least once and begun again until it comes to its end; its payloads are
compared with the locked ones. Half of the kills come at any moment, half in a stage that was killed least often so far. What
is killed: the run itself (its processes die with it), the run and all its processes at once, or one process of it, from which
the run must recover by itself or end with an error and be begun again.

Full: 100 ends, of the quickstart with small models and few steps; about 90 minutes on two cores. Each life that has ended is
kept in `.danlu/benchmarks`, so a stopped soak goes on where it was. Quick: 2 ends of the data stages.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from benchmarks.common import ROOT, arguments, finish, goal
from danlu.compute.child import die_with_parent
from danlu.pipeline.state import read_state, run_names
from danlu.workspace.artifact import Workspace
from danlu.workspace.digest import digest_file, digest_json
from danlu.workspace.files import read_json, write_json

RECIPE = ROOT / "recipes" / "quickstart.yaml"
CELLS = ROOT / ".danlu" / "benchmarks" / "kill_soak.json"
MODEL = ["model.size=nano", "length=64", "batch_tokens=512", "budget=40 steps", "compile=never"]
SMALL = [
    "datasets.sentiment.most_train=120", "datasets.sentiment.most_heldout=40",
    "datasets.sentiment.split={validation: 0.05, test: 0.9}", "collect.holdout.bytes=20KB",
    "tokenize.vocabulary=1024", "tokenize.sample=200KB",
    *(f"pretrain.{model}.{change}" for model in ("bert", "gpt") for change in MODEL),
    "finetune.sentiment.budget=20 steps", "finetune.sentiment-scratch.budget=20 steps",
    "finetune.sentiment.labels=[40]", "finetune.sentiment-minilm.labels=[40]",
    *(f"finetune.{model}.length=64" for model in ("sentiment", "sentiment-scratch", "sentiment-minilm")),
    "evaluate.baselines=[unigram, majority, tfidf]", "evaluate.resamples=100", "evaluate.samples=1",
]  # fmt: skip
DATA_ONLY = ["serve.models=[]", "evaluate=null", "finetune={}", "pretrain={}", *SMALL[:6]]
SIDE_BY_SIDE = 2
CHECKPOINT_EVERY = 7  # steps; by the clock of these small models there would be none
AGAIN = 0.15  # share of the attempts after a life's first that are killed too
LOOK_SECONDS = 0.02
BEGINNING = "(before the first stage)"


@dataclass(frozen=True)
class Alone:
    """The run that was left alone: its nodes in their order with their seconds, its payloads, and its lock as text."""

    seconds: list[tuple[str, float]]
    payloads: dict[str, str]
    lock: str


@dataclass
class Life:
    """One workspace until its run has come to its end: what was killed where, and how it ended."""

    number: int
    kills: list[tuple[str, str]] = field(default_factory=list)
    """(the stage that was at work, what was killed: `run`, `all` or `one`)"""
    different: list[str] = field(default_factory=list)
    broken: str = ""
    """The last words of an attempt that failed although nobody had killed anything of it."""
    seconds: float = 0.0


def start(recipe: Path, workspace: Path, changes: list[str], out: Path, cache: Path) -> subprocess.Popen[bytes]:
    """`danlu run` in a process group of its own; what it says goes to `out`. It dies with this process (with this thread).

    Each life has a `cache` of its own: runs that share one wait for each other's cores.
    """
    command = [sys.executable, "-m", "danlu", "--lang", "en", "run", str(recipe), "--workspace", str(workspace), "--json"]
    with out.open("wb") as file:
        return subprocess.Popen(
            [*command, *(part for change in changes for part in ("--set", change))],
            stdout=file, stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=partial(die_with_parent, os.getpid()),
            env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        )  # fmt: skip


def run_alone(folder: Path, changes: list[str]) -> Alone:
    """Run the recipe without disturbing it, and lock what came of it."""
    workspace, lock = folder / "alone", folder / "made.lock.yaml"
    process = start(RECIPE, workspace, changes, folder / "out", folder / "cache")
    if process.wait():
        raise SystemExit((folder / "out").read_text(errors="replace"))
    summary = json.loads((folder / "out").read_text().splitlines()[-1])
    nodes = read_state(Workspace(workspace), summary["recipe"]).nodes
    command = [sys.executable, "-m", "danlu", "lock", str(RECIPE), "--workspace", str(workspace), "--output", str(lock)]
    subprocess.run([*command, *(part for change in changes for part in ("--set", change))], check=True, capture_output=True)
    content = yaml.safe_load(lock.read_text(encoding="utf-8"))
    for node in content["nodes"].values():
        _checkpoint_often(node["resolved"])
    content["base"] = str(RECIPE.parent)
    seconds = [(name, nodes[name].seconds or 0.0) for name in summary["payloads"]]
    return Alone(seconds, summary["payloads"], yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def _checkpoint_often(resolved: Any) -> None:
    if isinstance(resolved, dict):
        if "checkpoint_every" in resolved:
            resolved["checkpoint_every"] = CHECKPOINT_EVERY
        for value in resolved.values():
            _checkpoint_often(value)


@dataclass(frozen=True)
class Soak:
    """What every life needs. `hit` counts the kills so far by stage."""

    alone: Alone
    hit: Counter[str]

    def live(self, number: int) -> Life:
        """Kill a run at least once, always go on with it, and compare its end."""
        with tempfile.TemporaryDirectory() as name:
            return self._live(Life(number), random.Random(f"life {number}"), Path(name))

    def _live(self, life: Life, generator: random.Random, folder: Path) -> Life:
        begin = time.monotonic()
        workspace, recipe, out = folder / "workspace", folder / "soak.lock.yaml", folder / "out"
        recipe.write_text(self.alone.lock, encoding="utf-8")
        while True:
            killing = not life.kills or generator.random() < AGAIN
            process, before = start(recipe, workspace, [], out, folder / "cache"), len(life.kills)
            try:
                if killing:
                    self._kill(process, Workspace(workspace), life, generator)
                status = process.wait()
            finally:
                end_group(process)
            lines = out.read_text(errors="replace").splitlines() or [""]
            summary = json.loads(lines[-1]) if lines[-1].startswith("{") else {}
            if "payloads" in summary:  # status 1 where they differ from the locked ones
                wanted, found = self.alone.payloads, summary["payloads"]
                life.different = sorted(name for name in {**wanted, **found} if wanted.get(name) != found.get(name))
                break
            if len(life.kills) == before:
                life.broken = "\n".join([f"status {status}", *lines[-5:]])
                break
        life.seconds = round(time.monotonic() - begin, 1)
        return life

    def _kill(self, process: subprocess.Popen[bytes], workspace: Workspace, life: Life, generator: random.Random) -> None:
        """Kill something of the run at a moment chosen by chance, unless it ends before."""
        begun, now = time.time(), time.monotonic()
        target, delay = self._moment(workspace, generator)
        moment = None if target else now + delay
        while process.poll() is None:
            at_work = stages_at_work(workspace, begun)
            if moment is None and target in at_work:
                moment = time.monotonic() + delay
            if moment is not None and time.monotonic() >= moment:
                how = generator.choice(("run", "all", "one"))
                if strike(process, how, generator):
                    stage = next(iter(at_work), BEGINNING)
                    life.kills.append((stage, how))
                    self.hit[stage] += 1
                return
            time.sleep(LOOK_SECONDS)

    def _moment(self, workspace: Workspace, generator: random.Random) -> tuple[str | None, float]:
        """A stage and seconds after its start, or None and seconds from now."""
        left = self._unfinished(workspace)
        if generator.random() < 0.5 and left:
            fewest = min(self.hit[name] for name in left)
            target = generator.choice([name for name in left if self.hit[name] == fewest])
            return target, generator.uniform(0, left[target])
        return None, generator.uniform(0, sum(left.values()) + 1)

    def _unfinished(self, workspace: Workspace) -> dict[str, float]:
        """Seconds, when left alone, of the stages that this workspace lacks."""
        done: set[str] = set()
        for name in run_names(workspace):
            done |= {node.name for node in read_state(workspace, name).nodes.values() if node.state in ("done", "cached")}
        return {name: seconds for name, seconds in self.alone.seconds if name not in done}


def stages_at_work(workspace: Workspace, since: float) -> list[str]:
    """What the run that began after `since` is at; nothing before it has begun its work."""
    for name in run_names(workspace):
        state = read_state(workspace, name)
        if state.started > since:
            return [node.name for node in state.nodes.values() if node.state == "running"]
    return []


def strike(process: subprocess.Popen[bytes], how: str, generator: random.Random) -> bool:
    """Kill the run (`run`), it and all its processes (`all`), or one of its processes (`one`); False where it has ended."""
    others = sorted(descendants(process.pid))
    with suppress(ProcessLookupError):
        if how == "all":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            os.kill(generator.choice(others) if how == "one" and others else process.pid, signal.SIGKILL)
        return True
    return False


def descendants(pid: int) -> set[int]:
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, task.read_text().split()):
                found |= {child, *descendants(child)}
    return found


def end_group(process: subprocess.Popen[bytes]) -> None:
    """See that nothing of a run is left that could write into its workspace."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def fingerprint(changes: list[str]) -> str:
    """Of all that a life depends on: the code, the recipe, the changes."""
    files = [*sorted((ROOT / "src").rglob("*.py")), RECIPE, Path(__file__)]
    return digest_json({"files": {file.relative_to(ROOT).as_posix(): digest_file(file) for file in files}, "changes": changes})


def read_cells(changes: list[str]) -> dict[str, Any]:
    """What an earlier soak of the same code left, or an empty one."""
    found = read_json(CELLS) if CELLS.exists() else {}
    key = fingerprint(changes)
    return found if found.get("fingerprint") == key else {"fingerprint": key, "lives": []}


def soak(ends: int, changes: list[str], cells: dict[str, Any], *, keep: bool) -> list[Life]:
    """Lives until `ends` of them have come to their end after a kill; each is kept when it has ended."""
    lives = [Life(**life) for life in cells["lives"]]
    hit = Counter(str(stage) for life in lives for stage, _ in life.kills)
    if "alone" not in cells:
        with tempfile.TemporaryDirectory() as name:
            cells["alone"] = vars(run_alone(Path(name), changes))
    one, numbers = Soak(Alone(**cells["alone"]), hit), count(1 + max((life.number for life in lives), default=-1))
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        living: set[Future[Life]] = set()
        while True:
            lacking = ends - sum(bool(life.kills) for life in lives) - len(living)
            if lacking > 0 and len(living) < SIDE_BY_SIDE and not any(life.broken for life in lives):
                living.add(pool.submit(one.live, next(numbers)))
                continue
            if not living:
                return lives
            ended, living = wait(living, return_when=FIRST_COMPLETED)
            lives += [future.result() for future in ended]
            print(f"{sum(hit.values()):4d} kills, {len(lives)} ends: {vars(lives[-1])}", file=sys.stderr)
            cells["lives"] = [vars(life) for life in lives]
            if keep:
                CELLS.parent.mkdir(parents=True, exist_ok=True)
                write_json(CELLS, cells)


def summarise(lives: list[Life], alone: Mapping[str, Any]) -> dict[str, Any]:
    kills = [kill for life in lives for kill in life.kills]
    stages = Counter(stage for stage, _ in kills)
    ended = [life for life in lives if life.kills and not life.broken]
    return {
        "seconds_alone": round(sum(seconds for _, seconds in alone["seconds"]), 1), "kills": len(kills), "ends": len(ended),
        "payloads_compared": len(ended) * len(alone["payloads"]), "payloads_different": sum(len(x.different) for x in lives),
        "broken": [life.broken for life in lives if life.broken], "seconds": round(sum(life.seconds for life in lives)),
        "kills_by_stage": {name: stages[name] for name in (BEGINNING, *(node for node, _ in alone["seconds"]))},
        "kills_by_what": dict(sorted(Counter(how for _, how in kills).items())),
    }  # fmt: skip


def main() -> None:
    options = arguments(__doc__ or "")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that the run of now is ended
    changes = DATA_ONLY if options.quick else SMALL
    cells = {"lives": []} if options.quick else read_cells(changes)
    wanted = 2 if options.quick else 100
    results = summarise(soak(wanted, changes, cells, keep=not options.quick), cells["alone"])
    for name, times in results["kills_by_stage"].items():
        print(f"  {name:28s} {times:4d} kills", file=sys.stderr)
    print(
        f"{results['kills']} kills, {results['ends']} ends, {results['payloads_compared']} payloads compared, "
        f"{results['payloads_different']} differ",
        file=sys.stderr,
    )
    goals = {
        "kills": goal(wanted, results["kills"], higher=True),
        "ends": goal(wanted, results["ends"], higher=True),
        "payloads that differ": goal(0, results["payloads_different"]),
        "runs that did not go on after a kill": goal(0, len(results["broken"])),
    }
    if not options.quick:
        goals["stages that were never killed"] = goal(0, sum(not times for times in results["kills_by_stage"].values()))
    finish("kill_soak", results, goals, options)


if __name__ == "__main__":
    main()
