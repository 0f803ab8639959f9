"""The commands that `docs/evaluate.md` and its Chinese twin print work as printed, and both pages say the same."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from danlu.metrics.registry import METRICS
from danlu.tasks.scoring import SCORED

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("evaluate.md", "evaluate.zh.md")


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_commands_and_examples(tmp_path: Path) -> None:
    """Of one page: they are the same on both."""
    script = "\n".join(blocks(PAGES[0], "sh"))
    names = f'danlu() {{ "{sys.executable}" -m danlu "$@"; }}\npython() {{ "{sys.executable}" "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-euc", names + script], capture_output=True, text=True, check=False, cwd=tmp_path, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "compared").iterdir()} == {
        "evaluation.json", "answers.jsonl", "disagreements.jsonl", "seen.jsonl",
    }  # fmt: skip
    found = json.loads((tmp_path / "compared" / "evaluation.json").read_text(encoding="utf-8"))
    assert [number["value"] for number in found["numbers"] if number["metric"] == "accuracy"] == [1.0, 0.5, 0.5]
    (example,) = (code for code in blocks(PAGES[0], "python") if "evaluation.json" in code)
    shown = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "tfidf accuracy" in shown.stdout


@pytest.mark.parametrize("page", PAGES)
def test_the_table_of_tasks_is_the_code(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    rows = {
        name: row for row in re.findall(r"^\| (`.*)$", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", row.split("|")[0])
    }
    for task, scored in SCORED.items():
        cells = rows[task].split("|")
        assert [name for name in re.findall(r"`(\w+)`", cells[3]) if name in METRICS] == list(scored.metrics), task
        assert set(re.findall(r"`(\w+)`", cells[1])) <= {*scored.truth, *scored.inputs}
        assert set(re.findall(r"`(\w+)`", cells[2])) <= {*scored.predicted, "probabilities"}


def test_both_languages_say_the_same() -> None:
    """The same headings, blocks, lists and tables in the same places, and the same commands."""
    texts = [(DOCS / page).read_text(encoding="utf-8") for page in PAGES]
    shapes = [[line[:3] for line in text.splitlines() if line.startswith(("#", "```", "|", "- "))] for text in texts]
    assert [line[0] for line in shapes[0]] == [line[0] for line in shapes[1]]
    for kind in ("sh", "python"):
        assert blocks(PAGES[0], kind) == blocks(PAGES[1], kind)
