from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from danlu.recipe.tokenize import TokenizeConfig
from danlu.tokenize.kinds import train_tokenizer
from danlu.tokenize.sample import balanced, bytes_by_language, sample
from danlu.tokenize.train import LONGEST_RUN, Drawn, cut_runs, train
from danlu.tokens.special import SPECIAL
from danlu.workspace.artifact import hash_payload
from danlu.workspace.errors import DanluError


def test_stage(rows: Any, make_documents: Any, make_run: Any, config: TokenizeConfig) -> None:
    run = make_run("tokenize.train", "out")
    train(make_documents(rows), config=config, run=run)
    assert set(hash_payload(run.output)) == {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "facts.json"}
    facts = json.loads((run.output / "facts.json").read_text(encoding="utf-8"))
    tokenizer = AutoTokenizer.from_pretrained(run.output)
    assert facts["vocabulary"] == len(tokenizer) <= 600
    assert facts["special"] == 110
    assert [tokenizer.convert_tokens_to_ids(token) for token in SPECIAL] == list(range(110))
    for language, unit in (("en", 1), ("zh-Hans", 3)):
        found = facts["fertility"][language]
        assert found["bytes_per_token"] > 2
        assert found["bytes_per_token"] / found["characters_per_token"] == pytest.approx(unit, rel=0.2)
        shown = [example for example in facts["examples"] if example["language"] == language]
        assert shown
        assert all("".join(example["tokens"]) == example["text"] for example in shown if "<" not in "".join(example["tokens"]))
    assert 0 <= facts["partial_share"] < 0.5
    for text in ("The weather wasn't good.", "今天的天气很好！"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_same_bytes_whatever_the_parts(rows: Any, make_documents: Any, make_run: Any, config: TokenizeConfig) -> None:
    payloads = []
    for part_rows in (7, 1000):
        run = make_run("tokenize.train", f"out-{part_rows}")
        train(make_documents(rows, f"documents-{part_rows}", part_rows), config=config, run=run)
        payloads.append(hash_payload(run.output))
    assert payloads[0] == payloads[1]


def test_same_bytes_in_other_processes() -> None:
    code = (
        "from danlu.tokenize.kinds import train_tokenizer; from danlu.tokens.files import tokenizer_text; import hashlib;"
        "texts = (f'word{n % 97} 今天{n % 31}好天气 again' for n in range(3000));"
        "print(hashlib.sha256(tokenizer_text(train_tokenizer(texts, 700)).encode()).hexdigest())"
    )
    run = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert run[0] == run[1]


def test_what_is_measured_is_spread_over_the_sample(
    rows: Any, make_documents: Any, make_run: Any, config: TokenizeConfig
) -> None:
    """Not the first texts alone, which may all be of one source."""
    documents = make_documents(rows)
    totals = bytes_by_language(documents / "documents")
    drawn = Drawn(documents / "documents", totals, config, make_run("tokenize.train", "out"))
    assert len(list(drawn.texts())) > 500
    found = drawn.spread(4000)
    for language, texts in drawn.kept.items():
        places = [texts.index(text) for text in found[language]]
        assert places[0] == 0
        assert len({after - before for before, after in pairwise(places)}) == 1
        assert places[-1] > 0.8 * len(texts)
        assert sum(len(text.encode()) for text in found[language]) < 8000
    assert drawn.spread(10**9) == drawn.kept


def test_no_text_is_an_error(make_documents: Any, make_run: Any, config: TokenizeConfig) -> None:
    with pytest.raises(DanluError) as caught:
        train(make_documents([]), config=config, run=make_run("tokenize.train", "out"))
    assert caught.value.key == "tokenize.no-text"
    for language in ("en", "zh"):
        assert all(caught.value.explain(language).values())


def test_languages_share_the_budget() -> None:
    assert balanced({"en": 1000, "zh-Hans": 1000}, 600) == {"en": 300, "zh-Hans": 300}
    assert balanced({"en": 1000, "zh-Hans": 100}, 600) == {"zh-Hans": 100, "en": 500}
    assert balanced({"en": 10, "ja": 0, "zh-Hans": 20}, 600) == {"ja": 0, "en": 10, "zh-Hans": 20}
    assert balanced({}, 600) == {}


def test_sample_is_balanced_and_goes_by_digest(rows: Any, make_documents: Any) -> None:
    large = [
        {**entry, "text": str(entry["text"]) * 20, "digest": hashlib.md5(str(number).encode()).hexdigest()}
        for number, entry in enumerate(rows)
    ]
    one = make_documents(large, "one", 50, 0) / "documents"
    other = make_documents(reversed(large), "other", 600, 0) / "documents"
    totals = bytes_by_language(one)
    assert totals == bytes_by_language(other)
    budget = sum(totals.values()) // 4
    chosen, again = list(sample(one, totals, budget)), list(sample(other, totals, budget))
    assert sorted(chosen) == sorted(again)
    for language in ("en", "zh-Hans"):
        size = sum(len(text.encode()) for found, text in chosen if found == language)
        assert size == pytest.approx(budget / 2, rel=0.3)
    everything = list(sample(one, totals, 10**9))
    assert sum(len(text.encode()) for _, text in everything) == sum(totals.values())


def test_hostile_runs_are_cut_for_training() -> None:
    text = "a" * 1000 + " 中" + "文" * 500 + "。12345 ok"
    cut = cut_runs(text)
    assert max(len(run) for run in re.findall(r"[^\W\d_]+", cut)) <= LONGEST_RUN
    assert cut.replace("\n", "") == text
    ordinary = "The weather is good. 今天的天气很好，孩子们在公园里玩。"
    assert cut_runs(ordinary) == ordinary


def test_tokens_are_bounded() -> None:
    phrase, dashes = "中华人民共和国万岁", "-" * 80
    content = train_tokenizer(iter([f"{phrase}，{dashes} "] * 200), 1000)
    assert max(len(token) for token in content["model"]["vocab"] if token not in SPECIAL) <= 16


def test_facts_are_json_with_no_paths(
    rows: Any, make_documents: Any, make_run: Any, config: TokenizeConfig, tmp_path: Path
) -> None:
    run = make_run("tokenize.train", "out")
    train(make_documents(rows), config=config, run=run)
    for name in hash_payload(run.output):
        assert str(tmp_path) not in (run.output / name).read_text(encoding="utf-8")
