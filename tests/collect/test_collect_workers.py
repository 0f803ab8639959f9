"""Collecting with workers: the same bytes for any number, one that dies, files that kill whoever reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_collect_stage import card_of, documents_of, write_corpus

from danlu.collect import units as collecting
from danlu.compute import units
from danlu.compute.losses import QUARANTINE
from danlu.workspace.artifact import Artifact
from danlu.workspace.ledger import POISON
from danlu.workspace.run import Run
from killing import one_worker_killed

Build = Callable[..., Artifact]
Payload = Callable[[Artifact], str]


@pytest.fixture
def sources(tmp_path: Path) -> list[dict[str, Any]]:
    write_corpus(tmp_path)
    (tmp_path / "lines.txt").write_text("".join(f"line {i} 第 {i} 行\n" for i in range(500)), encoding="utf-8")
    return [{"type": "files", "path": "texts"}, {"type": "files", "path": "lines.txt", "format": "lines"}]


@pytest.fixture
def labelled(tmp_path: Path) -> list[dict[str, Any]]:
    (tmp_path / "rows").mkdir()
    for number in range(4):
        lines = [{"text": f"review {i} 评论 {i * number % 7}", "label": "ab"[i % 2]} for i in range(60)]
        (tmp_path / f"rows/{number}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return [{"type": "files", "path": "rows", "label": "label"}]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_same_bytes_for_any_number_of_workers_also_if_one_dies(
    sources: list[dict[str, Any]],
    labelled: list[dict[str, Any]],
    run_collect: Build,
    run_dataset: Build,
    payload: Payload,
    workers: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sources = [*sources, {"type": "dataset", "dataset": "set"}]
    rows = run_dataset(labelled)
    alone = run_collect(sources, datasets={"set": rows}, holdout={"bytes": 500})
    monkeypatch.setattr(units, "WORKER_BYTES", 1)
    monkeypatch.setattr(collecting, "UNIT_BYTES", 60)
    with one_worker_killed():
        again = run_dataset(labelled, name="again/set", options={"workers": workers})
    assert payload(again) == payload(rows)
    with one_worker_killed():
        spread = run_collect(
            sources, name="spread", datasets={"set": rows}, holdout={"bytes": 500}, options={"workers": workers}
        )
    assert payload(spread) == payload(alone)


def poisoned(monkeypatch: pytest.MonkeyPatch, stage: str, *names: str) -> None:
    monkeypatch.setenv(POISON, ",".join(f"{stage}:{name}" for name in names))


def test_a_unit_that_kills_is_read_file_by_file(
    sources: list[dict[str, Any]], run_collect: Build, payload: Payload, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = run_collect(sources)
    poisoned(monkeypatch, "collect", "read-000-00000")
    runs: list[Run] = []
    assert payload(run_collect(sources, name="again", options={"careful": True}, runs=runs)) == payload(alone)
    assert QUARANTINE not in runs[0].facts


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_kills_is_set_aside_and_the_others_are_read(
    sources: list[dict[str, Any]], run_collect: Build, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = documents_of(run_collect(sources, holdout={"bytes": 0}))
    poisoned(monkeypatch, "collect", "read-000-00000", "read-000-00000-00002")
    runs: list[Run] = []
    options = {"careful": True, "workers": workers}
    artifact = run_collect(sources, name="lost", holdout={"bytes": 0}, options=options, runs=runs)
    assert documents_of(artifact) == [row for row in alone if json.loads(row["meta"])["file"] != "texts/c.md"]
    (entry,) = runs[0].facts[QUARANTINE]
    assert (entry["unit"], entry["count"], entry["reason"]) == ("texts/c.md", 1, units.DIED_KEY)
    card = card_of(artifact)
    assert card["quarantine"]["died"] == 1
    assert [source["quarantined"] for source in card["sources"]] == [6, 0]
    assert runs[0].counts["quarantined"] == sum(card["quarantine"].values()) == 6
    rejected = [json.loads(line) for line in (artifact / "quarantine.jsonl").read_text(encoding="utf-8").splitlines()]
    (line,) = [line for line in rejected if line["where"] == "texts/c.md"]
    assert line["reason"] == "collect.quarantine.died"
    assert line["params"]["how"] == "SIGKILL"
    monkeypatch.delenv(POISON)
    again: list[Run] = []
    assert documents_of(run_collect(sources, name="lost", holdout={"bytes": 0}, runs=again)) == documents_of(artifact)
    assert again[0].facts == runs[0].facts, "what the ledger says stays"


def test_a_file_of_a_dataset_that_kills_is_set_aside(
    labelled: list[dict[str, Any]], run_dataset: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned(monkeypatch, "dataset", "read-000-00000", "read-000-00000-00003")
    runs: list[Run] = []
    artifact = run_dataset(labelled, options={"careful": True}, runs=runs)
    found = json.loads((artifact / "facts.json").read_text(encoding="utf-8"))
    assert found["rows"] == 180
    assert found["quarantine"] == {"died": 1}
    assert runs[0].counts["quarantined"] == 1
    assert runs[0].facts[QUARANTINE][0]["unit"] == "rows/3.jsonl"


@pytest.mark.usefixtures("real_workers")
def test_a_source_that_takes_too_much_memory_is_set_aside(tmp_path: Path, run_collect: Build) -> None:
    (tmp_path / "mine.py").write_text(
        "import time\n\ndef read(options, place):\n    yield 'one text'\n    block = b'x' * (700 << 20)\n    time.sleep(20)\n"
    )
    (tmp_path / "fine.txt").write_text("Another text.")
    sources = [{"type": "custom", "read": "mine:read", "name": "heavy"}, {"type": "files", "path": "fine.txt"}]
    runs: list[Run] = []
    options = {"careful": True, "memory_bytes": 500 << 20}
    artifact = run_collect(sources, holdout={"bytes": 0}, options=options, runs=runs)
    assert [row["text"] for row in documents_of(artifact)] == ["Another text."]
    assert card_of(artifact)["quarantine"] == {"too-large": 1}
    (entry,) = runs[0].facts[QUARANTINE]
    assert (entry["unit"], entry["reason"], entry["params"]["gigabytes"]) == ("heavy", units.MEMORY_KEY, "0.5")
