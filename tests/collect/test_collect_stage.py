"""The stage `collect`."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from commands import script
from danlu.collect import units
from danlu.collect.splits import split_of
from danlu.documents.schema import DOCUMENTS
from danlu.documents.store import read_documents
from danlu.recipe.datasets import SplitConfig
from danlu.text.canonical import canonical_digest, digest
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError, Interrupted

Build = Callable[..., Artifact]


def documents_of(artifact: Artifact, part: str = "documents") -> list[dict[str, Any]]:
    return [row for batch in read_documents(artifact / part) for row in batch.to_pylist()]


def card_of(artifact: Artifact) -> dict[str, Any]:
    return json.loads((artifact / "card.json").read_text(encoding="utf-8"))


def write_corpus(base: Path) -> None:
    """Every kind of input, good and bad, in both languages."""
    folder = base / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text("One English document.\nIt has two lines.\n")
    (folder / "b.txt").write_bytes("这是一篇用国标编码写的中文文档，很常见。\n".encode("gb18030"))
    (folder / "c.md").write_text("# 标题\n\n正文在这里。\n", encoding="utf-8")
    (folder / "d.html").write_text("<html><p>网页里的正文</p></html>", encoding="utf-8")
    (folder / "e.jsonl").write_text('{"text": "from json", "url": "http://x.y/z"}\n{broken\n', encoding="utf-8")
    (folder / "f.csv").write_text('id,text\n1,"from csv"\n2\n')
    pq.write_table(__import__("pyarrow").table({"text": ["from parquet", None]}), folder / "g.parquet")
    (folder / "h.txt").write_bytes(b"\0\1\2binary")
    (folder / "i.txt").write_bytes("été déjà à la française\n".encode("latin-1"))
    (folder / "j.txt").write_bytes(b"")


def test_all_formats_and_the_card(tmp_path: Path, run_collect: Build) -> None:
    write_corpus(tmp_path)
    source = {"type": "files", "path": "texts", "licence": "CC0", "origin": "made here"}
    artifact = run_collect([source], holdout={"bytes": 0})
    found = documents_of(artifact)
    assert next(read_documents(artifact / "documents")).schema.equals(DOCUMENTS)
    assert [(row["text"][:10], row["language"]) for row in found] == [
        ("One Englis", "en"), ("这是一篇用国标编码写", "zh-Hans"), ("# 标题\n\n正文在这", "zh-Hans"),
        ("<html><p>网", "zh-Hans"), ("from json", "en"), ("from csv", "en"), ("from parqu", "en"),
    ]  # fmt: skip
    assert found[4]["url"] == "http://x.y/z"
    assert all(row["digest"] == digest(row["text"]) and row["licence"] == "CC0" and not row["protected"] for row in found)
    assert json.loads(found[0]["meta"]) == {"file": "texts/a.txt", "record": 0}
    card = card_of(artifact)
    assert card["quarantine"] == {"binary": 1, "columns": 1, "empty": 1, "encoding": 1, "json": 1}
    assert card["documents"] == 7
    assert card["bytes"] == sum(len(row["text"].encode()) for row in found) == sum(card["languages"].values())
    assert card["holdout"] == {"documents": 0, "bytes": 0}
    (entry,) = card["sources"]
    assert (entry["name"], entry["type"], entry["origin"], entry["quarantined"]) == ("texts", "files", "made here", 5)
    rejected = [json.loads(line) for line in (artifact / "quarantine.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {(entry["where"], entry["reason"]) for entry in rejected} == {
        ("texts/e.jsonl:2", "collect.quarantine.json"), ("texts/f.csv:3", "collect.quarantine.columns"),
        ("texts/g.parquet:2", "collect.quarantine.empty"), ("texts/h.txt", "collect.quarantine.binary"),
        ("texts/i.txt", "collect.quarantine.encoding"),
    }  # fmt: skip


def test_no_path_of_this_machine_in_the_payload(tmp_path: Path, run_collect: Build) -> None:
    write_corpus(tmp_path)
    artifact = run_collect([{"type": "files", "path": str(tmp_path / "texts")}])
    assert str(tmp_path) not in json.dumps(documents_of(artifact)) + (artifact / "card.json").read_text()
    assert str(tmp_path) not in (artifact / "quarantine.jsonl").read_text()


def test_holdout_is_apart_and_documents_are_whole(tmp_path: Path, run_collect: Build) -> None:
    (tmp_path / "en.txt").write_text("".join(f"English line number {i}.\n" for i in range(600)))
    (tmp_path / "zh.txt").write_text("".join(f"第 {i} 行中文。\n" for i in range(300)), encoding="utf-8")
    sources = [{"type": "files", "path": name, "format": "lines"} for name in ("en.txt", "zh.txt")]
    artifact = run_collect(sources, holdout={"bytes": 1000})
    kept, held = documents_of(artifact), documents_of(artifact, "holdout")
    assert len(kept) + len(held) == 900
    assert not {row["id"] for row in kept} & {row["id"] for row in held}
    card = card_of(artifact)
    assert card["holdout"]["documents"] == len(held)
    assert 900 < card["holdout"]["bytes"] <= 1000
    assert all(entry["holdout_documents"] > 0 for entry in card["sources"])
    larger = run_collect(sources, name="larger", holdout={"bytes": 1500})
    texts = [row["text"] for row in documents_of(larger, "holdout")]
    assert len({row["text"] for row in held} & set(texts)) > 0.9 * len(held)  # more are held out, not others


def test_training_texts_of_a_dataset(tmp_path: Path, run_collect: Build, run_dataset: Build) -> None:
    rows = [(f"{'review' if i % 2 else '评论'} {i // 2 * 2}", "a") for i in range(400)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows * 2))
    source = {"type": "files", "path": "a.jsonl", "label": "label", "licence": "CC0", "origin": "made here"}
    dataset = run_dataset([source], name="reviews", most_train=20)
    artifact = run_collect([{"type": "dataset", "dataset": "reviews"}], datasets={"reviews": dataset}, holdout={"bytes": 200})
    labelled = pq.read_table(dataset / "rows.parquet").to_pylist()
    of_training = {row["digest"] for row in labelled if split_of(row["digest"], SplitConfig()) == "train"}
    assert sum(row["split"] == "train" for row in labelled) == 40  # 20 a language
    found = documents_of(artifact) + documents_of(artifact, "holdout")
    assert len(of_training) > 250  # the limit is on labels, not on texts
    assert {canonical_digest(row["text"]) for row in found} == of_training
    assert len(found) == len(of_training)
    assert {row["language"] for row in found} == {"en", "zh-Hans"}
    assert {(row["source"], row["licence"]) for row in found} == {("reviews/a.jsonl", "CC0")}
    (entry,) = card_of(artifact)["sources"]
    assert (entry["name"], entry["type"], entry["origin"]) == ("reviews/a.jsonl", "dataset", "made here")


def test_nothing_read_is_an_error(tmp_path: Path, run_collect: Build) -> None:
    (tmp_path / "a.txt").write_bytes(b"\0")
    (tmp_path / "b.txt").write_bytes(b"  \n")
    with pytest.raises(DanluError) as caught:
        run_collect([{"type": "files", "path": "."}])
    assert caught.value.key == "collect.empty"
    for language in ("en", "zh"):
        explained = caught.value.explain(language)
        assert set(explained) == {"what", "where", "cause", "remedy"}
        assert "binary 1" in explained["cause"]


def test_same_bytes_from_another_folder_and_for_other_units(
    tmp_path: Path, run_collect: Build, payload: Callable[[Artifact], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_corpus(tmp_path)
    first = payload(run_collect([{"type": "files", "path": "texts"}], name="one"))
    (tmp_path / "texts").rename(tmp_path / "moved")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "moved").rename(tmp_path / "elsewhere/texts")
    monkeypatch.setattr(units, "UNIT_BYTES", 50)
    second = run_collect([{"type": "files", "path": str(tmp_path / "elsewhere/texts")}], name="two")
    assert payload(second) == first


def test_python_docs_as_documents(run_collect: Build, some_modules: None) -> None:
    artifact = run_collect([{"type": "python-docs"}], holdout={"bytes": 20_000})
    card = card_of(artifact)
    assert card["documents"] > 150
    assert card["bytes"] > 800_000
    assert 15_000 < card["holdout"]["bytes"] <= 20_000
    assert card["sources"][0]["licence"] == "PSF-2.0"
    assert card["sources"][0]["version"] == ".".join(map(str, sys.version_info[:3]))


SCRIPT = """
import json, sys
from pathlib import Path
from danlu.collect import units
from danlu.collect.splits import split_of
from danlu.collect.stage import collect
from danlu.recipe.collect import CollectConfig
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run
units.UNIT_BYTES = 60
base, output = Path(sys.argv[1]), Path(sys.argv[2])
output.mkdir(parents=True, exist_ok=True)
run = Run(stage="collect", output=output, ledger=Ledger(output / "ledger.sqlite", "collect"), base=base)
sources = [{"type": "files", "path": "texts"}, {"type": "files", "path": "lines.txt", "format": "lines"}]
collect({}, config=CollectConfig.model_validate({"sources": sources, "holdout": {"bytes": 500}}), run=run)
"""


def test_killed_run_resumes_to_the_same_bytes(tmp_path: Path, payload: Callable[[Artifact], str]) -> None:
    """kill -9 after a unit, three times over; the finished payload is that of a run that was never killed."""
    write_corpus(tmp_path)
    (tmp_path / "lines.txt").write_text("".join(f"line {i} 第 {i} 行\n" for i in range(500)), encoding="utf-8")

    def go(output: Path, failpoint: str = "") -> int:
        return script(SCRIPT, tmp_path, output, failpoint=failpoint).returncode

    for unit in ("read-000-00000", "read-000-00003", "read-001-00000"):
        assert go(tmp_path / "killed", f"collect:{unit}") == -signal.SIGKILL
    scratch = tmp_path / "killed/work"
    (scratch / "read-000-00001" / ".part-00007.parquet.tmp").write_bytes(b"half")  # what a kill may leave behind
    (tmp_path / "killed/documents").mkdir()
    (tmp_path / "killed/documents/part-00099.parquet").write_bytes(b"half")
    before = {path.name: path.stat().st_mtime_ns for path in scratch.iterdir()}
    assert go(tmp_path / "killed") == 0
    assert {path.name: path.stat().st_mtime_ns for path in scratch.iterdir()} == before  # nothing was read twice
    assert go(tmp_path / "whole") == 0
    assert payload(Artifact("collect", "k", tmp_path / "killed")) == payload(Artifact("collect", "k", tmp_path / "whole"))


def test_stop_is_heeded(tmp_path: Path) -> None:
    from danlu.collect.stage import collect
    from danlu.recipe.collect import CollectConfig
    from danlu.workspace.ledger import Ledger
    from danlu.workspace.run import Run

    (tmp_path / "a.txt").write_text("x\n" * 2000)
    run = Run(stage="collect", output=tmp_path, ledger=Ledger(tmp_path / "ledger.sqlite", "collect"), base=tmp_path)
    run.cancelled.set()
    with pytest.raises(Interrupted):
        collect({}, config=CollectConfig.model_validate({"sources": [{"type": "files", "path": "a.txt"}]}), run=run)
