"""What the tests of child processes and units run in other processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from danlu.compute.child import Caller
from danlu.compute.malloc import keep_freed_memory
from danlu.compute.usage import tree_pss_bytes
from danlu.workspace.errors import DanluError, RecipeError
from danlu.workspace.run import Run

KEPT: list[bytearray] = []


def double(caller: Caller, number: int) -> int:
    caller.say("on it")
    caller.say({"number": number})
    print("this must not reach standard output")
    return 2 * number


def fail(caller: Caller, how: str) -> None:
    if how == "error":
        raise RecipeError("recipe.missing", where="here", more=1)
    if how == "crash":
        raise ZeroDivisionError("by nought")
    if how == "exit":
        sys.exit(3)
    os.kill(os.getpid(), signal.SIGKILL)


def hold_and_free(caller: Caller, megabytes: int) -> int:
    """Fill the heap as a training does, with a block at its end that keeps it from shrinking by itself."""
    keep_freed_memory()
    blocks = [bytearray(b"x" * (1 << 20)) for _ in range(megabytes)]
    last = bytearray(b"x" * (1 << 20))
    blocks.clear()
    KEPT.append(last)
    return tree_pss_bytes(os.getpid())


def resident(caller: Caller) -> int:
    return tree_pss_bytes(os.getpid())


def is_imported(caller: Caller, module: str) -> bool:
    return module in sys.modules


def unpicklable(caller: Caller) -> Any:
    return lambda: 0


def until_cancelled(caller: Caller) -> str:
    caller.say(os.getpid())
    return "stopped" if caller.cancelled.wait(30) else "not asked"


def number(caller: Caller) -> int:
    return os.getpid()


def write_square(run: Run, value: int) -> dict[str, int]:
    (run.output / f"{value}.txt").write_text(f"{value * value} {run.seed} {run.name}")
    time.sleep(0.02)
    return {"square": value * value}


def die_once(run: Run, value: int, marker: Path) -> dict[str, int]:
    if value == 2 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return write_square(run, value)


def die_at_two(run: Run, value: int) -> dict[str, int]:
    if value == 2:
        os.kill(os.getpid(), signal.SIGSEGV)
    return write_square(run, value)


def refuse_two(run: Run, value: int) -> dict[str, int]:
    if value == 2:
        raise DanluError("workspace.disk-full", where="unit 2")
    return write_square(run, value)


def hold(run: Run, megabytes: int) -> int:
    block = b"x" * (megabytes << 20)
    time.sleep(1.5)
    return len(block) >> 20


def hold_then_crash(run: Run, megabytes: int, marker: Path) -> int:
    """Holds so much; a unit that has begun before crashes instead."""
    if marker.exists():
        os.kill(os.getpid(), signal.SIGSEGV)
    if megabytes > 1:
        marker.touch()
    return hold(run, megabytes)


def slow_square(run: Run, value: int, answered: Path) -> dict[str, int]:
    time.sleep(1.0)
    answered.touch()
    return write_square(run, value)


def wait_for_stop(run: Run, value: int) -> int:
    while True:
        time.sleep(0.01)
        run.check()


def no_memory(run: Run) -> None:
    raise MemoryError


def who(run: Run, value: int) -> int:
    return os.getpid()


def advance(run: Run, amount: int) -> None:
    run.bar.advance(amount)
