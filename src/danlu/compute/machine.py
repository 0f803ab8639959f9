"""What this machine has: cores, memory, bf16, a C++ compiler, a GPU. Imports nothing heavy unless asked about the GPU."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Machine:
    """Facts that decide precision, compilation and threads."""

    processor: str
    cores: int
    memory_bytes: int
    bf16: bool
    compiler: str | None
    gpu: str | None = None

    @classmethod
    def probe(cls, *, gpu: bool = False) -> Machine:
        """Look at this machine; `gpu=True` also asks torch (slow to import)."""
        flags, processor = _processor()
        return cls(
            processor=processor,
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            memory_bytes=_memory_bytes(),
            bf16=bool({"avx512_bf16", "amx_bf16", "bf16"} & flags),  # the last is Arm's name
            compiler=shutil.which(os.environ.get("CXX", "g++")) or shutil.which("clang++"),
            gpu=_gpu() if gpu else None,
        )

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def _processor() -> tuple[set[str], str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set(), platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    named = {name.strip(): value.strip() for name, value in fields.items()}
    return set(named.get("flags", named.get("Features", "")).split()), named.get("model name", platform.machine())


def _memory_bytes() -> int:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:  # inside a container the limit is lower than the machine's memory
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        return min(total, int(limit)) if limit.isdigit() else total
    except OSError:
        return total


def _gpu() -> str | None:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
