"""Short names that an installed package offers through the entry points `danlu.extensions`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from danlu.clean.rules import check_names, own_rules
from danlu.recipe.clean import CleanConfig
from danlu.recipe.evaluate import EvaluateConfig
from danlu.workspace.code import find_code, fingerprint, short_names
from danlu.workspace.extension import load


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package as pip leaves it: a folder `site-packages` with a module and its metadata."""
    site = tmp_path / "site-packages"
    facts = site / "shout_rules-1.2.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: shout-rules\nVersion: 1.2\n", encoding="utf-8")
    (facts / "entry_points.txt").write_text("[danlu.extensions]\nshouting = shout_rules:loud\n", encoding="utf-8")
    (facts / "RECORD").write_text("shout_rules.py,,\nshout_rules-1.2.dist-info/METADATA,,\n", encoding="utf-8")
    (site / "shout_rules.py").write_text("def loud(text, language):\n    return 0.5\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(site))
    short_names.cache_clear()
    yield site
    monkeypatch.undo()
    short_names.cache_clear()


def test_a_short_name_stands_for_a_function_of_the_package(installed: Path, tmp_path: Path) -> None:
    config = CleanConfig(rules={"shouting": 0.2})
    check_names(config)
    assert own_rules(config) == {"shouting": 0.2}
    assert load("shouting", tmp_path)("a", "en") == 0.5
    assert EvaluateConfig(models=(), metrics=("shouting",)).own_code() == ("shouting",)


def test_the_version_counts_and_no_file(installed: Path, tmp_path: Path) -> None:
    assert fingerprint(["shouting"], tmp_path) == {"code:package shout-rules": "1.2"}
    assert find_code("shout_rules:loud", tmp_path).root is None


def test_without_the_package_there_is_no_such_name(tmp_path: Path) -> None:
    short_names.cache_clear()
    with pytest.raises(ValueError, match="module:name"):
        EvaluateConfig(models=(), metrics=("shouting",))
