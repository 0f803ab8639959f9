"""The example of `docs/evaluate.md` that scores from Python runs as printed, and is the same in Chinese."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def example(page: str) -> str:
    (found,) = (
        code for code in re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL) if "pairs" in code
    )
    return str(found)


def test_the_example_runs(
    tmp_path: Path, qwen3: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "gpt"  # a directory of that name comes before a run's model
    qwen3.save_pretrained(model)
    tokenizer.save_pretrained(model)
    monkeypatch.chdir(tmp_path)
    exec(example("evaluate.md"), {})
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 3
    assert printed[0].endswith(" 2")
    bits, more, choices = map(float, printed[1].split())
    assert 0 < bits < more
    assert choices > 1


def test_both_pages_have_one_example() -> None:
    assert example("evaluate.md") == example("evaluate.zh.md")
