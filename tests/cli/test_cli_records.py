"""The records of a real run conform to what docs/events.md says of them, and become curves."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from danlu.workspace.events import read_json_lines
from danlu.workspace.messages import LANGUAGES, text

DOCS = Path(__file__).parents[2] / "docs"
TYPES = {"int": int, "float": (int, float, type(None)), "str": str, "dict": dict}
RECIPE = """
name: records
collect: {sources: [{type: files, path: texts.txt, format: lines, language: en}]}
clean: {preset: none}
tokenize: {vocabulary: 600}
pretrain:
  gpt: {model: {family: gpt, size: nano}, objective: clm, budget: 8 steps}
"""

Schema = dict[str, dict[str, str]]


def tables(page: Path) -> list[Schema]:
    """The tables of the page: the fields of every line, then for each file kind -> field -> type."""
    found: list[list[list[str]]] = []
    for block in re.findall(r"(?:^\|.*\n)+", page.read_text(encoding="utf-8"), re.MULTILINE):
        found.append([[cell.strip() for cell in row.strip("|").split("|")] for row in block.splitlines()[2:]])
    common = {"": {name.strip("`"): kind for name, kind, _ in found[0]}}
    kinds = [{kind.strip("`"): dict(re.findall(r"`(\w+)` (\w+)", fields)) for kind, fields, _ in rows} for rows in found[1:]]
    return [common, *kinds]


def conforms(row: dict[str, Any], common: Schema, kinds: Schema) -> bool:
    fields = {**common[""], **kinds[row["kind"]]}
    return set(row) == set(fields) and all(isinstance(row[name], TYPES[fields[name]]) for name in row)  # type: ignore[arg-type]


def command(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "danlu", *arguments],
        capture_output=True, text=True, encoding="utf-8", check=False, cwd=cwd, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a run was killed while it pretrained, and then finished."""
    folder = tmp_path_factory.mktemp("records")
    draw = random.Random(1)
    words = [f"{draw.choice('bcdfgklmnprst')}{draw.choice('aeiou')}{draw.choice('nrstl')}" for _ in range(80)]
    lines = [" ".join(draw.choice(words) for _ in range(60)) for _ in range(300)]
    (folder / "texts.txt").write_text("\n".join(lines), encoding="utf-8")
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    arguments = ("--lang", "en", "run", "recipe.yaml", "--until", "pretrain.gpt", "--json")
    killed = command(*arguments, cwd=folder, DANLU_FAILPOINT="pretrain:step-5")
    assert killed.returncode == -9
    (folder / "curves-then.json").write_text(command("tensorboard", "--json", cwd=folder).stdout)
    done = command(*arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_both_pages_say_the_same() -> None:
    assert tables(DOCS / "events.md") == tables(DOCS / "events.zh.md")


def test_every_line_of_a_real_run_conforms(place: Path) -> None:
    common, events, metrics = tables(DOCS / "events.md")
    for name, schema in (("events.jsonl", events), ("metrics.jsonl", metrics)):
        seen = set()
        for path in (place / ".danlu" / "artifacts").glob(f"*/{name}"):
            rows = read_json_lines(path)
            assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
            for row in rows:
                assert conforms(row, common, schema), row
                seen.add(row["kind"])
        assert seen >= ({"started", "resumed", "unit", "said", "published"} if name == "events.jsonl" else set(schema))


def test_every_stage_tells_from_its_start_to_its_publication(place: Path) -> None:
    files = list((place / ".danlu" / "artifacts").glob("*/events.jsonl"))
    assert len(files) == 7
    for path in files:
        rows = read_json_lines(path)
        assert (rows[0]["kind"], rows[-1]["kind"]) == ("started", "published")
        for row in rows:
            if row["kind"] in ("said", "warning"):
                assert all(text(row["key"], language, **row["params"]) for language in LANGUAGES)


def test_the_killed_stage_says_that_it_went_on(place: Path) -> None:
    (path,) = (place / ".danlu" / "artifacts").glob("pretrain-*/events.jsonl")
    (row,) = [row for row in read_json_lines(path) if row["kind"] == "resumed"]
    assert (row["stage"], row["attempt"]) == ("pretrain.gpt", 2)


def test_curves_of_a_run_at_work_and_of_a_finished_one(place: Path) -> None:
    then = json.loads((place / "curves-then.json").read_text())
    done = command("--lang", "zh", "tensorboard", "--json", cwd=place)
    now = json.loads(done.stdout)
    assert 0 < then["points"]["pretrain.gpt"] < now["points"]["pretrain.gpt"]
    assert now["command"] == "tensorboard --logdir .danlu/runs/records/tensorboard"
    assert "查看：tensorboard --logdir" in done.stderr
    (events,) = (place / now["command"].split()[-1]).rglob("*tfevents*")
    assert events.parent.name == "pretrain.gpt"
    assert b"brain.Event:2" in events.read_bytes()


@pytest.mark.parametrize("arguments", [["tensorboard"], ["tensorboard", "nothing"]])
def test_no_run_no_curves(arguments: list[str], tmp_path: Path) -> None:
    done = command("--lang", "en", *arguments, "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert "danlu run" in done.stderr
    assert json.loads(done.stdout)
