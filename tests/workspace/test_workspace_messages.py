from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from danlu.workspace.errors import DanluError
from danlu.workspace.messages import LANGUAGES, choose_language, current_language, table, text

SOURCES = Path(__file__).parents[2] / "src" / "danlu"


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("key", sorted(table()))
def test_both_languages_name_the_same_parameters(key: str) -> None:
    sentences = table()[key]
    assert set(sentences) == set(LANGUAGES)
    assert fields(sentences["en"]) == fields(sentences["zh"])
    assert bool(sentences["en"]) == bool(sentences["zh"])


def test_chinese_sentences_are_chinese() -> None:
    """A sentence of several words that has no Han character was left untranslated."""
    left = [
        key for key, said in table().items() if len(said["en"].split()) > 3 and not re.search(r"[\u4e00-\u9fff]", said["zh"])
    ]
    assert [key for key in left if fields(table()[key]["en"]) != {"reason"}] == []


def raised_keys() -> set[str]:
    pattern = re.compile(r"(?:DanluError|RecipeError|Interrupted)\(\s*\"([a-z0-9.-]+)\"")
    return {key for path in SOURCES.rglob("*.py") for key in pattern.findall(path.read_text(encoding="utf-8"))}


def test_every_error_that_is_raised_has_its_words() -> None:
    keys = raised_keys()
    assert len(keys) > 20
    for key in keys:
        for part in ("what", "cause", "remedy"):
            assert f"{key}.{part}" in table(), key
        assert table()[f"{key}.remedy"]["en"], key


def test_language_follows_choice_then_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert current_language() == "zh"
    choose_language("en")
    try:
        assert current_language() == "en"
    finally:
        choose_language(None)


def test_error_reads_in_both_languages() -> None:
    error = DanluError("workspace.locked", where="x/lock.json", pid=7, host="h")
    assert "process 7" in error.explain("en")["what"]
    assert "进程 7" in error.explain("zh")["what"]
    assert list(error.explain("en")) == ["what", "where", "remedy"]
    assert text("cli.plan.budget", "zh") == "（预算）"
