"""Core leases between real processes: never more than there are, in turn, given back by the dead."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from danlu.compute.leases import lease

HOLDER = (
    "import sys, time\nfrom pathlib import Path\nfrom danlu.compute.leases import lease\n"
    "with lease(int(sys.argv[2]), 2, folder=Path(sys.argv[1])):\n"
    "    print('has', flush=True)\n    time.sleep(float(sys.argv[3]))\n"
)


def holder(folder: Path, cores: int, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, str(folder), str(cores), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))


def has(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "has\n"


def test_cores_add_up_and_a_large_request_is_not_passed_over(tmp_path: Path) -> None:
    first = holder(tmp_path, 1, 60)
    has(first)
    with lease(1, 2, folder=tmp_path):
        large = holder(tmp_path, 2, 0)
        time.sleep(0.8)  # it has its place in the queue, with nothing to take
    small_waited: list[bool] = []

    class Enough(Exception):
        pass

    def give_up() -> None:
        if time.monotonic() > start + 0.5:
            raise Enough

    start = time.monotonic()
    with pytest.raises(Enough), lease(1, 2, folder=tmp_path, check=give_up, waiting=lambda: small_waited.append(True)):
        pass
    assert small_waited == [True], "one core is free, but the large request came first"
    first.kill()  # the dead give back
    has(large)
    assert large.wait(10) == 0
    with lease(5, 2, folder=tmp_path):  # more than there are means all
        pass
    first.wait()


def test_without_a_place_to_write_nothing_is_held(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran: list[bool] = []
    for _ in range(2):  # the second would wait if the first held anything
        with lease(2, 2, folder=tmp_path / "file" / "below"), lease(2, 2, folder=tmp_path / "file" / "below"):
            ran.append(True)
    assert ran == [True, True]
    assert (tmp_path / "file").read_text() == ""
