"""Work that kills every process: the run goes on without it, exits 0, and names it wherever a person looks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from commands import danlu, last_line

POISON = (
    "dataset.mood:read-000-00000,dataset.mood:read-000-00000-00000,"
    "collect:read-000-00000,collect:read-000-00000-00003,clean.score:holdout/part-00000"
)


@pytest.fixture(scope="module")
def poisoned(small: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    """A run in which a file of labels, a text and the held-out documents kill: workspace, last line, what was said."""
    folder = tmp_path_factory.mktemp("poisoned")
    recipe = json.loads((small / "small.yaml").read_text(encoding="utf-8"))
    (source,) = recipe["datasets"]["mood"]["sources"]
    shutil.copytree(small / "texts", folder / "texts")
    (folder / "rows").mkdir()
    for name in ("0.csv", "1.csv"):
        shutil.copy(small / "rows.csv", folder / "rows" / name)
    source["path"] = "rows"
    (folder / "small.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    workspace = folder / "w"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DANLU_POISON", POISON)
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        command = ["--lang", "en", "run", folder / "small.yaml", "--until", "clean", "--workspace", workspace, "--json"]
        done = danlu(*command)
    return workspace, last_line(done), done.stderr


def test_the_run_goes_on_and_names_what_it_lacks(poisoned: tuple[Path, dict[str, Any], str]) -> None:
    _, summary, said = poisoned
    assert [(entry["stage"], entry["unit"], entry["reason"]) for entry in summary["set_aside"]] == [
        ("dataset.mood", "rows/0.csv", "compute.unit-died"),
        ("collect", "texts/03.txt", "compute.unit-died"),
        ("clean.score", "holdout/part-00000", "compute.unit-died"),
    ]
    assert "Set aside:  dataset.mood: rows/0.csv, collect: texts/03.txt, clean.score: holdout/part-00000." in said
    assert "texts/03.txt killed every process that worked on it" in said
    for name, count in (("dataset.mood", 1), ("collect", 1), ("clean.score", summary["set_aside"][2]["count"])):
        manifest = json.loads((Path(summary["artifacts"][name]) / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["counts"]["quarantined"] == count > 0
        assert len(manifest["facts"]["quarantine"]) == 1
    events = (Path(summary["artifacts"]["collect"]) / "events.jsonl").read_text(encoding="utf-8")
    assert '"compute.set-aside"' in events
    card = json.loads((Path(summary["artifacts"]["collect"]) / "card.json").read_text(encoding="utf-8"))
    assert card["quarantine"] == {"died": 1}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_show_and_the_report_name_it(poisoned: tuple[Path, dict[str, Any], str], language: str) -> None:
    workspace, _, _ = poisoned
    heading = {"en": "Set aside, because it killed every process", "zh": "已隔离：处理它的进程每次都意外退出"}[language]
    shown = danlu("--lang", language, "show", "collect", "--workspace", workspace).stdout
    assert heading in shown
    assert "texts/03.txt (1): " in shown
    assert "SIGKILL" in shown
    assert heading not in danlu("--lang", language, "show", "clean.normalise", "--workspace", workspace).stdout
    danlu("--lang", language, "report", "--workspace", workspace)
    page = (workspace / "reports/small/index.html").read_text(encoding="utf-8")
    part = {"en": "What killed every process that worked on it", "zh": "让处理进程每次都意外退出的内容已隔离"}[language]
    assert part in page
    for unit in ("rows/0.csv", "texts/03.txt", "holdout/part-00000"):
        assert unit in page


def test_the_rest_of_the_payload_is_right(poisoned: tuple[Path, dict[str, Any], str], small: Path) -> None:
    _, summary, _ = poisoned
    rows = pq.read_table(Path(summary["artifacts"]["dataset.mood"]) / "rows.parquet").to_pylist()
    assert {row["source"] for row in rows} == {"rows"}
    assert len(rows) == 80  # the other file has the same texts
    collected = Path(summary["artifacts"]["collect"])
    files = {
        json.loads(meta).get("file") for part in ("documents", "holdout")
        for path in (collected / part).glob("*.parquet") for meta in pq.read_table(path)["meta"].to_pylist()
    }  # fmt: skip
    names = {f"texts/{path.name}" for path in (small / "texts").iterdir()}
    assert files - {None} == names - {"texts/03.txt"}
    decided = Path(summary["artifacts"]["clean.decide"])
    assert not list((decided / "holdout").glob("*.parquet"))
    verdicts = pq.read_table(decided / "verdicts.parquet").to_pylist()
    assert {row["reason"] for row in verdicts if row["part"] == "holdout"} == {"quarantine"}
    assert any(row["kept"] for row in verdicts if row["part"] == "documents")
