"""Flagged words by the user's lists, and the share that line rules took out: hand-worked values, and nothing shown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from test_clean_stages import rows, run_of

from danlu.clean.decide import decide
from danlu.clean.flagged import flagged_digests, flagged_shares
from danlu.clean.normalise import normalise
from danlu.clean.score import score
from danlu.clean.search import search
from danlu.documents.store import write_documents
from danlu.recipe.clean import CleanConfig
from danlu.text.buffers import string_buffers
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError, RecipeError


def shares(path: Path, *texts: str) -> list[float]:
    return flagged_shares(path, *string_buffers(texts)).tolist()


def test_share_of_words_on_a_list(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("# a remark\nturnip\nboiled cabbage  # both words\ncabbage soup\n\n", encoding="utf-8")
    # 1 of 4; the phrase's 2 of 5; a word of a phrase alone is none; overlapping phrases count a word once: 3 of 4; no words.
    texts = "I eat a TURNIP!", "he ate boiled-cabbage then", "one cabbage", "boiled cabbage soup today", "..."
    assert shares(words, *texts) == [
        0.25, 0.4, 0.0, 0.75, 0.0,
    ]  # fmt: skip
    chinese = tmp_path / "zh.txt"
    chinese.write_text("萝卜\n白菜汤\n", encoding="utf-8")
    assert shares(chinese, "今天吃萝卜", "白菜汤和白菜") == [0.4, 0.5]


def test_lists_that_cannot_be_used_are_errors(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("# nothing\n...\n", encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    for name in ("empty.txt", "latin.txt"):
        with pytest.raises(DanluError) as caught:
            shares(tmp_path / name, "a b")
        assert caught.value.key == "clean.flagged-unreadable"
    config = CleanConfig.model_validate({"flagged": {"en": "gone.txt"}})
    with pytest.raises(DanluError, match=r"gone\.txt"):
        flagged_digests(config, tmp_path)
    with pytest.raises(RecipeError) as missing:
        document_rules_of({"rules": {"flagged": 0.1}})
    assert missing.value.key == "clean.rule-without-model"


def document_rules_of(keys: dict[str, object]) -> object:
    from danlu.clean.rules import document_rules

    return document_rules(CleanConfig.model_validate(keys))


def test_the_rule_decides_by_language_and_shows_nothing(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("turnip\n", encoding="utf-8")
    line = "This line was written to be long enough for a sentence."
    texts = [
        (f"{line} A turnip, a turnip and a turnip.", "en", "plain"),
        (f"{line} A carrot, a carrot and a carrot.", "en", "plain"),
        (f"{line}\nRead more\nAnother line of the same document follows here.", "en", "plain"),
        ("这一句话写得足够长，好让它成为一个句子，里面没有别的东西。", "zh-Hans", "plain"),
    ]
    write_documents(tmp_path / "in/documents", rows(texts, "train"))
    config = CleanConfig.model_validate({"flagged": {"en": "words.txt"}, "rules": {"flagged": {"en": 0.1}}})
    made = {
        stage: run_of(f"clean.{stage}", tmp_path / stage, base=tmp_path) for stage in ("normalise", "score", "search", "decide")
    }
    normalise(Artifact("collect", "key", tmp_path / "in"), config=config, run=made["normalise"])
    normal = Artifact("clean.normalise", "key", tmp_path / "normalise")
    score(normal, config=config, run=made["score"])
    search(normal, {}, config=config, run=made["search"])
    scored, searched = (Artifact(f"clean.{stage}", "key", tmp_path / stage) for stage in ("score", "search"))
    decide(normal, scored, searched, config=config, run=made["decide"])
    table = pq.read_table(tmp_path / "score/scores.parquet")
    assert table["flagged"].to_pylist()[:3] == [np.float32(3 / 18), 0, 0]
    assert np.isnan(table["flagged"].to_pylist()[3])
    gone = len("Read more\n")
    assert table["boilerplate"].to_pylist() == [0, 0, np.float32(gone / len(texts[2][0])), 0]
    assert pq.read_table(tmp_path / "decide/verdicts.parquet")["reason"].to_pylist() == ["flagged", "", "", ""]
    facts = json.loads((tmp_path / "decide/facts.json").read_text(encoding="utf-8"))
    assert facts["reasons"]["flagged"]["documents"] == 1
    assert "turnip" not in json.dumps(facts).lower()
