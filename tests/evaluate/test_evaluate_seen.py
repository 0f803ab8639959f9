"""Which rows stand in texts that models may have read, through the command: each column, short texts, any columns there."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from evaluate_asked import Said, evaluate, write

DICE = random.Random(2)


def _words(count: int) -> str:
    return " ".join("".join(DICE.choices("etaoinshrdlu", k=DICE.randint(2, 8))) for _ in range(count))


QUESTIONS = [
    {"question": f"Who {_words(5)}?", "context": f"The {_words(25)}.", "answers": [str(number * 31)]} for number in range(30)
]
ZH = ["股市大涨三个点", "国足又输球了", "明天有大雨", "新车发布会现场", "大学生就业难", "好看"]


def looked(rows: list[dict[str, Any]], seen: Path, folder: Path, language: str = "en") -> Said:
    truth = write(folder / "truth.jsonl", rows)
    given = write(folder / "given.jsonl", [{"predicted": "a"} for _ in rows])
    said = evaluate(given, "--on", truth, "--seen", seen, "--out", folder / "out", language=language, folder=folder)
    assert said.status == 0, said.told
    return said


def counts(said: Said) -> dict[str, tuple[int, int]]:
    assert not any(one["short"] for one in said.last["overlaps"])
    return {one.get("column", "text"): (one["exact"], one["near"]) for one in said.last["overlaps"]}


def test_a_question_is_found_without_its_context_and_the_other_way(tmp_path: Path) -> None:
    asked = write(tmp_path / "asked.jsonl", [{"text": row["question"]} for row in QUESTIONS])
    said = looked(QUESTIONS, asked, tmp_path)
    assert counts(said) == {"question": (30, 0), "context": (0, 0)}
    assert "Column question: 30 of 30 rows stand in" in said.told
    assert "Column context: None of 30 rows stands in" in said.told
    lines = [json.loads(line) for line in (tmp_path / "out" / "seen.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["column"], row["text"]) for row in lines] == [("question", row["question"]) for row in QUESTIONS]
    assert "“question”列：30 行中有 30 行见于" in looked(QUESTIONS, asked, tmp_path, "zh").told


FORMS: dict[str, Any] = {
    "the task's columns": lambda row: {**row, "id": "x"},
    "in a message": lambda row: {"messages": [{"role": "user", "content": f"{row['context']}\n{row['question']}"}]},
    "another name": lambda row: {"prompt": f"{row['context']}\n{row['question']}", "number": 3},
}


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz", "csv", "tsv", "parquet"])
@pytest.mark.parametrize("form", FORMS)
def test_whatever_the_columns_of_the_texts_are(form: str, suffix: str, tmp_path: Path) -> None:
    rows = [FORMS[form](row) for row in QUESTIONS]
    path = tmp_path / f"learned.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif suffix == "jsonl.gz":
        path.write_bytes(gzip.compress(write(tmp_path / "learned.jsonl", rows).read_bytes()))
    elif suffix == "tsv":
        if form == "in a message":
            pytest.skip("a TSV has no records in its cells")
        cells = [[str(cell).replace("\n", " ") for cell in row.values()] for row in rows]
        path.write_text("".join("\t".join(line) + "\n" for line in [list(rows[0]), *cells]), encoding="utf-8")
    else:
        write(path, rows)
    assert counts(looked(QUESTIONS, path, tmp_path)) == {"question": (30, 0), "context": (30, 0)}


def test_only_training_rows_of_a_source_with_splits(tmp_path: Path) -> None:
    rows = [{"text": row["question"], "split": "train" if number < 10 else "test"} for number, row in enumerate(QUESTIONS)]
    for path in (tmp_path / "learned.jsonl", tmp_path / "learned.csv"):
        assert counts(looked(QUESTIONS, write(path, rows), tmp_path))["question"] == (10, 0)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_short_texts_are_looked_for_within_a_document(language: str, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("新闻：" + "。".join(ZH) + "。" + "其他内容很多很多。" * 20, encoding="utf-8")
    rows = [{"text": text, "label": "ab"[number % 2]} for number, text in enumerate(ZH)]
    said = looked(rows, corpus, tmp_path, language)
    assert [(one["exact"], one["near"], one["short"], one["tiny"]) for one in said.last["overlaps"]] == [(0, 0, 5, 1)]
    assert ("5 of these are so short" if language == "en" else "其中 5 行很短") in said.told
    assert ("1 rows are too short to look for" if language == "en" else "有 1 行太短") in said.told
    corpus.write_text("其他内容很多很多。" * 20, encoding="utf-8")
    none = looked(rows, corpus, tmp_path, language)
    assert counts(none) == {"text": (0, 0)}
    assert "so short" not in none.told
    assert ("1 rows are too short to look for" if language == "en" else "有 1 行太短") in none.told


def test_short_texts_that_are_whole_texts_there_are_no_chance(tmp_path: Path) -> None:
    rows = [{"text": text, "label": "ab"[number % 2]} for number, text in enumerate(ZH)]
    said = looked(rows, write(tmp_path / "learned.jsonl", [{"text": f"{text}！"} for text in ZH]), tmp_path)
    assert counts(said) == {"text": (6, 0)}
    assert "so short" not in said.told


def test_long_texts_say_nothing_of_short_ones(tmp_path: Path) -> None:
    rows = [{"text": row["context"], "label": "ab"[number % 2]} for number, row in enumerate(QUESTIONS)]
    said = looked(rows, write(tmp_path / "learned.jsonl", rows[:7]), tmp_path)
    assert "7 of 30 rows stand in" in said.told
    assert "short" not in said.told


def test_training_rows_are_looked_through_column_by_column(tmp_path: Path) -> None:
    """The same questions about other contexts."""
    other = [{**row, "context": f"Nothing of note is known of {number * 101}."} for number, row in enumerate(QUESTIONS)]
    truth, train = write(tmp_path / "truth.jsonl", QUESTIONS), write(tmp_path / "train.jsonl", other)
    given = write(tmp_path / "given.jsonl", [{"predicted": "a"} for _ in QUESTIONS])
    said = evaluate(given, "--on", truth, "--baseline", train, folder=tmp_path)
    assert counts(said) == {"question": (30, 0), "context": (0, 0)}
