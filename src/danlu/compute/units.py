"""Units of a stage in its own process or in workers beside it: the same facts in the same order, whoever did the work.

A worker that dies (out of memory, a crash in foreign code) is replaced and its unit done once more, alone; if that kills
it too, the unit is given up with the reason. Where the stage itself does the work, its process dies and is started again by
whoever watches the stages, with `run.careful`: then even little work goes to a worker, so what kills is found and given up
whatever the number of workers. Deaths are counted by a process that outlived them, never from what lies on disk: a run that
was killed as a whole has nothing to do with the unit that it was at.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Self

from danlu.compute.child import Caller, Child, died_of
from danlu.compute.losses import Loss
from danlu.compute.ordered import in_order
from danlu.compute.usage import tree_pss_bytes
from danlu.workspace.errors import DanluError
from danlu.workspace.ledger import Ledger, poison
from danlu.workspace.progress import ForwardedProgress, Replay, SilentTask, Task, Told
from danlu.workspace.run import Run
from danlu.workspace.stage import function_at

LOOK_SECONDS = 0.5
"""How often memory and the wish to stop are looked at."""
WORKER_BYTES = 96 << 20
"""Input of which there must be so much for each worker: below twice that a stage does the work itself. A worker takes 1 to 2
seconds to start and to load the kernels' code; stages that use workers go through 20 (collect) to 200 MB of text a second."""
MEMORY_KEY, DIED_KEY = "compute.unit-too-large", "compute.unit-died"


@dataclass(frozen=True)
class Unit:
    """A piece of work: its name in the ledger, the arguments of the function, which must survive pickling, and the bytes of
    input that it goes through (text, uncompressed)."""

    name: str
    arguments: tuple[Any, ...]
    bytes: int = 0


