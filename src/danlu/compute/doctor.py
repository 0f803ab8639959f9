"""What this machine can do for danlu, and what is missing: the checks of `danlu doctor`. Imports nothing heavy."""

from __future__ import annotations

import locale
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from danlu.compute.finding import Finding, finding, remedy
from danlu.compute.limits import cpu_quota, memory_limit
from danlu.compute.machine import BF16_FLAGS, allowed_cores, find_compiler, installed_memory, processor_facts, usable_cores
from danlu.compute.packages import OLDEST_PYTHON, check_packages, torch_build
from danlu.workspace.cache import user_cache
from danlu.workspace.disk import RESERVE_BYTES, free_bytes, size_words

LITTLE_MEMORY, LITTLE_DISK = 3e9, 5e9
"""Bytes below which the quickstart becomes tight."""
NETWORK_DISKS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "ceph", "glusterfs", "lustre"})
INSTALLERS = {  # the system's package manager -> how to get a C++ compiler, and the headers of its Python
    "apt-get": ("sudo apt-get install g++", "sudo apt-get install python3-dev"),
    "dnf": ("sudo dnf install gcc-c++", "sudo dnf install python3-devel"),
    "zypper": ("sudo zypper install gcc-c++", "sudo zypper install python3-devel"),
    "apk": ("sudo apk add g++", "sudo apk add python3-dev"),
    "pacman": ("sudo pacman -S gcc", "sudo pacman -S python"),
    "xcode-select": ("xcode-select --install", "xcode-select --install"),
}
SECONDS = 10.0
"""How long a foreign program may take to say its version."""


def diagnose(workspace: Path) -> Iterator[Finding]:
    """Every check that takes no more than a moment; `workspace` is where artifacts would be written."""
    yield check_python()
    yield check_processor()
    yield check_cores()
    yield check_memory()
    yield check_disk(workspace)
    yield check_cache()
    yield check_bf16()
    yield check_compiler()
    yield check_openmp()
    yield check_gpu()
    yield from check_packages()
    yield check_language()
    yield check_terminal()


def check_python() -> Finding:
    version, where = platform.python_version(), sys.executable
    if sys.version_info < OLDEST_PYTHON:
        needed = ".".join(map(str, OLDEST_PYTHON))
        return finding("python", "problem", "old", remedy("python", needed=needed), version=version, needed=needed)
    return finding("python", "ok", "fine", version=version, path=where, facts={"version": version})


def check_processor() -> Finding:
    _, name = processor_facts()
    return finding("processor", "ok", "fine", name=name, kind=platform.machine())


def check_cores() -> Finding:
    installed, allowed, quota, usable = os.cpu_count() or 1, allowed_cores(), cpu_quota(), usable_cores()
    facts = {"installed": installed, "allowed": allowed, "quota": quota, "usable": usable}
    if quota is not None and quota < allowed:
        return finding("cores", "ok", "quota", facts=facts, count=usable, installed=installed, quota=f"{quota:g}")
    if usable < installed:
        return finding("cores", "ok", "allowed", facts=facts, count=usable, installed=installed)
    return finding("cores", "ok", "fine", facts=facts, count=usable)


def check_memory() -> Finding:
    installed, limit = installed_memory(), memory_limit()
    total = min(installed, limit or installed)
    free = min(_free_memory(), total)
    facts = {"installed_bytes": installed, "limit_bytes": limit, "usable_bytes": total, "free_bytes": free}
    words = {"total": size_words(total), "free": size_words(free)}
    if free < LITTLE_MEMORY:
        return finding("memory", "notice", "little", remedy("memory"), facts, **words)
    if limit is not None and limit < installed:
        return finding("memory", "ok", "limit", None, facts, **words, installed=size_words(installed))
    return finding("memory", "ok", "fine", None, facts, **words)


def _free_memory() -> int:
    """Bytes that programs could get without swapping; all there is where the system does not tell."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) << 10
    except (OSError, KeyError, ValueError):
        return installed_memory()


def check_disk(workspace: Path) -> Finding:
    place = workspace.absolute()
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    free = free_bytes(place)
    kind = disk_kind(there)
    facts = {"path": str(place), "free_bytes": free, "kind": kind}
    words = {"free": size_words(free), "path": place}
    if not (there.is_dir() and os.access(there, os.W_OK)):
        return finding("disk", "problem", "not-writable", remedy("other-workspace"), facts, path=place)
    if free < RESERVE_BYTES:
        return finding("disk", "problem", "full", remedy("disk"), facts, **words)
    if free < LITTLE_DISK:
        return finding("disk", "notice", "little", remedy("disk"), facts, **words)
    if kind in NETWORK_DISKS:
        return finding("disk", "notice", "network", remedy("other-workspace"), facts, **words, kind=kind)
    return finding("disk", "ok", "fine", None, facts, **words)


def disk_kind(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The type of the file system of `path`; "" where the system does not tell."""
    found, kind = "", ""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return kind
    for line in lines:
        _, point, name, *_ = line.split()
        point = point.replace("\\040", " ")
        if path.resolve().is_relative_to(point) and len(point) >= len(found):  # the later of two on one point is on top
            found, kind = point, name
    return kind


