"""What the documentation prints works: every curl command and Python example of docs/serve*.md, against a real server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
NAMES = ("serve.md", "serve.zh.md")


def blocks(name: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", (DOCS / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", NAMES)
def test_commands(server: str, name: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    commands = blocks(name, "sh")
    assert len(commands) == 4
    for command in commands:
        quiet = "curl() { command curl --silent --noproxy '*' \"$@\"; }\n"
        done = subprocess.run(
            ["bash", "-ec", quiet + command.replace("http://127.0.0.1:8000", server)],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert "error" not in json.loads(done.stdout), done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_examples(server: str, name: str) -> None:
    (code,) = blocks(name, "python")
    environment = {**os.environ, "NO_PROXY": "*", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-c", code.replace("http://127.0.0.1:8000", server)],
        capture_output=True, text=True, timeout=60, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) > 10


def test_both_languages_say_the_same() -> None:
    """The same headings, blocks and tables in the same places."""
    shapes = []
    for name in NAMES:
        text = (DOCS / name).read_text(encoding="utf-8")
        shapes.append([line[:3] for line in text.splitlines() if line.startswith(("#", "```", "|", "- "))])
    assert [line[0] for line in shapes[0]] == [line[0] for line in shapes[1]]
