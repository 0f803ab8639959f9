"""Units of a stage on one process or several: the same facts in the same order, whoever did the work.

A worker that dies (out of memory, a crash in foreign code) is replaced and its unit done once more, alone; if that kills
it too, the unit is given up with the reason and the stage says what it lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from danlu.compute.child import Caller, Child, died_of
from danlu.compute.usage import tree_pss_bytes
from danlu.workspace.errors import DanluError
from danlu.workspace.ledger import Ledger
from danlu.workspace.progress import ForwardedProgress, Replay
from danlu.workspace.run import Run
from danlu.workspace.stage import function_at

LOOK_SECONDS = 0.5
"""How often memory and the wish to stop are looked at."""
MEMORY_KEY, DIED_KEY = "compute.unit-too-large", "compute.unit-died"


@dataclass(frozen=True)
class Unit:
    """A piece of work: its name in the ledger and the arguments of the function, which must survive pickling."""

    name: str
    arguments: tuple[Any, ...]


Lost = Callable[[Unit, DanluError], Any]
"""Makes the fact of a unit that was given up; raise the error where a stage cannot do without it."""


def each_unit(
    run: Run, entry: str, units: Sequence[Unit], *, lost: Lost | None = None, advance: Callable[[], None] = lambda: None
) -> list[Any]:
    """Do `entry` (`module:function`, called as `function(run, *arguments)`) for every unit that the ledger lacks.

    Returns the facts of all units in their order. With `run.workers` above 1 the units go to that many processes; a function
    must then leave whole files, tell everything by its fact (JSON), and not rely on `run.counts` or `run.facts`.
    """
    facts: dict[str, Any] = {}
    missing = []
    for unit in units:
        fact = run.ledger.get(unit.name)
        if fact is None:
            missing.append(unit)
        else:
            facts[unit.name] = fact
            advance()

    def finish(unit: Unit, fact: Any) -> None:
        facts[unit.name] = True if fact is None else fact
        run.finish(unit.name, facts[unit.name])
        advance()

    if run.workers > 1 and len(missing) > 1:
        _Crew(run, entry, deque(missing), finish, lost or _refuse).work()
    else:
        function = function_at(entry)
        for unit in missing:
            facts[unit.name] = run.once(unit.name, partial(function, run, *unit.arguments))
            advance()
    return [facts[unit.name] for unit in units]


def _refuse(unit: Unit, error: DanluError) -> Any:
    raise error


@dataclass
class _Crew:
    """Workers, what is left to do, and what each is at."""

    run: Run
    entry: str
    waiting: deque[Unit]
    finish: Callable[[Unit, Any], None]
    lost: Lost
    again: deque[Unit] = field(default_factory=deque)
    """Units whose worker died: each is done once more, with nothing beside it."""
    at_work: dict[Child, Unit] = field(default_factory=dict)
    idle: list[Child] = field(default_factory=list)
    too_large: set[str] = field(default_factory=set)
    words: Replay = field(init=False)
    """Shows what units say; their bars are the stage's own."""

    def __post_init__(self) -> None:
        self.words = Replay(self.run.progress)

    def work(self) -> None:
        try:
            while self.waiting or self.again or self.at_work:
                self.run.check()
                self._hand_out()
                ready = wait([child.connection for child in self.at_work], LOOK_SECONDS)
                for child in [child for child in self.at_work if child.connection in ready]:
                    self._hear(child)
                self._watch_memory()
        finally:
            for child in (*self.at_work, *self.idle):
                child.close()

    def _hand_out(self) -> None:
        while self.waiting and len(self.at_work) < self.run.workers:
            self._give(self.waiting.popleft())
        if self.again and not self.at_work:
            self._give(self.again[0])

    def _give(self, unit: Unit) -> None:
        child = self.idle.pop() if self.idle else Child()
        self.at_work[child] = unit
        run = self.run
        child.start(
            "danlu.compute.units:do_unit", self.entry, unit.arguments, run.stage, run.name, run.output, run.base, run.seed
        )

    def _hear(self, child: Child) -> None:
        message = child.receive()
        if message.kind == "said":
            self.words.apply(message.content)
            return
        unit = self.at_work.pop(child)
        second = bool(self.again) and self.again[0] is unit
        if message.kind == "done":
            self.idle.append(child)
            if second:
                self.again.popleft()
            self.finish(unit, message.content)
        elif message.kind == "died":
            child.close()
            if second:
                self.again.popleft()
                self.finish(unit, self.lost(unit, self._reason(unit, message.content)))
            else:
                self.run.progress.warn("compute.worker-died", unit=unit.name, how=died_of(message.content))
                self.again.append(unit)
        elif message.kind == "failed":
            self.idle.append(child)
            raise message.content
        else:
            self.idle.append(child)
            raise RuntimeError(f"{message.content[0]}\n{message.content[1]}")

    def _reason(self, unit: Unit, status: int) -> DanluError:
        if unit.name in self.too_large:
            gigabytes = f"{self.run.memory_bytes / 1e9:.1f}"
            return DanluError(MEMORY_KEY, where=self.run.stage, unit=unit.name, gigabytes=gigabytes)
        return DanluError(DIED_KEY, where=self.run.stage, unit=unit.name, how=died_of(status))

    def _watch_memory(self) -> None:
        """End a worker that takes more than its share of the stage's memory; alone, all of it is its share."""
        share = self.run.memory_bytes // max(1, len(self.at_work))
        for child, unit in self.at_work.items():
            if tree_pss_bytes(child.process.pid) > share:
                self.too_large.add(unit.name)
                child.process.kill()


def do_unit(
    caller: Caller, entry: str, arguments: tuple[Any, ...], stage: str, name: str, output: Path, base: Path, seed: int
) -> Any:
    """In a worker: one unit. What it says goes to the parent; the ledger stays there."""
    run = Run(
        stage=stage, output=output, ledger=Ledger(Path(":memory:"), stage), name=name, base=base, seed=seed, workers=1,
        threads=1, cancelled=caller.cancelled, progress=ForwardedProgress(caller.say),
    )  # fmt: skip
    try:
        return function_at(entry)(run, *arguments)
    finally:
        run.ledger.close()
