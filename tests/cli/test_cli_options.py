"""What every command has."""

from __future__ import annotations

import importlib
import inspect
import subprocess
from pathlib import Path

import pytest

from commands import danlu
from danlu.cli.app import COMMANDS

NAMES = [(module, name) for module, names in COMMANDS.items() for name in names]
SILENT = {"serve"}
"""Commands that never end by themselves, so there is no last line."""


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_every_command_speaks_both_languages_and_json(module: str, name: str) -> None:
    parameters = inspect.signature(getattr(importlib.import_module(module), name)).parameters
    assert "lang" in parameters
    assert ("json_line" in parameters) == (name not in SILENT)


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return danlu(*arguments, check=False, cwd=cwd)


def test_the_language_may_stand_before_or_after_the_command(tmp_path: Path) -> None:
    after, before = (
        command("show", "nothing", "--lang", "zh", cwd=tmp_path),
        command("--lang", "zh", "show", "nothing", cwd=tmp_path),
    )
    assert "对策：" in after.stderr
    assert (after.stderr, after.returncode) == (before.stderr, before.returncode)
    both = command("--lang", "zh", "show", "nothing", "--lang", "en", cwd=tmp_path)
    assert "try:" in both.stderr
    wrong = command("show", "nothing", "--lang", "fr", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "en | zh" in wrong.stderr
