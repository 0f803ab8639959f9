"""`danlu run`: build what is missing, node by node, and keep the state on disk."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from danlu.compute.machine import Machine
from danlu.pipeline.bill import remember_rate
from danlu.pipeline.execute import execute
from danlu.pipeline.keys import node_key
from danlu.pipeline.plan import Plan, PlannedNode
from danlu.pipeline.state import NodeState, RunState
from danlu.workspace.artifact import Artifact, Workspace
from danlu.workspace.errors import Interrupted
from danlu.workspace.progress import Progress

Watch = Callable[[NodeState], None]


@dataclass(frozen=True)
class RunResult:
    """What a run made: its state and the artifacts by node name."""

    state: RunState
    artifacts: dict[str, Artifact]
    workspace: Workspace


def run_plan(plan: Plan, workspace: Workspace, progress: Progress, watch: Watch) -> RunResult:
    """Run every node of the plan in order; `watch` hears of each change. DanluError stops it; what is done stays."""
    workspace.create()
    recipe = plan.loaded.recipe
    machine = Machine.probe()
    state = RunState(name=recipe.name, recipe=str(plan.loaded.path or recipe.name), skipped=list(plan.skipped))
    state.nodes = {
        name: NodeState(name, line.node.stage.name, planned=line.estimate.seconds) for name, line in plan.nodes.items()
    }
    state.keep_recipe(workspace, plan.loaded.text)
    state.save(workspace)
    done: dict[str, Artifact] = {}
    begin = time.monotonic()
    with interruptible() as cancelled:
        try:
            for name, line in plan.nodes.items():
                if cancelled.is_set():
                    raise Interrupted("workspace.interrupted", where=name)
                done[name] = _run_node(name, line, plan, workspace, done, state, machine, progress, cancelled, watch)
            state.state = "done"
        except BaseException:
            state.state = "failed"
            raise
        finally:
            state.seconds = round(time.monotonic() - begin, 2)
            state.save(workspace)
    return RunResult(state, done, workspace)


def _run_node(
    name: str,
    line: PlannedNode,
    plan: Plan,
    workspace: Workspace,
    done: dict[str, Artifact],
    state: RunState,
    machine: Machine,
    progress: Progress,
    cancelled: threading.Event,
    watch: Watch,
) -> Artifact:
    entry = state.nodes[name]
    seed, external = plan.loaded.recipe.seed, plan.external[name]
    entry.key = node_key(line.node, seed, external, done)
    assert entry.key is not None  # every input is done
    artifact = workspace.find(line.node.stage.name, entry.key)
    entry.state = "cached" if artifact else "running"
    state.save(workspace)
    watch(entry)
    if artifact is None:
        try:
            artifact = execute(
                line.node, entry.key, workspace, done, seed=seed, base=plan.loaded.base, machine=machine,
                progress=progress, cancelled=cancelled, external=external,
            )  # fmt: skip
        except BaseException as error:
            entry.state = "waiting" if isinstance(error, Interrupted | KeyboardInterrupt) else "failed"
            raise
        entry.state = "done"
    manifest = artifact.manifest
    entry.seconds, entry.peak_memory_bytes = manifest["seconds"], manifest["peak_memory_bytes"]
    if entry.state == "done" and not line.estimate.fixed:
        remember_rate(entry.stage, manifest["seconds"], line.estimate.work)
    state.save(workspace)
    if entry.state == "done":
        watch(entry)
    return artifact


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
