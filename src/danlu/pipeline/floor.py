"""The floor where stages work: each in a process of its own, side by side while cores are free, one process kept warm for
the next.

A stage in its own process cannot take the run with it when it crashes, gives its memory back, and can be measured by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait

from danlu.compute.child import Child, died_of
from danlu.compute.machine import Machine
from danlu.pipeline.bill import remember_rate
from danlu.pipeline.execute import Share
from danlu.pipeline.keys import node_key
from danlu.pipeline.lockfile import put_resolved
from danlu.pipeline.plan import Plan
from danlu.pipeline.state import NodeState, RunState, run_folder
from danlu.pipeline.worker import ENTRY, Order
from danlu.workspace.artifact import Artifact, Workspace
from danlu.workspace.errors import DanluError, Interrupted
from danlu.workspace.progress import Replay

Watch = Callable[[NodeState], None]
LOOK_SECONDS = 0.2
"""How soon a wish to stop is passed on."""
DIED_KEY = "pipeline.stage-died"
OF_MODELS = ("pretrain", "finetune", "evaluate")
"""Stages that load torch."""


@contextmanager
def warmed(plan: Plan) -> Iterator[list[Child]]:
    """A process that imports what the first stage to run needs while the run still gets ready; none where all is there.

    Whoever takes it out of the list ends it; what is left in the list ends with the block.
    """
    first = next((line.node.stage for line in plan.to_run), None)
    ready = [Child(imports=[ENTRY.partition(":")[0], first.entry.partition(":")[0]])] if first else []
    try:
        yield ready
    finally:
        for child in ready:
            child.close()


@dataclass
class Floor:
    """A run in progress: what is done, who is at work, what waits."""

    plan: Plan
    workspace: Workspace
    state: RunState
    machine: Machine
    replay: Replay
    cancelled: threading.Event
    watch: Watch
    done: dict[str, Artifact] = field(default_factory=dict)
    at_work: dict[Child, Order] = field(default_factory=dict)
    idle: list[Child] = field(default_factory=list)
    of_text: set[Child] = field(default_factory=set)
    """Processes that have worked on text."""
    died: set[str] = field(default_factory=set)
    """Nodes whose process died once; the second time it is an error."""

    def work(self) -> None:
        """Run every node of the plan, each as soon as what it needs is there."""
        waiting = list(self.plan.nodes)
        error: DanluError | None = None
        stopping = False
        while waiting or self.at_work:
            if self.cancelled.is_set() and error is None:
                error = Interrupted("workspace.interrupted", where=next(iter(self._busy() or waiting)))
            if error is None:
                waiting = [name for name in waiting if not self._begin(name)]
            elif not self.at_work:
                break
            elif not stopping:
                stopping = True
                for child in self.at_work:
                    child.cancel()
            for ready in wait([child.connection for child in self.at_work], LOOK_SECONDS) if self.at_work else []:
                child = next(child for child in self.at_work if child.connection is ready)
                try:
                    waiting += self._hear(child)
                except DanluError as failure:
                    error = failure if error is None or isinstance(error, Interrupted) else error
        if error is not None:
            raise error

    def close(self) -> None:
        """End every process."""
        for child in (*self.at_work, *self.idle):
            child.close()

    def _busy(self) -> list[str]:
        return [order.node.name for order in self.at_work.values()]

    def _begin(self, name: str) -> bool:
        """Start a node, or find that it is there already; False where it must still wait."""
        line, entry = self.plan.nodes[name], self.state.nodes[name]
        there = {**self.plan.given, **self.done}
        if any(need not in there for need in line.node.needs()):
            return False
        seed, external = self.plan.loaded.recipe.seed, self.plan.external[name]
        entry.key = node_key(line.node, seed, external, there)
        assert entry.key is not None  # every input is done
        with self.workspace.steady():  # what is found is noted down before `danlu gc` looks
            artifact = self.workspace.find(line.node.stage.name, entry.key)
            if artifact:
                self._finish(name, artifact, "cached")
                return True
        cores = min(line.node.stage.most_cores or self.machine.cores, self.machine.cores)
        if cores > self.machine.cores - sum(order.share.cores for order in self.at_work.values()):
            return False
        order = Order(
            line.node, entry.key, self.workspace.path, {need: there[need] for need in line.node.needs()}, seed,
            self.plan.loaded.base, self.machine, self._share(cores), external, careful=name in self.died,
        )  # fmt: skip
        put_resolved(self.workspace, line.node, entry.key, self.plan.loaded)
        child = self._child(line.node.stage.name)
        child.start(ENTRY, order)
        self.at_work[child] = order
        entry.state = "running"
        self.state.save(self.workspace)
        self.watch(entry)
        return True

    def _child(self, stage: str) -> Child:
        """A process for a stage: an idle one, unless the stage is of models and the process has worked on text. What that
        leaves behind (Numba's compiler, tables) is 400 MB, which training would hold for nothing."""
        of_models = stage.startswith(OF_MODELS)
        child = self.idle.pop() if self.idle else Child()
        if of_models and child in self.of_text:
            self.of_text.remove(child)
            child.close()
            child = Child()
        if not of_models:
            self.of_text.add(child)
        return child

    def _share(self, cores: int) -> Share:
        return Share(cores, self.machine.memory_bytes * cores // self.machine.cores)

    def _hear(self, child: Child) -> list[str]:
        """Take a message of a child; names of nodes that wait again because of it. DanluError if its node failed."""
        message = child.receive()
        if message.kind == "said":
            self.replay.apply(message.content)
            return []
        name = self.at_work.pop(child).node.name
        self.replay.forget(name)
        entry = self.state.nodes[name]
        if message.kind == "done":
            self.idle.append(child)
            self._finish(name, message.content, "done")
            return []
        entry.state = "failed"
        if message.kind == "died":
            child.close()
            how = died_of(message.content)
            if self.cancelled.is_set() or name in self.died:
                raise DanluError(DIED_KEY, where=name, stage=name, how=how)
            self.died.add(name)
            self.replay.progress.warn("pipeline.stage-again", stage=name, how=how)
            entry.state = "waiting"
            return [name]
        self.idle.append(child)
        if message.kind == "failed":
            error: DanluError = message.content
            if isinstance(error, Interrupted):
                entry.state = "waiting"
            raise error
        line, traceback = message.content
        log = run_folder(self.workspace, self.state.name) / "error.log"
        log.write_text(traceback, encoding="utf-8")
        raise DanluError("pipeline.defect", where=name, error=line, log=log)

    def _finish(self, name: str, artifact: Artifact, how: str) -> None:
        entry, line = self.state.nodes[name], self.plan.nodes[name]
        self.done[name] = artifact
        entry.state = "cached" if how == "cached" else "done"
        manifest = artifact.manifest
        entry.seconds, entry.peak_memory_bytes = manifest["seconds"], manifest["peak_memory_bytes"]
        if entry.state == "done" and not line.estimate.fixed and "goes_on_from" not in manifest["facts"]:
            remember_rate(entry.stage, manifest["seconds"] - manifest.get("compile_seconds", 0.0), line.estimate.work)
        self.state.save(self.workspace)
        self.watch(entry)
