"""Where Python's own documentation lies on this machine. Light: names only."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

_NOT_DOCUMENTATION = frozenset({"test", "tests", "idle_test", "lib2to3", "site-packages", "dist-packages", "__pycache__"})


def library_files() -> list[tuple[str, Path]]:
    """(relative path, path) of every module of the standard library written in Python, less its tests, in order.

    The texts behind `help('TOPIC')` are among them, as `pydoc_data/topics.py`.
    """
    root = Path(sysconfig.get_path("stdlib"))
    found = []
    for name in sys.stdlib_module_names - _NOT_DOCUMENTATION:
        single = root / f"{name}.py"
        for path in [single] if single.is_file() else (root / name).rglob("*.py"):
            relative = path.relative_to(root)
            if not _NOT_DOCUMENTATION.intersection(relative.parts):
                found.append((relative.as_posix(), path))
    return sorted(found)
