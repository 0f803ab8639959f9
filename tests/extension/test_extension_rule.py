"""A cleaning rule of the user's: scored first, decided by a threshold later, with its words on the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from danlu.clean.own import declared, score_own
from danlu.clean.preset import Rule
from danlu.clean.rules import check_names, document_rules, own_rules
from danlu.clean.verdicts import apply_rules
from danlu.pipeline.graph import measures, repairs
from danlu.recipe.clean import CleanConfig
from danlu.report.sections.cleaning import build
from danlu.workspace.errors import DanluError, RecipeError

RULES = """
def loud(text, language):
    \"\"\"Exclamation marks a character.\"\"\"
    if language == "ja":
        return None
    return sum(text.count(mark) for mark in "!！") / max(1, len(text))

loud.direction = "most"
loud.words = 2

def undeclared(text, language):
    return 1.0

def words(text, language):
    return "many"
words.direction = "least"

def broken(text, language):
    return text[99]
broken.direction = "least"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ext_rules.py").write_text(RULES, encoding="utf-8")
    return tmp_path


def test_scores_and_what_a_rule_says_of_itself(folder: Path) -> None:
    scores = score_own(["ext_rules:loud"], folder, ["a!b!", "好！", "plain", "!!!"], ["en", "zh", "en", "ja"])
    assert scores["ext_rules:loud"][:3].tolist() == [0.5, 0.5, 0.0]
    assert np.isnan(scores["ext_rules:loud"][3])
    assert declared(["ext_rules:loud"], folder)["ext_rules:loud"] == {
        "direction": "most", "words": 2, "lines": 0, "name": {"en": "loud", "zh": "loud"},
        "definition": {"en": "Exclamation marks a character.", "zh": "Exclamation marks a character."},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "key"),
    [("words", "extension.number"), ("broken", "extension.failed")],
)
def test_a_rule_that_gives_no_number(folder: Path, name: str, key: str) -> None:
    with pytest.raises(DanluError) as error:
        score_own([f"ext_rules:{name}"], folder, ["short"], ["en"])
    assert error.value.key == key
    assert all(error.value.explain(language)["what"] for language in ("en", "zh"))  # type: ignore[arg-type]


def test_a_rule_must_say_its_direction(folder: Path) -> None:
    with pytest.raises(RecipeError) as error:
        declared(["ext_rules:undeclared"], folder)
    assert error.value.key == "extension.shape-rule"
    assert 'undeclared.direction = "most"' in error.value.explain("en")["remedy"]


def test_names_in_the_recipe(folder: Path) -> None:
    config = CleanConfig(rules={"letters": 0.3, "ext_rules:loud": 0.2, "ext_rules:off": None})
    check_names(config)
    assert own_rules(config) == {"ext_rules:loud": 0.2}
    assert "ext_rules:loud" not in document_rules(config)
    with pytest.raises(RecipeError):
        check_names(CleanConfig(rules={"lettres": 0.3}))


def test_a_changed_threshold_decides_anew_and_scores_nothing(folder: Path) -> None:
    low, high = (CleanConfig(rules={"ext_rules:loud": limit}) for limit in (0.1, 0.9))
    assert measures(low).identity() == measures(high).identity() != measures(CleanConfig()).identity()
    assert repairs(low).identity() == CleanConfig().identity() == measures(CleanConfig(rules={"letters": 0.9})).identity()
    assert low.identity() != high.identity()


def test_thresholds_decide_as_those_of_built_in_rules() -> None:
    columns = {
        "characters": np.full(4, 5.0), "words": np.array([5.0, 5, 5, 1]), "lines": np.ones(4),
        "m:r": np.array([0.1, 0.3, np.nan, 0.9]),
    }  # fmt: skip
    families = np.array(["en", "zh", "other", "en"])
    most, _ = apply_rules(columns, families, {"m:r": Rule("most", 0.2, 0.2, 0.2, words=2)})
    assert most.reasons.tolist() == ["", "m:r", "", ""]
    least, _ = apply_rules(columns, families, {"m:r": Rule("least", 0.2, 0.2, 0.2)})
    assert least.reasons.tolist() == ["m:r", "", "", ""]


@pytest.mark.parametrize(("language", "name", "sentence"), [("en", "Shouting", "Marks."), ("zh", "喊叫", "感叹号。")])
def test_the_page_says_the_users_words(language: Any, name: str, sentence: str) -> None:
    decide = {
        "documents": {"in": 3, "kept": 2}, "bytes": {"in": 30, "kept": 20},
        "reasons": {"m:r": {"documents": 1, "bytes": 10, "by_language": {"en": 1}}},
        "own_rules": {"m:r": {"name": {"en": "Shouting", "zh": "喊叫"}, "definition": {"en": "Marks.", "zh": "感叹号。"}}},
    }  # fmt: skip
    section = build({"decide": decide}, language)
    assert section is not None
    assert (section["reasons"][0]["name"], section["reasons"][0]["definition"]) == (name, sentence)
    assert name in str(section["flow"])