def check_cache() -> Finding:
    """The folder for what was learned about this machine."""
    path = user_cache()
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    if there.is_dir() and os.access(there, os.W_OK):
        return finding("cache", "ok", "fine", path=path)
    return finding("cache", "notice", "not-writable", remedy("cache"), path=path)


def check_bf16() -> Finding:
    flags = sorted(BF16_FLAGS & processor_facts()[0])
    if flags:
        return finding("bf16", "ok", "fine", flags=", ".join(flags))
    return finding("bf16", "notice", "missing", remedy("bf16"))


def check_compiler() -> Finding:
    compiler = find_compiler()
    get_compiler, get_headers = install_commands()
    if compiler is None:
        return finding("compiler", "notice", "missing", remedy("install", command=get_compiler))
    version = _first_line([compiler, "--version"])
    if version is None:
        return finding("compiler", "notice", "broken", remedy("install", command=get_compiler), path=compiler)
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return finding("compiler", "notice", "no-headers", remedy("install", command=get_headers), version=version)
    return finding("compiler", "ok", "fine", facts={"path": compiler}, version=version)


def install_commands() -> tuple[str, str]:
    """How to install a C++ compiler and the headers of Python on this system."""
    return next((commands for name, commands in INSTALLERS.items() if shutil.which(name)), INSTALLERS["apt-get"])


def check_openmp() -> Finding:
    """The OpenMP library that comes with torch: two of different makers in one process can deadlock."""
    torch = find_spec("torch")
    folder = Path(torch.origin).parent if torch and torch.origin else None
    libraries = sorted(path.name for path in folder.glob("lib/*omp*.*")) if folder else []
    named = [name for name in libraries if name.startswith(("libgomp", "libomp", "libiomp"))]
    if not named:
        return finding("openmp", "ok" if folder is None else "notice", "missing")
    threads = os.environ.get("OMP_NUM_THREADS")
    if threads is not None:
        return finding("openmp", "ok", "threads", name=named[0], threads=threads)
    return finding("openmp", "ok", "fine", name=named[0])


def check_gpu() -> Finding:
    """The GPU as its driver sees it, and whether the installed torch can use it."""
    build = torch_build()
    cards = _nvidia()
    facts = {"gpus": cards or [], "torch": build.version, "cuda": build.cuda, "hip": build.hip}
    if cards is None and build.cuda:
        return finding("gpu", "ok", "none-cuda", None, facts, cuda=build.cuda)
    if cards is None:
        return finding("gpu", "ok", "none", None, facts)
    if not cards:
        return finding("gpu", "notice", "driver", remedy("driver"), facts)
    words = {"name": ", ".join(cards), "torch": build.version}
    if build.version and not build.cuda:
        return finding("gpu", "notice", "torch-without", remedy("torch-cuda"), facts, **words)
    return finding("gpu", "ok", "fine", None, facts, name=words["name"], cuda=build.cuda or "")


def _nvidia() -> list[str] | None:
    """Names, memory and driver of the cards; None where there is no driver program, [] where it finds nothing or fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    told = _output([program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"])
    return [line.strip() for line in (told or "").splitlines() if line.strip()]


def check_language() -> Finding:
    named = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    encoding = locale.getpreferredencoding(False)
    if encoding.lower().replace("-", "") != "utf8" and not sys.flags.utf8_mode:
        return finding("language", "notice", "encoding", remedy("locale"), locale=named or "-", encoding=encoding)
    return finding("language", "ok", "fine", locale=named or "-", encoding=encoding)


def check_terminal() -> Finding:
    if not sys.stderr.isatty():
        return finding("terminal", "ok", "none")
    if os.environ.get("TERM", "") in ("", "dumb"):
        return finding("terminal", "notice", "dumb", remedy("terminal"))
    columns = shutil.get_terminal_size().columns
    if columns < 80:
        return finding("terminal", "notice", "narrow", remedy("widen"), columns=columns)
    return finding("terminal", "ok", "fine", columns=columns)


def _first_line(command: list[str]) -> str | None:
    told = _output(command)
    return told.splitlines()[0] if told else None


def _output(command: list[str]) -> str | None:
    """What a program prints; None where it fails, is not there or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
