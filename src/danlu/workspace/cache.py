"""The folder of the user's cache: facts about this machine that any workspace may use, and that may be deleted."""

from __future__ import annotations

import os
from pathlib import Path


def user_cache() -> Path:
    """`$XDG_CACHE_HOME/danlu` or `~/.cache/danlu`; it need not exist."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "danlu"
