"""What all tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# The tests start a thousand processes: none compiles again what another has read.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.setdefault("GOMP_SPINCOUNT", "3000")  # before anything imports torch; see danlu.compute.threads
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    # One core a worker and what it starts: threads of several workers on the same cores wait for each other.
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    if cores:
        os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})

# Kernels are compiled once for all workers and runs, not once for each cache of a test: it takes a minute.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "kernels"))

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """See `scheduling`."""
    from scheduling import Scheduling

    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers, the long tests come first."""
    if worker:
        from scheduling import rank

        items.sort(key=rank)


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """In CI a test that is skipped because a Debian package is missing counts as a failure: CI installs what it needs."""
    if (
        os.environ.get("CI")
        and call.excinfo
        and call.excinfo.errisinstance(pytest.skip.Exception)
        and "Debian package" in str(call.excinfo.value)
    ):
        pytest.fail(f"{item.nodeid}: {call.excinfo.value}", pytrace=False)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates of the machine are kept away from the user's own cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.delenv("DANLU_FAILPOINT", raising=False)


@pytest.fixture(scope="session", autouse=True)
def _forked_workers() -> None:
    """Workers of stages that a test runs in this process take no seconds to start; see `workers`."""
    if hasattr(os, "pidfd_open"):  # Linux
        from commands import server
        from workers import have_workers_forked

        have_workers_forked(server)


@pytest.fixture
def real_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of stages as a user has them: tests of what they are, and of their memory (one that is forked shares most)."""
    monkeypatch.setattr("danlu.compute.child.subprocess", subprocess)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets, or a skip with the reason."""
    if not SHARED.exists():
        pytest.skip("the shared data sets are not on this machine")
    return SHARED
