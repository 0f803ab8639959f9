"""`danlu run`: build what is missing and keep the state on disk."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from danlu.compute.machine import Machine
from danlu.pipeline.floor import Floor, Watch
from danlu.pipeline.plan import Plan
from danlu.pipeline.state import NodeState, RunState
from danlu.workspace.artifact import Artifact, Workspace
from danlu.workspace.errors import Interrupted
from danlu.workspace.progress import Progress, Replay


@dataclass(frozen=True)
class RunResult:
    """What a run made: its state and the artifacts by node name."""

    state: RunState
    artifacts: dict[str, Artifact]
    workspace: Workspace


def run_plan(plan: Plan, workspace: Workspace, progress: Progress, watch: Watch) -> RunResult:
    """Make what is missing of the plan, independent stages side by side; `watch` hears of each change.

    A DanluError of one stage stops the others at their next safe point; what is done stays.
    """
    workspace.create()
    recipe = plan.loaded.recipe
    state = RunState(name=recipe.name, recipe=str(plan.loaded.path or recipe.name), skipped=list(plan.skipped))
    state.nodes = {
        name: NodeState(name, line.node.stage.name, key=line.key, planned=line.estimate.seconds)
        for name, line in plan.nodes.items()
    }
    state.keep_recipe(workspace, plan.loaded.text)
    state.save(workspace)
    begin = time.monotonic()
    with interruptible() as cancelled:
        floor = Floor(plan, workspace, state, Machine.probe(), Replay(progress), cancelled, watch)
        try:
            floor.work()
            state.state = "done"
        except BaseException:
            state.state = "failed"
            raise
        finally:
            floor.close()
            state.seconds = round(time.monotonic() - begin, 2)
            state.save(workspace)
    return RunResult(state, floor.done, workspace)


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """The first Ctrl-C (or SIGTERM) asks the stage to stop at its next safe point; the second stops at once."""
    cancelled = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield cancelled
        return

    def ask(number: int, frame: object) -> None:
        if cancelled.is_set():
            raise KeyboardInterrupt
        cancelled.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancelled
    except KeyboardInterrupt:
        raise Interrupted("workspace.interrupted") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def report_path(workspace: Workspace, name: str) -> Path:
    return workspace.path / "reports" / name / "index.html"
