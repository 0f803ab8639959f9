"""In a stage's own process: run one node for the parent, and tell it what happens."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from danlu.compute.child import Caller
from danlu.compute.leases import lease
from danlu.compute.machine import Machine
from danlu.pipeline.execute import Share, execute
from danlu.pipeline.graph import Node
from danlu.workspace.artifact import Artifact, Workspace
from danlu.workspace.errors import Interrupted
from danlu.workspace.progress import ForwardedProgress

ENTRY = "danlu.pipeline.worker:work"


@dataclass(frozen=True)
class Order:
    """A node to run, and all that it needs; pickled on its way to the process that runs it."""

    node: Node
    key: str
    workspace: Path
    done: Mapping[str, Artifact]
    seed: int
    base: Path
    machine: Machine
    share: Share
    external: Mapping[str, str]
    careful: bool = False
    """Whether a process of this run has died at this node."""


def work(caller: Caller, order: Order) -> Artifact:
    """Make the artifact of the node. What it has to say goes to the parent."""
    progress = ForwardedProgress(caller.say).of(order.node.name)

    def check() -> None:
        if caller.cancelled.is_set():
            raise Interrupted("workspace.interrupted", where=order.node.name)

    def tell() -> None:
        progress.say("compute.cores-busy", cores=order.share.cores)

    def cores() -> AbstractContextManager[None]:
        return lease(order.share.cores, order.machine.cores, check=check, waiting=tell)

    return execute(
        order.node, order.key, Workspace(order.workspace), order.done, seed=order.seed, base=order.base, machine=order.machine,
        share=order.share, progress=progress, cancelled=caller.cancelled, external=order.external, careful=order.careful,
        cores=cores,
    )  # fmt: skip
