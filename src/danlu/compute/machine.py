"""What this machine has: cores, memory, bf16, a C++ compiler, a GPU. Imports nothing heavy unless asked about the GPU."""

from __future__ import annotations

import math
import os
import platform
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from danlu.compute.limits import cpu_quota, memory_limit

BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})  # the last is Arm's name


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
        flags, processor = processor_facts()
        return cls(
            processor=processor,
            cores=usable_cores(),
            memory_bytes=min(installed_memory(), memory_limit() or installed_memory()),
            bf16=bool(BF16_FLAGS & flags),
            compiler=find_compiler(),
            gpu=_gpu() if gpu else None,
        )

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def processor_facts() -> tuple[frozenset[str], str]:
    """The names of the processor's abilities, and its own name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset(), platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    named = {name.strip(): value.strip() for name, value in fields.items()}
    return frozenset(named.get("flags", named.get("Features", "")).split()), named.get("model name", platform.machine())


def allowed_cores() -> int:
    """Cores that this process may run on, by affinity."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable_cores() -> int:
    """Cores that are worth a thread: those allowed, at most as many as the container pays for (a part counts as one)."""
    quota = cpu_quota()
    return max(1, min(allowed_cores(), math.ceil(quota) if quota else allowed_cores()))


def installed_memory() -> int:
    """Bytes of the machine, whatever a container leaves of them."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def find_compiler() -> str | None:
    """The path of a C++ compiler."""
    return shutil.which(os.environ.get("CXX", "g++")) or shutil.which("clang++")


def _gpu() -> str | None:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
