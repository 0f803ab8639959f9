"""Functions of arrays compiled to machine code by Numba, and where their code is kept.

Numba notices a change of the file that a function stands in, not one of a function that it calls from another file. So
the folder of the cache is named after all of `kernels/` at once: whoever changes a kernel gets all of them anew.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import numba
import numpy as np

from danlu.workspace.cache import user_cache

Function = TypeVar("Function", bound=Callable[..., object])
PACKAGE = Path(__file__).parents[1]


def kernel(function: Function) -> Function:
    """Compile at the first call with each combination of types, or load what an earlier process compiled.

    A kernel takes arrays and numbers, writes into arrays that it is given, and holds no lock of the interpreter. Division
    by zero gives infinity or not-a-number, as in NumPy.
    """
    numba.config.CACHE_DIR = str(code_folder())
    compiled: Function = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return compiled


@cache
def code_folder() -> Path:
    """Where compiled kernels are kept: in the user's cache (or `NUMBA_CACHE_DIR`), or where nothing can be written there, in a
    folder that is gone with the machine's temporary files."""
    state = blake2b(f"{numba.__version__} {np.__version__}".encode(), digest_size=8)
    for path in sorted(PACKAGE.glob("*/kernels/*.py")):
        state.update(path.read_bytes())
    name = f"kernels-{state.hexdigest()}"
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or user_cache()) / name
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if os.access(folder, os.W_OK):
        return folder
    return Path(tempfile.gettempdir()) / f"danlu-{os.getuid() if hasattr(os, 'getuid') else 0}" / name
