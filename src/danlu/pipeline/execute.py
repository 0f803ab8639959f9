"""Running one node: partial directory, lock, ledger, the stage's function, the manifest, publication."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from danlu.compute.machine import Machine
from danlu.compute.machine_code import compile_seconds
from danlu.compute.usage import peak_memory
from danlu.pipeline.earlier import earlier_artifacts
from danlu.pipeline.graph import Node
from danlu.workspace.artifact import LEDGER, LOCK, Artifact, Workspace
from danlu.workspace.disk import explain_full
from danlu.workspace.errors import DanluError
from danlu.workspace.files import disk_errors, read_json
from danlu.workspace.ledger import Ledger
from danlu.workspace.lock import locked
from danlu.workspace.progress import Progress
from danlu.workspace.record import recorded
from danlu.workspace.run import RESOLVED, Run

RECORDED_PACKAGES = ("danlu", "torch", "transformers", "tokenizers", "numpy", "pyarrow", "scikit-learn")


@dataclass(frozen=True)
class Share:
    """What of the machine a stage may use."""

    cores: int
    memory_bytes: int


def execute(
    node: Node,
    key: str,
    workspace: Workspace,
    done: Mapping[str, Artifact],
    *,
    seed: int,
    base: Path,
    machine: Machine,
    share: Share,
    progress: Progress,
    cancelled: threading.Event,
    external: Mapping[str, str],
    careful: bool = False,
    cores: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Artifact:
    """Make the artifact of `node`, going on from what an earlier attempt left. DanluError for whatever goes wrong.

    `careful`: its process died before, so its units go to workers that can be watched.
    `cores` gives the cores for the work; they are taken last, so that nobody holds them while waiting for a lock.
    """
    partial = workspace.partial(node.stage.name, key)
    with disk_errors(partial):
        now = {"versions": versions(), "machine": machine.facts()}
        earlier = tuple(earlier_artifacts(node, workspace, done, seed, external, now))
        needs = (*(done[name].path.name for name in node.needs()), *(path.name for path in earlier))
        with locked(
            partial / LOCK, stage=node.name, needs=needs, say=progress.say, cancelled=cancelled.is_set, on_lost=cancelled.set
        ) as held:
            if finished := workspace.find(node.stage.name, key):
                return finished
            ledger = Ledger(partial / LEDGER, node.stage.name)
            run = Run(
                stage=node.name, output=partial, ledger=ledger, name=node.own, base=base, seed=seed,
                workers=share.cores, threads=share.cores, memory_bytes=share.memory_bytes, careful=careful,
                progress=progress, cancelled=cancelled, earlier=earlier,
            )  # fmt: skip
            start, compiled = time.monotonic(), compile_seconds()
            spent = float(ledger.get("seconds-before") or 0.0)
            try:
                with cores(), peak_memory(os.getpid()) as peak, recorded(run):
                    ledger.failpoint("start")
                    node.stage.load()(**_arguments(node, done), config=node.config, run=run)
                    ledger.failpoint("end")
            except (DanluError, OSError):
                raise
            except MemoryError as error:
                raise DanluError(
                    "pipeline.out-of-memory", where=node.name, gigabytes=f"{share.memory_bytes / 1e9:.0f}"
                ) from error
            except Exception as error:
                if full := explain_full(error, partial):
                    raise full from error
                log = partial / "error.log"
                log.write_text(traceback.format_exc(), encoding="utf-8")
                raise DanluError(
                    "pipeline.defect", where=node.name, error=f"{type(error).__name__}: {error}", log=log
                ) from error
            finally:
                ledger.finish("seconds-before", spent + time.monotonic() - start)
                ledger.close()
            (partial / "error.log").unlink(missing_ok=True)
            held.check()
            return workspace.publish(
                node.stage.name,
                key,
                {
                    "node": node.name,
                    "version": node.stage.version,
                    "config": node.config.identity(),
                    "seed": seed,
                    "inputs": _lineage(node, done),
                    "external": dict(external),
                    "resolved": read_json(partial / RESOLVED) if (partial / RESOLVED).exists() else {},
                    "counts": dict(run.counts),
                    "facts": run.facts,
                    "seconds": round(spent + time.monotonic() - start, 2),
                    "compile_seconds": round(compile_seconds() - compiled, 2),  # of them: once on a machine
                    "peak_memory_bytes": peak.bytes,
                    **now,
                    "finished": round(time.time(), 1),
                },
            )


def versions() -> dict[str, str]:
    """Versions of the packages that could change a result."""
    found = {}
    for name in RECORDED_PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _arguments(node: Node, done: Mapping[str, Artifact]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for argument, value in node.inputs.items():
        if value is None:
            arguments[argument] = None
        elif isinstance(value, str):
            arguments[argument] = done[value]
        else:
            arguments[argument] = {name: done[other] for name, other in value.items()}
    return arguments


def _lineage(node: Node, done: Mapping[str, Artifact]) -> dict[str, Any]:
    """Argument -> artifact name (or names) that the node read."""
    return {
        argument: None
        if value is None
        else done[value].path.name
        if isinstance(value, str)
        else {n: done[o].path.name for n, o in value.items()}
        for argument, value in node.inputs.items()
    }
