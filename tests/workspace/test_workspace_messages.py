from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from workspace_words import Call, Uses, fields, read_uses

from danlu.workspace.errors import DanluError
from danlu.workspace.messages import LANGUAGES, choose_language, current_language, table, text

SOURCES = Path(__file__).parents[2] / "src" / "danlu"


@pytest.fixture(scope="module")
def uses() -> Uses:
    return read_uses()


def needed(call: Call) -> frozenset[str] | None:
    """The parameters of the sentence, or of the parts of the error; None if there is none of that key."""
    keys = [f"{call.key}.{part}" for part in ("what", "cause", "remedy")] if call.error else [call.key]
    if any(key not in table() for key in keys):
        return None
    return frozenset().union(*(fields(table()[key]["en"]) for key in keys))


def test_every_key_that_is_asked_for_exists(uses: Uses) -> None:
    assert len(uses.calls) > 300
    assert [f"{call.where}: {call.key}" for call in uses.calls if needed(call) is None] == []


def test_every_call_gives_exactly_what_its_sentence_needs(uses: Uses) -> None:
    wrong = []
    for call in uses.calls:
        needs = needed(call)
        if needs is not None and call.given is not None and call.given - {"n"} != needs - {"n"}:  # n chooses the form for one
            wrong.append(f"{call.where}: {call.key} needs {sorted(needs)}, is given {sorted(call.given)}")
    assert wrong == []


def test_no_sentence_is_dead(uses: Uses) -> None:
    assert [key for key in sorted(table()) if not uses.name(key)] == []


def test_the_checker_sees_what_is_wrong(uses: Uses) -> None:
    assert not uses.name("workspace.no-such-sentence")
    assert uses.name("cli.plan.runs")  # text(f"cli.plan.{line.state}")
    assert fields("{a} {b.raw:.1f} {c:>{width}} {{not}}") == {"a", "b", "c", "width"}


def test_no_key_stands_in_two_tables_or_twice_in_one() -> None:
    seen: dict[str, str] = {}
    for file in sorted((SOURCES / "workspace" / "messages").glob("*.yaml")):
        root = yaml.compose(file.read_text(encoding="utf-8"))
        for key in leaves(root):
            assert key not in seen, f"{key} in {file.name} and {seen[key]}"
            seen[key] = file.name
    assert set(seen) == set(table())


def leaves(node: yaml.Node, prefix: str = "") -> list[str]:
    """Keys of all sentences below a node of the YAML tree, with repetitions."""
    assert isinstance(node, yaml.MappingNode)
    names = [str(name.value) for name, _ in node.value]
    if set(names) == set(LANGUAGES):
        return [prefix]
    return [key for name, child in node.value for key in leaves(child, f"{prefix}.{name.value}" if prefix else name.value)]


def test_numbers_are_formatted_alike_in_both_languages() -> None:
    """`{count:,}` here and `{count}` there would want different types."""

    def forms(sentence: str) -> list[str]:
        return sorted(re.findall(r"(?<!\{)\{[^{}]*:[^{}]*\}", sentence))

    assert [key for key, said in table().items() if forms(said["en"]) != forms(said["zh"])] == []


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
    error = DanluError("workspace.locked", where="x/lock.json", pid=7, host="h", since="2026-11-23 00:00:00")
    assert "process 7" in error.explain("en")["what"]
    assert "进程 7" in error.explain("zh")["what"]
    assert list(error.explain("en")) == ["what", "where", "remedy"]
    assert text("cli.plan.budget", "zh") == "（预算）"
