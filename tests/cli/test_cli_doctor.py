from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

HEAVY = ("torch", "transformers", "numpy", "numba", "pyarrow", "sklearn")


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "danlu", *arguments],
        capture_output=True, text=True, encoding="utf-8", check=False, cwd=cwd, env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip


def width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in line.rstrip())


@pytest.mark.parametrize(("language", "words"), [("en", ["processor", "memory", "ok"]), ("zh", ["处理器", "内存", "正常"])])
def test_doctor_in_80_columns(language: str, words: list[str], tmp_path: Path) -> None:
    done = command("--lang", language, "doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for word in words:
        assert word in done.stdout
    assert max(width(line) for line in done.stdout.splitlines()) <= 80
    assert not (tmp_path / ".danlu").exists()  # looking leaves nothing behind


def test_doctor_as_json(tmp_path: Path) -> None:
    done = command("doctor", "--json", cwd=tmp_path)
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["problems"] == 0
    checks = {line["check"]: line for line in said["checks"]}
    assert {"python", "cores", "memory", "disk", "compiler", "gpu", "packages"} <= set(checks)
    assert checks["memory"]["facts"]["usable_bytes"] > 0
    assert checks["disk"]["facts"]["path"] == str(tmp_path / ".danlu")
    assert all(set(line["said"]) == {"key", "params"} for line in said["checks"])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_problem_is_an_exit_status_and_a_remedy(language: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = command("--lang", language, "doctor", "--workspace", "file/inner", "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert "--workspace" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1])["problems"] == 1


def test_doctor_imports_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom danlu.cli.app import commands\nsys.argv = ['danlu', 'doctor']\n"
        "try:\n    commands()\nexcept SystemExit as error:\n    assert not error.code, error.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]"
