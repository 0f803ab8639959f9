from __future__ import annotations

import os
from pathlib import Path

import pytest

from danlu.compute import machine
from danlu.compute.limits import cpu_quota, memory_limit
from danlu.compute.machine import Machine, usable_cores


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


@pytest.mark.parametrize(
    ("own", "files", "quota", "memory"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n", "memory.max": "2147483648\n"}, 1.5, 2 << 30),
        ("0::/\n", {"cpu.max": "max 100000\n", "memory.max": "max\n"}, None, None),
        ("0::/\n", {}, None, None),
        ("", {}, None, None),
        (  # a service within a slice: the narrowest of all counts
            "0::/user.slice/a.service\n",
            {
                "user.slice/cpu.max": "100000 100000",
                "user.slice/a.service/cpu.max": "400000 100000",
                "user.slice/a.service/memory.max": "1000000000",
                "user.slice/memory.max": "4000000000",
            },
            1.0,
            1_000_000_000,
        ),
        (  # version 1, controllers mounted together
            "3:cpu,cpuacct:/docker/x\n2:memory:/docker/x\n0::/\n",
            {
                "cpu,cpuacct/docker/x/cpu.cfs_quota_us": "50000",
                "cpu,cpuacct/docker/x/cpu.cfs_period_us": "100000",
                "memory/docker/x/memory.limit_in_bytes": "536870912",
                "memory/memory.limit_in_bytes": "9223372036854771712",
            },
            0.5,
            1 << 29,
        ),
        (  # version 1 in a container that sees the path of the host, but not its tree
            "2:cpu:/docker/x\n1:memory:/docker/x\n",
            {
                "cpu/cpu.cfs_quota_us": "-1",
                "cpu/cpu.cfs_period_us": "100000",
                "memory/memory.limit_in_bytes": "9223372036854771712",
            },
            None,
            None,
        ),
    ],
)
def test_limits_of_control_groups(
    own: str, files: dict[str, str], quota: float | None, memory: int | None, tmp_path: Path
) -> None:
    root = tree(tmp_path / "cgroup", files)
    root.mkdir(exist_ok=True)
    (tmp_path / "own").write_text(own)
    assert cpu_quota(root, tmp_path / "own") == quota
    assert memory_limit(root, tmp_path / "own") == memory


@pytest.mark.parametrize(("quota", "expected"), [(None, 8), (16.0, 8), (2.0, 2), (1.5, 2), (0.2, 1)])
def test_threads_follow_what_the_container_pays_for(
    quota: float | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "allowed_cores", lambda: 8)
    monkeypatch.setattr(machine, "cpu_quota", lambda: quota)
    assert usable_cores() == expected


def test_memory_is_what_the_container_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory_limit", lambda: 123)
    assert Machine.probe().memory_bytes == 123
    monkeypatch.setattr(machine, "memory_limit", lambda: None)
    assert Machine.probe().memory_bytes == machine.installed_memory()


def test_this_machine() -> None:
    found = Machine.probe()
    assert 1 <= found.cores <= (os.cpu_count() or 1)
    assert found.memory_bytes > 1 << 28
    assert found.gpu is None
    assert set(found.facts()) == {"processor", "cores", "memory_bytes", "bf16", "compiler", "gpu"}
