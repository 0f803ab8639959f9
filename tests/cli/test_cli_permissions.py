"""Files and folders that cannot be read or written: said in words, and before the work where that can be known."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import last_line

AS_ANYBODY = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
"""Before a command: permissions hold for it, though root runs the tests."""
pytestmark = pytest.mark.skipif(bool(AS_ANYBODY) and shutil.which("setpriv") is None, reason="root without setpriv")
LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])


def danlu(*arguments: str | Path, language: str = "en") -> subprocess.CompletedProcess[str]:
    command = [*AS_ANYBODY, sys.executable, "-m", "danlu", "--lang", language, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A workspace, a file of rows and one of answers to them."""
    rows = [{"id": number, "text": f"text {number}", "label": "ab"[number % 2]} for number in range(20)]
    given = [{"id": row["id"], "predicted": row["label"]} for row in rows]
    for name, content in (("rows.jsonl", rows), ("given.jsonl", given)):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
    (tmp_path / ".danlu").mkdir()
    (tmp_path / "shut").mkdir()
    yield tmp_path
    for path in (tmp_path / ".danlu", tmp_path / "shut"):
        path.chmod(0o755)


def evaluate(folder: Path, *more: str | Path, language: str = "en") -> subprocess.CompletedProcess[str]:
    where = ("--on", folder / "rows.jsonl", "--workspace", folder / ".danlu", "--json")
    return danlu("evaluate", folder / "given.jsonl", *where, *more, language=language)


@LANGUAGES
def test_a_read_only_workspace_is_measured_with_and_says_what_it_could_not_note(folder: Path, language: str) -> None:
    (folder / ".danlu").chmod(0o555)
    done = evaluate(folder, language=language)
    assert done.returncode == 0, done.stderr
    assert last_line(done)["numbers"][0]["value"] == 1
    assert {"en": "could not be noted", "zh": "无法把本次打开记入"}[language] in done.stderr
    assert "openings.jsonl" in done.stderr
    (folder / ".danlu").chmod(0o755)
    assert "could not be noted" not in evaluate(folder).stderr
    assert last_line(evaluate(folder))["earlier_openings"] == 1


@LANGUAGES
def test_where_numbers_cannot_go_is_said_before_anything_is_measured(folder: Path, language: str) -> None:
    (folder / "shut").chmod(0o555)
    for out, words in (
        (folder / "shut", {"en": "A file or folder cannot be used", "zh": "有一个文件或目录无法使用"}),
        (folder / "shut" / "deeper", {"en": "A file or folder cannot be used", "zh": "有一个文件或目录无法使用"}),
        (folder / "rows.jsonl", {"en": "A folder is needed here", "zh": "此处需要目录"}),
        (folder / "rows.jsonl" / "deeper", {"en": "A folder is needed here", "zh": "此处需要目录"}),
    ):
        done = evaluate(folder, "--out", out, language=language)
        assert done.returncode == 1
        assert words[language] in done.stderr
        assert str(out) in done.stderr or str(out.parent) in done.stderr
        assert {"en": "try:", "zh": "对策："}[language] in done.stderr
        assert "numbers" not in last_line(done)
    assert not (folder / ".danlu" / "openings.jsonl").exists()  # nothing was opened


@LANGUAGES
def test_a_file_that_may_not_be_read(folder: Path, language: str) -> None:
    (folder / "given.jsonl").chmod(0)
    done = evaluate(folder, language=language)
    assert done.returncode == 1
    assert {"en": "A file or folder cannot be used", "zh": "有一个文件或目录无法使用"}[language] in done.stderr
    assert "given.jsonl" in done.stderr
    assert last_line(done)["error"] == "workspace.file-error"


def test_a_damaged_line_of_the_log_does_not_count(folder: Path) -> None:
    log = folder / ".danlu" / "openings.jsonl"
    evaluate(folder)
    whole = log.read_text(encoding="utf-8")
    log.write_text('{"time": 1, "data": oops}\n' + whole + '{"none": "of it"}\n[1]\n' + whole[:40] + "}\n", encoding="utf-8")
    assert last_line(evaluate(folder))["earlier_openings"] == 1
    assert last_line(evaluate(folder))["earlier_openings"] == 2
