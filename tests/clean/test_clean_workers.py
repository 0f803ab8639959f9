"""The stages of `clean` with workers: the same bytes for any number, one that dies, parts that kill whoever does them."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from test_clean_stages import clean, collected, dataset, facts, payload, run_of

from danlu.clean.decide import decide
from danlu.clean.normalise import normalise
from danlu.clean.pairs import pairs
from danlu.clean.score import score
from danlu.clean.search import search
from danlu.compute import units
from danlu.compute.losses import QUARANTINE
from danlu.compute.units import DIED_KEY
from danlu.recipe.clean import CleanConfig
from danlu.workspace.artifact import Artifact, hash_payload
from danlu.workspace.ledger import POISON
from danlu.workspace.run import Run
from killing import one_worker_killed


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clean")
    return clean(root / "out", CleanConfig(), collected(root / "in"), {"reviews": dataset(root / "reviews")})


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_same_bytes_for_any_number_of_workers_also_if_one_dies(
    tmp_path: Path, cleaned: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "WORKER_BYTES", 1)
    documents, datasets = collected(tmp_path / "in"), {"reviews": dataset(tmp_path / "reviews")}
    normal, scored = (Artifact(f"clean.{name}", "key", tmp_path / "out" / name) for name in ("normalise", "score"))
    paired = Artifact("clean.pairs", "key", tmp_path / "out" / "pairs")
    config, runs = CleanConfig(), {}
    for stage in ("normalise", "score", "pairs", "search", "decide"):
        runs[stage] = run_of(f"clean.{stage}", tmp_path / "out" / stage, workers=workers)
    with one_worker_killed():
        normalise(documents, config=config, run=runs["normalise"])
    with one_worker_killed():
        score(normal, config=config, run=runs["score"])
    with one_worker_killed():
        pairs(normal, {}, {}, config=config, run=runs["pairs"])
    with one_worker_killed():
        search(normal, datasets, config=config, run=runs["search"])
    with one_worker_killed():
        decide(
            normal,
            scored,
            Artifact("clean.search", "key", tmp_path / "out" / "search"),
            paired,
            config=config,
            run=runs["decide"],
        )
    assert payload(tmp_path / "out") == payload(cleaned)
    assert not any(run.facts or run.counts["quarantined"] for run in runs.values())


@pytest.mark.parametrize(
    ("poison", "unit", "count"),
    [
        ("clean.normalise:documents/part-00000", "documents/part-00000", 4),
        ("clean.score:documents/part-00000", "documents/part-00000", 4),
        ("clean.pairs:sign/documents/part-00000", "documents/part-00000", 4),
        ("clean.search:documents/part-00000", "documents/part-00000", 4),
        ("clean.decide:write/documents/part-00000", "documents/part-00000", 2),
        ("clean.normalise:holdout/part-00000", "holdout/part-00000", 4),
        ("clean.search:holdout/part-00000", "holdout/part-00000", 4),
    ],
)
def test_a_part_that_kills_is_set_aside_and_told_of(
    tmp_path: Path, cleaned: Path, poison: str, unit: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(POISON, poison)
    documents, datasets = collected(tmp_path / "in"), {"reviews": dataset(tmp_path / "reviews")}
    runs: list[Run] = []
    out = clean(tmp_path / "out", CleanConfig(), documents, datasets, runs, careful=poison.partition(":")[0])
    (run,) = [run for run in runs if run.facts]
    assert poison.startswith(run.stage)
    assert run.facts[QUARANTINE] == [
        {"unit": unit, "count": count, "reason": DIED_KEY, "params": {"unit": poison.partition(":")[2], "how": "SIGKILL"}}
    ]
    assert run.counts["quarantined"] == count
    assert facts(run.output)[QUARANTINE] == {unit: count}
    assert not (run.output / f"{unit}.parquet").exists()
    # What is left is what all documents but those give; for decide, their verdicts say why they are not there.
    before = {row["id"]: row for row in pq.read_table(cleaned / "decide" / "verdicts.parquet").to_pylist()}
    gone = set(pq.read_table(documents / f"{unit}.parquet")["id"].to_pylist())
    verdicts = pq.read_table(out / "decide" / "verdicts.parquet").to_pylist()
    if run.stage == "clean.normalise":
        assert {row["id"] for row in verdicts} == set(before) - gone
    else:
        assert {row["id"] for row in verdicts if row["reason"] == "quarantine"} <= gone
        lost = sum(row["reason"] == "quarantine" for row in verdicts)
        # Documents that were not compared with others are judged all the same.
        assert lost == (0 if run.stage == "clean.pairs" else count) == runs[-1].counts["quarantined"]
        if unit.startswith("documents") and lost:
            assert facts(out / "decide")["reasons"]["quarantine"]["documents"] == lost
    for row in verdicts:  # an equal or contained text may have been among those that are gone
        if row["id"] not in gone and before[row["id"]]["reason"] not in ("repeat", "heldout:holdout"):
            assert row["reason"] == before[row["id"]]["reason"]
    kept = [row["id"] for row in verdicts if row["kept"] and row["part"] == "documents"]
    written = [
        row["id"] for path in sorted((out / "decide/documents").glob("*.parquet")) for row in pq.read_table(path).to_pylist()
    ]
    assert written == kept


def test_what_was_set_aside_stays_so_when_the_stage_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = collected(tmp_path / "in")
    monkeypatch.setenv(POISON, "clean.normalise:documents/part-00001")
    first = run_of("clean.normalise", tmp_path / "out", careful=True)
    normalise(documents, config=CleanConfig(), run=first)
    before = hash_payload(tmp_path / "out")
    monkeypatch.delenv(POISON)
    second = run_of("clean.normalise", tmp_path / "out")
    normalise(documents, config=CleanConfig(), run=second)
    assert (second.facts, second.counts) == (first.facts, first.counts)
    assert hash_payload(tmp_path / "out") == before


@pytest.mark.usefixtures("real_workers")
def test_a_part_that_takes_too_much_memory_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(
        "def heavy(text, language):\n"
        "    if 'canary' in text:\n"
        "        import time\n"
        "        block = b'x' * (700 << 20)\n"
        "        time.sleep(20)\n"
        "    return 1.0\n\n"
        "heavy.direction = 'least'\n"
    )
    config = CleanConfig(rules={"mine:heavy": 0.5})
    documents, runs = collected(tmp_path / "in"), list[Run]()
    clean(tmp_path / "out", config, documents, {}, runs, careful="clean.score", base=tmp_path, memory_bytes=500 << 20)
    (entry,) = runs[1].facts[QUARANTINE]
    assert (entry["unit"], entry["count"], entry["reason"]) == ("documents/part-00001", 4, units.MEMORY_KEY)
    assert [row["reason"] for row in pq.read_table(tmp_path / "out/decide/verdicts.parquet").to_pylist()][4:8] == [
        "quarantine"
    ] * 4
