"""Findings: true, ordered by surprise, never none."""

from __future__ import annotations

from typing import Any

import pytest

from danlu.report.findings import choose, find
from danlu.report.words import plain
from danlu.workspace.messages import LANGUAGES, table


def keys(facts: dict[str, Any]) -> list[str]:
    return [finding.key.removeprefix("report.finding.") for finding in find(facts)]


def test_the_leak_comes_first_with_numbers_of_the_same_model_and_slice(facts: dict[str, Any]) -> None:
    first = find(facts)[0]
    assert first.key == "report.finding.leak-conflicts"
    assert (first.parameters["honest"].raw, first.parameters["claimed"].raw) == (0.848, 0.903)
    assert first.parameters["share"].raw == pytest.approx(17_096 / 54_250)


def test_without_evaluation_the_repeats_still_count(facts: dict[str, Any]) -> None:
    del facts["evaluation"]
    assert "leak-repeats-conflicts" in keys(facts)
    facts["datasets"]["sentiment"].update(repeats=0, distinct=54_250)
    assert "conflicts" in keys(facts)


def test_a_baseline_that_wins_is_said(facts: dict[str, Any]) -> None:
    for number in facts["evaluation"]["numbers"]:
        if number["model"] == "gpt":
            number["value"] = 9.0
    found = next(finding for finding in find(facts) if finding.key == "report.finding.worse")
    assert (found.parameters["model"].raw, found.parameters["baseline"].raw) == ("gpt", "5-gram")


def test_clean_text_opens_with_something_true() -> None:
    facts = {
        "collect": {"documents": 1, "bytes": 900, "sources": []},
        "decide": {"documents": {"in": 1, "kept": 1}, "reasons": {}, "leaked": {}},
        "tokenizer": {"fertility": {"zh-Hans": {"characters_per_token": 1.4, "bytes_per_token": 4.2}}},
    }
    assert keys(facts)[0] == "clean"
    assert plain("en", find(facts)[0].key, **find(facts)[0].parameters).startswith("The one document passed")


def test_nothing_gives_one_finding() -> None:
    assert keys({}) == ["nothing-yet"]


def test_the_page_shows_different_kinds(facts: dict[str, Any]) -> None:
    chosen = choose(find(facts))
    assert len(chosen) == 4
    assert len({finding.key for finding in chosen}) == 4


def test_every_finding_can_be_said(facts: dict[str, Any]) -> None:
    facts["decide"]["leaked"] = {"sentiment": 1, "holdout": 7}
    for finding in find(facts):
        for language in LANGUAGES:
            words = plain(language, finding.key, **finding.parameters)
            assert words
            assert "{" not in words


def test_several_datasets_are_not_mixed(facts: dict[str, Any]) -> None:
    for number in facts["evaluation"]["numbers"]:
        if number["unit"] == "share":
            number["slice"] = {**number["slice"], "dataset": "sentiment"}
    other = {
        **facts["evaluation"]["numbers"][-1],
        "metric": "accuracy",
        "model": "tfidf",
        "value": 0.99,
        "slice": {"dataset": "other"},
    }
    facts["evaluation"]["numbers"].append(other)
    facts["datasets"]["other"] = {"rows": 100, "distinct": 100}
    assert find(facts)[0].parameters["honest"].raw == 0.848
    assert "worse" not in keys(facts)


def test_findings_have_messages() -> None:
    made = {key for key in table() if key.startswith("report.finding.")}
    assert len(made) > 20
