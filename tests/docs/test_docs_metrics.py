"""`docs/metrics.md` and its Chinese twin name every metric under what it needs, and their example runs as printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from danlu.metrics.registry import METRICS
from danlu.workspace.messages import choose_language

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"metrics.md": "en", "metrics.zh.md": "zh"}


@pytest.mark.parametrize("page", PAGES)
def test_every_metric_is_on_the_page(page: str) -> None:
    rows = re.findall(r"^\| `(\w+)`.* \| (.*) \|$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
    found = {needs: set(re.findall(r"`(\w+)`", names)) for needs, names in rows}
    expected: dict[str, set[str]] = {}
    for name, metric in METRICS.items():
        if name != "leak_accuracy":  # of evaluate alone, and explained there
            expected.setdefault(metric.needs, set()).add(name)
    assert found == expected


@pytest.mark.parametrize("page, language", PAGES.items())
def test_the_example_runs(page: str, language: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = re.search(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert code
    choose_language(language)  # type: ignore[arg-type]
    try:
        exec(code[1], {})
    finally:
        choose_language(None)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 5  # a number for all and for each language, the sentence, the items
    assert {"zh": "在中文上，b 优于 a，领先 80.8 到 85.5", "en": "on English by 12.8 to 16.9 points"}[language] in printed[3]


def test_both_pages_have_one_example() -> None:
    texts = [(DOCS / page).read_text(encoding="utf-8") for page in PAGES]
    examples = [re.findall(r"```python\n(.*?)```", text, re.DOTALL) for text in texts]
    assert len(examples[0]) == 1
    assert examples[0] == examples[1]
