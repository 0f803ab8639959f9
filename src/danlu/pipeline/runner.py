"""`danlu run`: build what is missing and keep the state on disk."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from danlu.compute.child import Child
from danlu.compute.machine import Machine
from danlu.pipeline.floor import Floor, Watch
from danlu.pipeline.graph import build_graph
from danlu.pipeline.plan import Plan
from danlu.pipeline.state import NodeState, RunState, read_state, run_folder, run_names
from danlu.recipe.schema import Recipe
from danlu.workspace.artifact import LOCK, Artifact, Workspace
from danlu.workspace.disk import require_space
from danlu.workspace.errors import DanluError, Interrupted
from danlu.workspace.lock import holder, locked
from danlu.workspace.messages import listed
from danlu.workspace.progress import Progress, Replay


@dataclass(frozen=True)
class RunResult:
    """What a run made: its state and the artifacts by node name."""

    state: RunState
    artifacts: dict[str, Artifact]
    workspace: Workspace
    before: Mapping[str, str | None] = field(default_factory=dict)
    """Keys of the nodes of the run of this name before this one."""

    @property
    def changed(self) -> bool:
        """Whether this run stands otherwise than the one before: something was made, or other artifacts belong to it."""
        made = any(node.state == "done" for node in self.state.nodes.values())
        return made or {name: node.key for name, node in self.state.nodes.items()} != dict(self.before)


def run_plan(plan: Plan, workspace: Workspace, progress: Progress, watch: Watch, ready: list[Child] | None = None) -> RunResult:
    """Make what is missing of the plan, independent stages side by side; `watch` hears of each change.

    `ready` are processes that were started before (`warmed`); they are used first, and ended here. A DanluError of one stage
    stops the others at their next safe point; what is done stays.
    """
    workspace.create()
    require_space(workspace.path, plan.needs.disk_bytes)
    recipe = plan.loaded.recipe
    lock = run_folder(workspace, recipe.name) / LOCK
    with interruptible() as cancelled, locked(lock, stage=recipe.name, say=progress.say, cancelled=cancelled.is_set):
        before = keys_of_run(workspace, recipe.name)
        state = RunState(name=recipe.name, recipe=str(plan.loaded.path or recipe.name), skipped=list(plan.skipped))
        state.nodes = {
            name: NodeState(name, line.node.stage.name, key=line.key, planned=line.estimate.seconds)  # the key: for `danlu gc`
            for name, line in plan.nodes.items()
        }
        state.earlier, read_before = made_before(workspace, recipe)
        state.reads = list(dict.fromkeys((*plan.given, *(read_before if state.earlier else ()))))
        state.keep_recipe(workspace, plan.loaded)
        state.save(workspace)
        begin = time.monotonic()
        floor = Floor(plan, workspace, state, Machine.probe(), Replay(progress), cancelled, watch)
        while ready:
            floor.idle.append(ready.pop())
        try:
            floor.work()
            state.state = "done"
        except BaseException as error:
            state.state = "interrupted" if isinstance(error, Interrupted | KeyboardInterrupt) else "failed"
            raise
        finally:
            floor.close()
            for entry in state.nodes.values():  # cut off by a second Ctrl-C
                entry.state = "waiting" if entry.state == "running" else entry.state
            state.earlier = {name: node for name, node in state.earlier.items() if name not in floor.done}
            state.reads = state.reads if state.earlier else list(plan.given)
            state.seconds = round(time.monotonic() - begin, 2)
            state.save(workspace)
    return RunResult(state, floor.done, workspace, before)


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


def keys_of_run(workspace: Workspace, name: str) -> dict[str, str | None]:
    """Node -> key of the run `name` as its state on disk tells; empty if it never ran or was not finished."""
    if name not in run_names(workspace):
        return {}
    state = read_state(workspace, name)
    return {node.name: node.key for node in state.nodes.values()} if state.state == "done" else {}


def made_before(workspace: Workspace, recipe: Recipe) -> tuple[dict[str, NodeState], list[str]]:
    """What is there of the nodes of a recipe as the run of its name before this one left it, and what of other runs it read."""
    if recipe.name not in run_names(workspace):
        return {}, []
    state = read_state(workspace, recipe.name)
    return {name: node for name in build_graph(recipe) if (node := state.standing(workspace, name))}, state.reads


def cancel(workspace: Workspace, name: str) -> int:
    """Ask the run `name` to stop at its next safe point: the number of its process. DanluError if it does not run here."""
    owner = holder(workspace.path / "runs" / name / LOCK)
    if owner is None or not owner.pid or owner.host != socket.gethostname():
        raise DanluError("pipeline.not-running", where=name, name=name, host=owner.host if owner else listed(()))
    os.kill(owner.pid, signal.SIGTERM)
    return owner.pid


def report_path(workspace: Workspace, name: str) -> Path:
    return workspace.path / "reports" / name / "index.html"
