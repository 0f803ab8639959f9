"""Findings: true, ordered by surprise, never none."""

from __future__ import annotations

from typing import Any

import pytest

from danlu.report.findings import choose, find
from danlu.report.words import coded, plain
from danlu.workspace.messages import LANGUAGES, table


def keys(facts: dict[str, Any]) -> list[str]:
    return [finding.key.removeprefix("report.finding.") for finding in find(facts)]


def test_the_leak_comes_first_with_numbers_of_the_same_model_and_slice(facts: dict[str, Any]) -> None:
    del facts["datasets"]["sentiment"]["by_language"]
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


def test_many_test_texts_that_were_seen_are_said(facts: dict[str, Any]) -> None:
    assert "seen" not in keys(facts)  # 7 of 4,000
    facts["evaluation"]["overlaps"][1].update(exact=60, near=20)
    found = next(finding for finding in find(facts) if finding.key == "report.finding.seen")
    assert (found.parameters["n"].raw, found.parameters["rows"].raw) == (80, 4000)
    facts["evaluation"]["overlaps"][2].update(near=20)
    words = next(plain("en", finding.key, **finding.parameters) for finding in find(facts) if "seen" in finding.key)
    assert words.startswith("20 of the 412 documents set aside for measuring stand in the text for pretraining")


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
    facts["evaluation"]["overlaps"][1].update(exact=60)
    for finding in find(facts):
        for language in LANGUAGES:
            words = plain(language, finding.key, **finding.parameters)
            assert words
            assert "{" not in words


def test_several_datasets_are_not_mixed(facts: dict[str, Any]) -> None:
    del facts["datasets"]["sentiment"]["by_language"]
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


def test_the_leak_is_told_of_the_language_in_which_rows_repeat(facts: dict[str, Any]) -> None:
    parts = {
        "en": {"rows": 30_000, "distinct": 29_900, "repeats": 100, "conflicts": 0},
        "zh-Hans": {"rows": 24_250, "distinct": 7_254, "repeats": 16_996, "conflicts": 12},
    }
    facts["datasets"]["sentiment"]["by_language"] = parts
    numbers = facts["evaluation"]["numbers"]
    for metric, value in (("accuracy", 0.81), ("leak_accuracy", 0.94)):
        base = next(number for number in numbers if number["metric"] == metric and number["model"] == "tfidf")
        numbers.append({**base, "value": value, "slice": {"language": "zh-Hans"}})
    first = find(facts)[0]
    assert first.key == "report.finding.leak-language-conflicts"
    assert first.parameters["share"].raw == pytest.approx(16_996 / 24_250)
    assert (first.parameters["honest"].raw, first.parameters["claimed"].raw) == (0.81, 0.94)
    assert "Chinese" in plain("en", first.key, **first.parameters)


def test_code_between_backticks_and_nothing_else_is_marked_up() -> None:
    assert coded("give `a.b<c>` more & more") == "give <code>a.b&lt;c&gt;</code> more &amp; more"
    assert coded("one ` alone") == "one ` alone"


@pytest.mark.parametrize(
    ("first", "interval", "key"),
    [
        ("tuned", [-0.03, 0.01], "pretraining-unclear"),
        ("bare", [-0.01, 0.03], "pretraining-unclear"),
        ("tuned", [0.01, 0.05], "pretraining"),
    ],
)
def test_an_effect_of_pretraining_is_told_only_where_the_interval_shows_one(
    first: str, interval: list[float], key: str
) -> None:
    part = {"facts": {"initial": "pretrained", "start": {"name": "bert"}}}
    number = {"metric": "accuracy", "unit": "share", "split": "test", "slice": {}, "count": 100, "interval": None}
    second = "bare" if first == "tuned" else "tuned"
    facts = {
        "finetune": {"tuned": part, "bare": {"facts": {**part["facts"], "initial": "random"}}},
        "evaluation": {
            "numbers": [{**number, "model": "tuned", "value": 0.72}, {**number, "model": "bare", "value": 0.69}],
            "comparisons": [{"metric": "accuracy", "a": first, "b": second, "slice": {}, "interval": interval}],
        },
    }
    found = next(finding for finding in find(facts) if "pretraining" in finding.key)
    assert found.key == f"report.finding.{key}"
    if key == "pretraining-unclear":
        words = plain("en", found.key, **found.parameters)
        assert "between \N{MINUS SIGN}3.0 and +1.0 percentage points" in words
