"""Tags that files have as numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from evaluate_asked import evaluate, write

NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
TAGS = [[1, 2, 0, 3], [0, 0], [3, 4, 0]]
ROWS = [{"id": row, "tokens": [f"w{place}" for place in range(len(tags))], "ner_tags": tags} for row, tags in enumerate(TAGS)]
GIVEN = [["B-PER", "I-PER", "O", "O"], ["O", "O"], ["B-LOC", "I-LOC", "O"]]
"""Two of the three entities are found, and nothing else: precision 1, recall 2/3, F1 0.8."""
ANSWERS = [{"id": row, "predicted": tags} for row, tags in enumerate(GIVEN)]


def parquet(path: Path, feature: Any, rows: list[dict[str, Any]] = ROWS) -> Path:
    """As the library `datasets` writes it: the names stand in the schema's metadata."""
    table = pa.Table.from_pylist(rows)
    features = {"id": {"dtype": "int64", "_type": "Value"}, "ner_tags": feature}
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})}), path)
    return path


@pytest.mark.parametrize(
    "feature",
    [
        {"feature": {"names": NAMES, "_type": "ClassLabel"}, "_type": "List"},
        {"feature": {"names": NAMES, "_type": "ClassLabel"}, "length": -1, "_type": "Sequence"},
        [{"names": NAMES, "_type": "ClassLabel"}],
    ],
)
def test_a_parquet_file_names_its_tags(tmp_path: Path, feature: Any) -> None:
    answers = write(tmp_path / "answers.jsonl", ANSWERS)
    said = evaluate(answers, "--on", parquet(tmp_path / "test.parquet", feature), folder=tmp_path)
    assert said.value("answers", "entity_f1") == pytest.approx(0.8)
    assert said.last["task"] == "entities"


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_an_option_names_the_tags_of_both_files(tmp_path: Path, suffix: str) -> None:
    test = write(tmp_path / f"test.{suffix}", ROWS)
    numbers = [{"id": answer["id"], "predicted": [NAMES.index(tag) for tag in answer["predicted"]]} for answer in ANSWERS]
    for answers in (write(tmp_path / "names.jsonl", ANSWERS), write(tmp_path / f"numbers.{suffix}", numbers)):
        said = evaluate(answers, "--on", test, "--tags", "O, B-PER,I-PER,B-LOC,I-LOC", folder=tmp_path)
        assert said.value(answers.stem, "entity_recall") == pytest.approx(2 / 3)
        assert said.value(answers.stem, "entity_f1") == pytest.approx(0.8)


def test_numbers_that_nothing_names_are_an_error_with_the_remedy(tmp_path: Path) -> None:
    answers, test = write(tmp_path / "answers.jsonl", ANSWERS), write(tmp_path / "test.jsonl", ROWS)
    for language, remedy in (("en", "Name the tags in their order, from 0"), ("zh", "从 0 起依次给出标注名称")):
        said = evaluate(answers, "--on", test, language=language, folder=tmp_path)
        assert said.status == 1
        assert remedy in said.told
        assert "--tags O,B-PER,I-PER" in said.told
        assert "test.jsonl:1" in said.told
    said = evaluate(answers, "--on", test, "--tags", "O,B-PER,I-PER,B-LOC", folder=tmp_path)
    assert said.status == 1
    assert "test.jsonl:3" in said.told
    assert "4 names are known" in said.told
    hidden = [{**row, "ner_tags": [-1] * len(row["tokens"])} for row in ROWS]  # where the answers are kept back
    named = {"feature": {"names": NAMES, "_type": "ClassLabel"}, "_type": "List"}
    said = evaluate(answers, "--on", parquet(tmp_path / "hidden.parquet", named, hidden), folder=tmp_path)
    assert said.status == 1
    assert "[-1, -1, -1, -1]" in said.told
