"""What a stage is given while it runs: where to write, its seed, its ledger, its log, and when to stop."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from danlu.workspace.errors import Interrupted
from danlu.workspace.events import EVENTS, METRICS, JsonLines
from danlu.workspace.files import read_json, write_json
from danlu.workspace.ledger import Ledger
from danlu.workspace.progress import Progress, SilentProgress, SilentTask, Task

SCRATCH = "work"
RESOLVED = "resolved.json"


@dataclass
class Run:
    """One execution of one stage. The payload is every file under `output` outside `scratch` that is not a record.

    `name` is the node's own name (of a dataset, a model), `base` the recipe's folder, where relative paths start.
    `bar` is the stage's own, for units that tell how far they are. `careful`: a process died at this work before, so units
    are done in processes that can be watched.
    `earlier` are finished artifacts that this one may go on from (`Stage.grows`); what it makes is the same without them.
    `counts` are numbers for the manifest (documents read, quarantined, ...); `facts` are other JSON values for it.
    """

    stage: str
    output: Path
    ledger: Ledger
    name: str = ""
    base: Path = Path()
    seed: int = 0
    workers: int = 1
    threads: int = 2
    memory_bytes: int = 4 << 30
    careful: bool = False
    progress: Progress = field(default_factory=SilentProgress)
    bar: Task = field(default_factory=SilentTask)
    cancelled: threading.Event = field(default_factory=threading.Event)
    earlier: tuple[Path, ...] = ()
    counts: Counter[str] = field(default_factory=Counter)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def scratch(self) -> Path:
        """Files for resuming (checkpoints, spills): kept until the artifact is published, then removed."""
        path = self.output / SCRATCH
        path.mkdir(exist_ok=True)
        return path

    @property
    def events(self) -> JsonLines:
        return JsonLines(self.output / EVENTS)

    @property
    def metrics(self) -> JsonLines:
        return JsonLines(self.output / METRICS)

    def resolve(self, name: str, decide: Callable[[], Any]) -> Any:
        """What this machine decided (steps of a time budget, batch, precision): asked once, then read from disk."""
        path = self.output / RESOLVED
        resolved = read_json(path) if path.exists() else {}
        if name not in resolved:
            resolved[name] = decide()
            write_json(path, resolved)
        return resolved[name]

    def check(self) -> None:
        """Raise `Interrupted` if the user asked to stop; call it between units of work."""
        if self.cancelled.is_set():
            raise Interrupted("workspace.interrupted", where=self.stage)

    def once(self, unit: str, work: Callable[[], Any]) -> Any:
        """Do `work` unless the ledger has it; its return value (JSON) is the unit's fact. `work` must leave whole files."""
        fact = self.ledger.get(unit)
        if fact is None:
            self.check()
            fact = work()
            fact = True if fact is None else fact
            self.finish(unit, fact)
        return fact

    def finish(self, unit: str, fact: Any) -> None:
        """Record that `unit` is finished: in the ledger, which decides what a resumed stage lacks, then as an event."""
        self.ledger.finish(unit, fact)
        self.events.write(kind="unit", unit=unit)
