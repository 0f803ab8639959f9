"""Thresholds: by language, moved without anything else done again, and every one that a document fails told of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError
from test_clean_stages import clean, collected, dataset, facts, payload, run_of

from danlu.clean.decide import decide
from danlu.clean.preset import FAMILIES, family, load_preset
from danlu.clean.rules import document_rules
from danlu.recipe.clean import CleanConfig
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import RecipeError


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clean")
    return clean(root / "out", CleanConfig(), collected(root / "in"), {"reviews": dataset(root / "reviews")})


def decided_anew(cleaned: Path, root: Path, config: CleanConfig) -> Path:
    made = {stage: Artifact(f"clean.{stage}", "key", cleaned / stage) for stage in ("normalise", "score", "search", "pairs")}
    run = run_of("clean.decide", root / "decide")
    decide(made["normalise"], made["score"], made["search"], made["pairs"], config=config, run=run)
    return root


@pytest.mark.parametrize(
    "keys",
    [
        {"rules": {"few_words": 1}},  # the short held-out text is kept now, and counts
        {"rules": {"few_words": {"zh": 8}, "letters": {"en": 0.9}}},
        {"decontaminate": {"share": 0.9}},
        {"decontaminate": False},
        {"dedup": {"method": "none"}},
    ],
)
def test_a_moved_threshold_gives_what_all_done_anew_gives(tmp_path: Path, cleaned: Path, keys: dict[str, Any]) -> None:
    config = CleanConfig.model_validate(keys)
    whole = clean(tmp_path / "whole", config, collected(tmp_path / "in"), {"reviews": dataset(tmp_path / "reviews")})
    anew = decided_anew(cleaned, tmp_path / "anew", config)
    tables = [pq.read_table(root / "decide/verdicts.parquet") for root in (whole, anew)]
    known = [name for name in tables[0].column_names if name != "fails" or config.decontaminate]
    assert tables[0].select(known).equals(tables[1].select(known))
    first, second = ({k: v for k, v in payload(root).items() if "decide/documents" in k} for root in (whole, anew))
    assert first == second


def test_every_rule_that_a_document_fails_is_told(cleaned: Path) -> None:
    scores = pq.read_table(cleaned / "score/scores.parquet").to_pylist()
    verdicts = pq.read_table(cleaned / "decide/verdicts.parquet").to_pylist()
    rules, several = load_preset("danlu").rules, 0
    for score, verdict in zip(scores, verdicts, strict=True):
        assert score["id"] == verdict["id"]
        tongue = family(score["language"])
        expected = ["empty"] if score["characters"] == 0 else []
        for name, rule in rules.items():
            limit = rule.threshold(tongue)
            if limit is None or score["words"] < rule.least_words(tongue) or score["lines"] < rule.lines:
                continue
            value, limit = np.float32(score[name]), np.float32(limit)
            if value < limit if rule.direction == "least" else value > limit:
                expected.append(name)
        found = [name for name in verdict["fails"] if name not in ("repeat", "near") and not name.startswith("heldout:")]
        assert found == expected
        several += len(found) > 1
        if verdict["reason"]:
            assert verdict["reason"] in verdict["fails"]
        if verdict["kept"] and verdict["fails"]:
            assert verdict["id"] == verdicts[7]["id"]  # protected
    assert several
    counts = facts(cleaned / "decide")["fails"]
    training = [verdict["fails"] for verdict in verdicts if verdict["part"] == "documents"]
    assert counts == {name: sum(name in fails for fails in training) for name in counts}


def test_a_threshold_by_language_leaves_the_others_as_they_are() -> None:
    usual = load_preset("danlu").rules
    rules = document_rules(
        CleanConfig.model_validate({"rules": {"letters": {"zh": 0.6}, "few_words": {"en": None}, "urls": 0.2}})
    )
    assert [rules["letters"].threshold(name) for name in FAMILIES] == [usual["letters"].en, 0.6, usual["letters"].other]
    assert [rules["few_words"].threshold(name) for name in FAMILIES] == [None, 3, 2]
    assert [rules["urls"].threshold(name) for name in FAMILIES] == [0.2] * 3
    # A rule that the preset has not holds only where it is named.
    alone = document_rules(CleanConfig.model_validate({"preset": "none", "rules": {"letters": {"zh": 0.6}}}))
    assert [alone["letters"].threshold(name) for name in FAMILIES] == [None, 0.6, None]


def test_errors_name_the_language() -> None:
    for rules, language in ({"long_words": {"zh": 3}}, "zh"), ({"boilerplate_line": {"en": 3}}, "en"):
        with pytest.raises(RecipeError) as caught:
            document_rules(CleanConfig.model_validate({"rules": rules}))
        assert caught.value.key == "clean.rule-language"
        assert language in caught.value.explain("zh")["what"]
    with pytest.raises(ValidationError, match="none of these"):
        CleanConfig.model_validate({"rules": {"letters": {"fr": 1}}})
