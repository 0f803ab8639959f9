"""What the container or the service manager leaves to this process: control groups of Linux, both versions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def cpu_quota(root: Path = ROOT, own: Path = OWN) -> float | None:
    """Cores' worth of processor time (1.5: one and a half); None where there is no limit."""
    found = []
    for folder in _folders("cpu", root, own):
        quota, _, period = _read(folder / "cpu.max").partition(" ")
        if not quota:
            quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period):  # "max" and -1 mean no limit
            found.append(int(quota) / int(period))
    return min(found, default=None)


def memory_limit(root: Path = ROOT, own: Path = OWN) -> int | None:
    """Bytes; None where there is no limit. Version 1 says an absurdly large number instead of nothing."""
    words = [
        _read(folder / name) for folder in _folders("memory", root, own) for name in ("memory.max", "memory.limit_in_bytes")
    ]
    return min((int(word) for word in words if word.isdigit() and int(word) < 1 << 60), default=None)


def _folders(controller: str, root: Path, own: Path) -> Iterator[Path]:
    """The groups that this process is in, from its own up to the root: the narrowest limit counts."""
    for line in _read(own).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        for base in (root / controller, root / controllers) if controllers else (root, root / "unified"):
            group = base / path.lstrip("/")
            while group != base:
                yield group
                group = group.parent
            yield base


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
