"""The page in a real Chromium: nothing is wider than a phone, the language can be changed, each language shows alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from danlu.report.page import render
from pages import PHONE, laid_out


def long_words(node: Any) -> Any:
    """The facts with every text without spaces and long."""
    if isinstance(node, dict):
        return {key: value if key in ("language", "metric", "split") else long_words(value) for key, value in node.items()}
    if isinstance(node, list):
        return [long_words(value) for value in node]
    return f"{node}" + "Donaudampfschifffahrt" * 12 if isinstance(node, str) else node


@pytest.mark.parametrize("hostile", [False, True])
def test_nothing_is_wider_than_a_phone_and_languages_change(facts: dict[str, Any], tmp_path: Path, hostile: bool) -> None:
    found = laid_out(render(long_words(facts) if hostile else facts), tmp_path, PHONE)
    assert found["wide"] == []
    assert (found["en"], found["zh"]) == (["en"], ["zh"])
    assert found["height"] > 2000