def worker_count(run: Run, units: Sequence[Unit]) -> int:
    """How many processes beside the stage's own are worth their start for `units`; 0: it does better alone.

    Also a single worker is worth it where there is much to do: the stage outlives it, and watches its memory.
    """
    total = sum(unit.bytes for unit in units)
    return min(run.workers, len(units), total // WORKER_BYTES) if total >= 2 * WORKER_BYTES else 0


@dataclass
class Crew:
    """Workers of a stage, started when they are needed and kept for its next units; to be closed (`with`)."""

    run: Run
    idle: list[Child] = field(default_factory=list, init=False)
    careful: bool = field(default=False, init=False)
    """Whether units have killed before: from then on none is done in the stage's own process."""

    def __post_init__(self) -> None:
        self.careful = self.run.careful

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        for child in self.idle:
            child.close()

    def each(
        self, entry: str, units: Sequence[Unit], *, bar: Task | None = None, give_up: bool = False, threads: int = 1
    ) -> list[Any]:
        """Do `entry` (`module:function`, called as `function(run, *arguments)`) for every unit that the ledger lacks.

        Returns the facts of all units in their order. The function must leave whole files, tell everything by its fact
        (JSON), and not rely on `run.counts` or `run.facts`; it may advance `run.bar` by the bytes that it has gone through.
        `bar` is advanced by the bytes of all units in any case. With `give_up` the fact of a unit that was given up is a
        `Loss`; without, that is a DanluError. `threads`: so many units side by side where the stage does them itself, for
        work that lets go of the interpreter's lock.
        """
        shown = {unit.name: _Part(bar or SilentTask(), unit.bytes) for unit in units}
        missing = []
        for unit in units:
            if self.run.ledger.get(unit.name) is None:
                missing.append(unit)
            else:
                shown[unit.name].finish()
        count = self._workers_for(missing)
        if count:
            _Shift(self, entry, count, deque(missing), shown, give_up).work()
        else:
            alone = min(threads, len(missing)) < 2  # a bar hears one thread

            def work(unit: Unit) -> Any:
                self.run.check()
                return _do(entry, replace(self.run, bar=shown[unit.name] if alone else SilentTask()), unit)

            for unit, fact in zip(missing, in_order(work, missing, threads), strict=True):
                self.run.finish(unit.name, True if fact is None else fact)
                shown[unit.name].finish()
        facts = [self.run.ledger.get(unit.name) for unit in units]
        found = [Loss.from_fact(unit.name, fact) or fact for unit, fact in zip(units, facts, strict=True)]
        self.careful = self.careful or any(isinstance(fact, Loss) for fact in found)
        return found

    def _workers_for(self, units: Sequence[Unit]) -> int:
        """How many workers are to do `units`; 0: the stage's own process does them."""
        if self.careful and units:
            return max(1, worker_count(self.run, units))
        return worker_count(self.run, units) or min(len(self.idle), len(units))


@dataclass
class _Part(Task):
    """A unit's share of a bar: never more than its bytes, and all of them in the end."""

    bar: Task
    bytes: float
    done: float = 0
    shown: float = 0

    def advance(self, amount: float = 1) -> None:
        self.done += amount
        step = min(self.done, self.bytes) - self.shown
        if step > 0:  # a unit that is done again shows nothing new at first
            self.shown += step
            self.bar.advance(step)

    def finish(self) -> None:
        self.advance(self.bytes)

    def note(self, key: str, /, **parameters: object) -> None: ...

    def resize(self, total: float) -> None: ...


@dataclass
class _Shift:
    """Workers at some units: what is left to do, and what each is at."""

    crew: Crew
    entry: str
    count: int
    waiting: deque[Unit]
    shown: dict[str, _Part]
    give_up: bool
    again: deque[Unit] = field(default_factory=deque)
    """Units whose worker died: each is done once more, with nothing beside it."""
    at_work: dict[Child, Unit] = field(default_factory=dict)
    too_large: set[str] = field(default_factory=set)
    """Units whose worker was ended for its memory the last time."""
    ended: set[Child] = field(default_factory=set)
    """Workers that were ended for their memory: one may have answered just before."""
    run: Run = field(init=False)
    idle: list[Child] = field(init=False)
    words: Replay = field(init=False)
    """Shows what units say; their bars are the stage's own."""

    def __post_init__(self) -> None:
        self.run, self.idle = self.crew.run, self.crew.idle
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
            for child in self.at_work:
                child.close()

    def _hand_out(self) -> None:
        while self.waiting and len(self.at_work) < self.count:
            self._give(self.waiting.popleft())
        if self.again and not self.at_work:
            self._give(self.again[0])

    def _give(self, unit: Unit) -> None:
        child = self.idle.pop() if self.idle else Child()
        self.at_work[child] = unit
        self.too_large.discard(unit.name)
        run = self.run
        about = (run.stage, run.name, run.output, run.base, run.seed, max(1, run.threads // self.count))
        child.start("danlu.compute.units:do_unit", self.entry, unit, *about)

    def _hear(self, child: Child) -> None:
        message = child.receive()
        if message.kind == "said":
            self._listen(self.at_work[child], message.content)
            return
        unit = self.at_work.pop(child)
        second = bool(self.again) and self.again[0] is unit
        if message.kind == "done":
            self._keep(child)
            if second:
                self.again.popleft()
            self._finish(unit, True if message.content is None else message.content)
        elif message.kind == "died":
            child.close()
            self.crew.careful = True
            if second:
                self.again.popleft()
                self._lose(unit, self._reason(unit, message.content))
            else:
                self.run.progress.warn("compute.worker-died", unit=unit.name, how=died_of(message.content))
                self.shown[unit.name].done = 0
                self.again.append(unit)
        elif message.kind == "failed":
            self._keep(child)
            raise message.content
        else:
            self._keep(child)
            raise RuntimeError(f"{message.content[0]}\n{message.content[1]}")

    def _keep(self, child: Child) -> None:
        """For the next unit, whose death it must not be that this one is at its end."""
        if child in self.ended:
            child.close()
        else:
            self.idle.append(child)

    def _listen(self, unit: Unit, told: Told) -> None:
        if told.verb == "advance" and not told.task:
            self.shown[unit.name].advance(told.values["amount"])
        else:
            self.words.apply(told)

    def _finish(self, unit: Unit, fact: Any) -> None:
        self.run.finish(unit.name, fact)
        self.shown[unit.name].finish()

    def _lose(self, unit: Unit, error: DanluError) -> None:
        if not self.give_up:
            raise error
        self._finish(unit, Loss.of(unit.name, error).fact())

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
                self.ended.add(child)
                child.process.kill()


def do_unit(
    caller: Caller, entry: str, unit: Unit, stage: str, name: str, output: Path, base: Path, seed: int, threads: int
) -> Any:
    """In a worker: one unit. What it says goes to the parent; the ledger stays there."""
    progress = ForwardedProgress(caller.say)
    steps = progress.steps()
    run = Run(
        stage=stage, output=output, ledger=Ledger(Path(":memory:"), stage), name=name, base=base, seed=seed, workers=1,
        threads=threads, cancelled=caller.cancelled, progress=progress, bar=steps,
    )  # fmt: skip
    try:
        return _do(entry, run, unit)
    except MemoryError:  # it counts as one that the system killed
        os.kill(os.getpid(), signal.SIGKILL)
    finally:
        steps.flush()
        run.ledger.close()


def _do(entry: str, run: Run, unit: Unit) -> Any:
    poison(f"{run.stage}:{unit.name}")
    return function_at(entry)(run, *unit.arguments)
