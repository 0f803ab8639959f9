"""Repeated lines and paragraphs: what goes, against a reference in plain Python, whatever the parts and the memory."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from test_clean_stages import facts, run_of

from danlu.clean.decide import decide
from danlu.clean.normalise import normalise
from danlu.clean.score import score
from danlu.clean.search import search
from danlu.clean.units import units
from danlu.documents.schema import document_id
from danlu.documents.store import write_documents
from danlu.recipe.clean import CleanConfig
from danlu.text.buffers import string_buffers
from danlu.text.canonical import canonical, digest
from danlu.text.pieces import pieces
from danlu.workspace.artifact import Artifact
from danlu.workspace.run import Run

SHORTEST = 12
SENTENCES = [
    "The river was low that summer.", "They walked across it on the stones!", "A fire was made in the evening.",
    "Nobody spoke.",     "今年夏天河水很浅，孩子们踩着石头走过去。", "晚上他们生起了火。", "Chapter 1", "第一章", "----",
    "Each told what he had seen.",
]  # fmt: skip


def documents(root: Path, texts: list[str], part_rows: int, protected: int | None = None) -> Artifact:
    rows: list[dict[str, Any]] = [
        {
            "id": document_id("books", text, 0), "digest": digest(text), "text": text, "source": "books", "url": "",
            "licence": "", "language": "en", "created": "", "meta": "{}",
            "protected": protected is not None and text == texts[protected],
        }
        for text in texts
    ]  # fmt: skip
    write_documents(root / "documents", rows, part_rows=part_rows)
    return Artifact("collect", "key", root)


def texts_of(seed: int, count: int, breaks: list[str]) -> list[str]:
    made = random.Random(seed)
    return list(
        dict.fromkeys(
            "".join(made.choice(SENTENCES) + made.choice(breaks) for _ in range(made.randrange(1, 7))).strip()
            + f"\n\nNumber {row}"
            for row in range(count)
        )
    )


def cleaned(root: Path, source: Artifact, unit: str, memory: int | None = None) -> Path:
    found: dict[str, Any] = {"method": "none", "unit": unit, "shortest": SHORTEST}
    config = CleanConfig.model_validate({"preset": "none", "dedup": found})
    made: dict[str, Run] = {}
    for stage in ("normalise", "score", "search", "units", "decide"):
        made[stage] = run_of(f"clean.{stage}", root / stage)
    normalise(source, config=config, run=made["normalise"])
    normal = Artifact("clean.normalise", "key", root / "normalise")
    score(normal, config=config, run=made["score"])
    search(normal, {}, config=config, run=made["search"])
    if memory:
        made["units"].resolve("ranges", lambda: memory)
    units(normal, config=config, run=made["units"])
    scored, searched, cut = (Artifact(f"clean.{stage}", "key", root / stage) for stage in ("score", "search", "units"))
    decide(normal, scored, searched, None, cut, config=config, run=made["decide"])
    return root


def rows_of(folder: Path) -> dict[str, str]:
    return {row["id"]: row["text"] for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()}


def expected(texts: dict[str, str], unit: str, spared: str) -> tuple[dict[str, str], int]:
    """The texts without what stands in a better document or further up, and how many pieces went."""
    split = re.compile(r"\n+" if unit == "line" else r"\n{2,}")
    order = sorted(texts, key=lambda name: (name != spared, -len(texts[name].encode()), name))
    seen: set[str] = set()
    left: dict[str, str] = {}
    gone = 0
    for name in order:
        text, kept, at = texts[name], "", 0
        for found in [*split.finditer(text), None]:
            end, after = (found.start(), found.end()) if found else (len(text), len(text))
            form = canonical(text[at:end])
            if name != spared and len(form.encode()) >= SHORTEST and form in seen:
                gone += 1
            else:
                kept += text[at:after]
            if len(form.encode()) >= SHORTEST:
                seen.add(form)
            at = after
        left[name] = kept.rstrip("\n") if gone and kept != text else kept
    return left, gone


@pytest.mark.parametrize("unit", ["line", "paragraph"])
def test_only_the_first_of_equal_pieces_stays(tmp_path: Path, unit: str) -> None:
    texts = texts_of(1, 60, ["\n", "\n\n", " "])
    out = cleaned(tmp_path / "out", documents(tmp_path / "in", texts, 7, protected=3), unit)
    before = rows_of(out / "normalise/documents")
    spared = document_id("books", texts[3], 0)
    left, gone = expected(before, unit, spared)
    after = rows_of(out / "decide/documents")
    assert after == {name: text for name, text in left.items() if text}
    assert gone > 20
    assert after[spared] == before[spared]
    edits = pq.read_table(out / "decide/edits.parquet").to_pylist()
    for name, text in after.items():  # what the edits say is what happened, in characters
        position, made = 0, ""
        for edit in (edit for edit in edits if edit["id"] == name):
            assert (edit["reason"], edit["length"]) == (f"repeat_{unit}", 0)
            assert canonical(before[name][edit["start"] : edit["end"]]) in canonical(after[edit["twin"]])
            made += before[name][position : edit["start"]]
            position = edit["end"]
        assert made + before[name][position:] == text
    verdicts = pq.read_table(out / "decide/verdicts.parquet").to_pylist()
    assert {row["reason"] for row in verdicts} <= {"", f"repeat_{unit}"}
    assert [row["id"] for row in verdicts if not row["kept"]] == [name for name in before if not left[name]]
    found = facts(out / "decide")
    assert found["units"]["removed"] == len(edits)
    assert sum(len(text.encode()) for text in after.values()) <= found["bytes"]["kept"]


def test_parts_their_order_and_memory_change_nothing(tmp_path: Path) -> None:
    texts = texts_of(2, 40, ["\n", "\n\n"])
    first = cleaned(tmp_path / "first", documents(tmp_path / "a", texts, 100), "line")
    turned = cleaned(tmp_path / "turned", documents(tmp_path / "b", texts[::-1], 3), "line", memory=5)
    assert rows_of(first / "decide/documents") == rows_of(turned / "decide/documents")
    assert facts(first / "units") == facts(turned / "units")


@pytest.mark.parametrize("unit", ["line", "paragraph"])
def test_pieces_cover_all_bytes_and_begin_at_lines(unit: Any) -> None:
    made = random.Random(4)
    texts = ["".join(made.choices(["a", "中", "\n", "\n\n"], k=made.randrange(12))) for _ in range(300)]
    data, offsets = string_buffers(texts)
    spans = pieces(data, offsets, unit)
    assert {int(offset) for offset in offsets} <= set(spans.tolist())
    assert spans.tolist() == sorted(set(spans.tolist()))
    split = r"\n+" if unit == "line" else r"\n{2,}"
    for row, text in enumerate(texts):
        begins = [0] + [len(text[: cut.end()].encode()) for cut in re.finditer(split, text) if cut.end() < len(text)]
        if text.startswith("\n"):  # what is empty at the beginning belongs to the first piece of its own
            continue
        inside = spans[(spans >= offsets[row]) & (spans < offsets[row + 1])] - offsets[row]
        assert inside.tolist() == (begins if text else []), (text, inside)


def test_a_unit_asks_for_a_stage_of_its_own_and_no_other_key_changes() -> None:
    from danlu.pipeline.graph import build_graph, pairing
    from danlu.recipe.schema import Recipe

    recipe = Recipe.model_validate({"name": "x", "collect": {"sources": [{"type": "files", "path": "a"}]}})
    lines = recipe.clean.model_copy(update={"dedup": recipe.clean.dedup.model_copy(update={"unit": "line"})})
    assert "clean.units" not in build_graph(recipe)
    assert build_graph(recipe.model_copy(update={"clean": lines}))["clean.decide"].inputs["units"] == "clean.units"
    assert pairing(lines).identity() == pairing(recipe.clean).identity()
    assert "unit" not in recipe.clean.identity()["dedup"]
