"""Checks of `danlu doctor --full` and `--online` that try things out: they take seconds, or the network."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, getproxies, urlopen

from danlu.compute.doctor import install_commands
from danlu.compute.finding import Finding, finding, remedy
from danlu.compute.machine import find_compiler
from danlu.compute.packages import pip

COMPILE_SECONDS, IMPORT_SECONDS, NETWORK_SECONDS = 60.0, 120.0, 8.0
FOREIGN = ("numpy", "torch", "numba", "pyarrow", "tokenizers", "gigatoken", "sklearn")
"""Packages with machine code of their own, which may not fit this processor or its libraries."""
HUB = "https://huggingface.co"
PROGRAM = """#include <omp.h>
#include <Python.h>
extern "C" int danlu_trial() { int sum = 0;
#pragma omp parallel for reduction(+ : sum)
for (int i = 0; i < 1000; i++) sum += 1; return sum; }
"""
LOADER = "import ctypes, sys; sys.exit(0 if ctypes.CDLL(sys.argv[1]).danlu_trial() == 1000 else 1)"


def try_out() -> Iterator[Finding]:
    """What only trying can tell: that the compiler compiles, that packages with machine code can be loaded."""
    yield try_compiler()
    yield from try_imports()


def try_compiler() -> Finding:
    """Compile a few lines as torch.compile would (OpenMP, Python's headers, a shared library) and run them."""
    import sysconfig

    compiler = find_compiler()
    command = install_commands()[0]
    if compiler is None:
        return finding("compiling", "notice", "missing", remedy("install", command=command))
    with tempfile.TemporaryDirectory(prefix="danlu-doctor-") as folder:
        source, library = Path(folder, "trial.cpp"), Path(folder, "trial.so")
        source.write_text(PROGRAM, encoding="utf-8")
        headers = sysconfig.get_path("include")
        flags = ["-O1", "-std=c++17", "-shared", "-fPIC", "-fopenmp", f"-I{headers}"]
        begin = time.perf_counter()
        reason = _failure([compiler, *flags, str(source), "-o", str(library)], COMPILE_SECONDS)
        seconds = time.perf_counter() - begin
        if reason is None:
            reason = _failure([sys.executable, "-c", LOADER, str(library)], COMPILE_SECONDS)
    if reason is not None:
        return finding("compiling", "notice", "failed", remedy("install", command=command), reason=reason)
    return finding("compiling", "ok", "fine", None, {"seconds": round(seconds, 2)}, seconds=f"{seconds:.1f}")


def try_imports() -> Iterator[Finding]:
    """Each package with machine code, imported in a process of its own: a crash there is an answer too."""
    broken = False
    for name in FOREIGN:
        reason = _failure([sys.executable, "-c", f"import {name}"], IMPORT_SECONDS)
        if reason is not None:
            broken = True
            command = pip("--force-reinstall", "scikit-learn" if name == "sklearn" else name)
            yield finding("imports", "problem", "failed", remedy("run", command=command), name=name, reason=reason)
    if not broken:
        yield finding("imports", "ok", "fine", names=", ".join(FOREIGN))


def _failure(command: list[str], seconds: float) -> str | None:
    """Why a command failed, in a line; None where it did not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    told = [line for line in done.stderr.splitlines() if line.strip()]
    telling = [line for line in told if "error" in line.lower()]
    return (telling or told or [str(done.returncode)])[-1].strip()


def check_network() -> Iterator[Finding]:
    """Proxies, and whether the hub of models can be reached."""
    proxies = {kind: _without_password(address) for kind, address in getproxies().items() if kind != "no"}
    named = ", ".join(f"{kind}: {address}" for kind, address in sorted(proxies.items()))
    yield finding("proxy", "ok", "fine", None, {"proxies": proxies}, named=named) if proxies else finding("proxy", "ok", "none")
    yield _hub(os.environ.get("HF_ENDPOINT") or HUB)


def _hub(address: str) -> Finding:
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        return finding("hub", "notice", "offline", remedy("hub-online"), address=address)
    begin = time.perf_counter()
    try:
        with urlopen(Request(address, method="HEAD"), timeout=NETWORK_SECONDS):
            pass
    except HTTPError as error:
        if error.code >= 500 or error.code == 407:  # a server that has trouble, a proxy that wants a password
            return finding("hub", "notice", "unreachable", remedy("hub"), address=address, reason=f"HTTP {error.code}")
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "reason", error))
        return finding("hub", "notice", "unreachable", remedy("hub"), address=address, reason=reason)
    seconds = time.perf_counter() - begin
    return finding("hub", "ok", "fine", None, {"seconds": round(seconds, 3)}, address=address, seconds=f"{seconds:.1f}")


def _without_password(address: str) -> str:
    parts = urlsplit(address)
    return address.replace(parts.netloc, parts.netloc.rpartition("@")[2]) if parts.netloc else address
