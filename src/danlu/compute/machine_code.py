"""Where the machine code of kernels is kept and what making it took, told without Numba: a plan has no time to import it."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

from danlu.workspace.cache import user_cache

PACKAGE = Path(__file__).parents[1]


def is_compiled() -> bool:
    """Whether kernels of these sources were compiled on this machine before."""
    folder = code_folder()
    return folder.is_dir() and any(folder.iterdir())


def is_loaded() -> bool:
    """Whether this process has loaded Numba for kernels, which takes longer than most of them work."""
    return "danlu.compute.kernel" in sys.modules


def compile_seconds() -> float:
    """Seconds that this process has spent in compiling kernels."""
    loaded = sys.modules.get("danlu.compute.kernel")
    return float(loaded.compile_seconds()) if loaded else 0.0


@cache
def code_folder() -> Path:
    """In the user's cache (or `NUMBA_CACHE_DIR`), or where nothing can be written there, in a folder that is gone with the
    machine's temporary files. It is named after all kernels at once and the versions that compile them."""
    state = blake2b(" ".join(version(name) for name in ("numba", "numpy")).encode(), digest_size=8)
    for path in sorted(PACKAGE.glob("*/kernels/*.py")):
        state.update(path.read_bytes())
    name = f"kernels-{state.hexdigest()}"
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or user_cache()) / name
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if os.access(folder, os.W_OK):
        return folder
    return Path(tempfile.gettempdir()) / f"danlu-{os.getuid() if hasattr(os, 'getuid') else 0}" / name
