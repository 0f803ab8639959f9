"""`danlu evaluate` on the models of a run, by their names: their own training texts are looked through unasked."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from commands import danlu, last_line
from danlu.pipeline.subject import find_subject, learned_from
from danlu.workspace.artifact import Workspace
from danlu.workspace.errors import DanluError

Finished = tuple[Path, dict[str, Any], str]


def test_a_classifier_of_the_run(finished: Finished, job: Path, tmp_path: Path) -> None:
    workspace, _, _ = finished
    with (job / "rows.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:60]
    planted = (job / "texts" / "003.txt").read_text(encoding="utf-8")[40:140]
    rows.append({"text": planted, "label": rows[0]["label"]})
    rows.append({"text": "这一行没有任何模型见过，写的是昨天傍晚在河边看到的两只白鹭。", "label": rows[0]["label"]})
    test = tmp_path / "test.jsonl"
    test.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    done = danlu(
        "--lang", "en", "evaluate", "mood", "--on", test, "--workspace", workspace, "--out", tmp_path / "out", "--json"
    )
    said = last_line(done)
    assert {number["model"] for number in said["numbers"]} == {"mood", "majority"}
    sources = {entry["source"].rpartition("-")[0]: entry for entry in said["overlaps"]}
    assert set(sources) == {"clean.decide", "dataset"}
    assert all(entry["characters"] for entry in sources.values())
    seen = [json.loads(line) for line in (tmp_path / "out" / "seen.jsonl").read_text(encoding="utf-8").splitlines()]
    (found,) = [row for row in seen if row["text"] == planted]
    assert found["source"].startswith("clean.decide-")
    assert not [row for row in seen if row["text"] == rows[-1]["text"]]
    again = danlu("--lang", "en", "evaluate", "job/mood", "--on", test, "--workspace", workspace, "--json")
    assert last_line(again)["earlier_openings"] == 1
    assert last_line(again)["numbers"] == said["numbers"]


def test_language_models_of_the_run(finished: Finished, tmp_path: Path) -> None:
    workspace, _, _ = finished
    (tmp_path / "texts.txt").write_text("The film was moving.\n这部电影非常感人。\n", encoding="utf-8")
    for model, metric in (("gpt", "bits_per_byte"), ("bert", "masked_nats")):
        said = last_line(danlu("evaluate", model, "--on", tmp_path / "texts.txt", "--workspace", workspace, "--json"))
        assert said["task"] == "language"
        assert said["numbers"][0]["metric"] == metric
        assert said["numbers"][0]["value"] > 0
        assert {entry["source"].rpartition("-")[0] for entry in said["overlaps"]} >= {"clean.decide"}


def test_what_a_person_may_name(finished: Finished, tmp_path: Path) -> None:
    place = Workspace(finished[0])
    (tmp_path / "given.jsonl").write_text("{}\n", encoding="utf-8")
    assert find_subject(place, str(tmp_path / "given.jsonl")) == tmp_path / "given.jsonl"
    assert find_subject(place, "mood") == find_subject(place, "job/mood")
    assert find_subject(place, "owner/name") == "owner/name"
    for name, key in (
        ("package:no-such-package", "models.no-package"), ("gone.csv", "evaluate.no-file"),
        ("nothing", "pipeline.no-such-model"),
    ):  # fmt: skip
        with pytest.raises(DanluError) as raised:
            find_subject(place, name)
        assert raised.value.key == key
    assert learned_from(place, [tmp_path, "owner/name"]) == []  # nothing is known of what is not of this workspace
