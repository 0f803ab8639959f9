"""Functions of arrays compiled to machine code by Numba, and how long that took.

Numba notices a change of the file that a function stands in, not one of a function that it calls from another file. So
the folder of the cache is named after all of `kernels/` at once: whoever changes a kernel gets all of them anew.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba.core import entrypoints, event

from danlu.compute.machine_code import code_folder
from danlu.workspace.ledger import PARENT

if PARENT in os.environ:  # a worker, not the process of somebody who uses danlu beside other packages
    # Before the first compilation Numba imports whatever package has registered with it. Awkward has, which gigatoken needs,
    # and takes .2 s; kernels here know arrays and numbers alone.
    entrypoints._already_initialized = True

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile at the first call with each combination of types, or load what an earlier process compiled.

    A kernel takes arrays and numbers, writes into arrays that it is given, and holds no lock of the interpreter. Division
    by zero gives infinity or not-a-number, as in NumPy.
    """
    numba.config.CACHE_DIR = str(code_folder())
    compiled: Function = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return compiled


def compile_seconds() -> float:
    """Seconds that this process has spent in compiling, once on a machine."""
    return _stopwatch.seconds


class _Stopwatch(event.Listener):  # type: ignore[misc]
    """Sums the times of compilations; one within another counts once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth, self._start = 0, 0.0

    def on_start(self, event: Any) -> None:
        if not self._depth:
            self._start = time.perf_counter()
        self._depth += 1

    def on_end(self, event: Any) -> None:
        self._depth -= 1
        if not self._depth:
            self.seconds += time.perf_counter() - self._start


_stopwatch = _Stopwatch()
event.register("numba:compile", _stopwatch)
