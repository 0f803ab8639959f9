from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from danlu.workspace.artifact import Workspace
from danlu.workspace.errors import DanluError, Interrupted
from danlu.workspace.events import VERSION, JsonLines, read_json_lines
from danlu.workspace.ledger import Ledger
from danlu.workspace.messages import text
from danlu.workspace.record import recorded
from danlu.workspace.run import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(stage="clean.score", output=tmp_path, ledger=Ledger(tmp_path / "ledger.sqlite", "clean.score"), seed=7)


def kinds(run: Run) -> list[str]:
    return [row["kind"] for row in read_json_lines(run.events.path)]


def test_lines_have_version_number_and_time(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "events.jsonl")
    for step in range(3):
        log.write(kind="train", step=step, words="中文\n“引号”")
    raw = log.path.read_text(encoding="utf-8")
    assert raw.count("\n") == 3
    assert "中文" in raw
    rows = read_json_lines(log.path)
    assert [list(row)[:4] for row in rows] == [["v", "seq", "time", "kind"]] * 3
    assert [(row["v"], row["seq"], row["step"]) for row in rows] == [(VERSION, 1, 0), (VERSION, 2, 1), (VERSION, 3, 2)]
    assert rows[0]["words"] == "中文\n“引号”"
    assert rows[0]["time"] <= rows[2]["time"]


def test_no_file_and_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    assert read_json_lines(path) == []
    path.touch()
    assert read_json_lines(path) == []
    JsonLines(path).write(kind="said")
    assert path.read_bytes()[:1] == b"{"


@pytest.mark.parametrize("cut", [1, 2, 10, 40])
def test_a_torn_line_swallows_nothing(tmp_path: Path, cut: int) -> None:
    log = JsonLines(tmp_path / "events.jsonl")
    for step in range(3):
        log.write(kind="said", key="训练", step=step)
    log.path.write_bytes(log.path.read_bytes()[:-cut])
    survivors = 3 if cut == 1 else 2  # only the end of the line is missing: the line is whole
    assert [row["step"] for row in read_json_lines(log.path)] == list(range(survivors))
    log.write(kind="said", step="next")
    log.write(kind="said", step="last")
    rows = read_json_lines(log.path)
    assert [row["step"] for row in rows] == [*range(survivors), "next", "last"]
    assert [row["seq"] for row in rows] == list(range(1, survivors + 3))


def test_cut_at_any_byte_every_whole_line_is_kept(tmp_path: Path) -> None:
    draw = random.Random(1)
    log = JsonLines(tmp_path / "events.jsonl")
    for step in range(20):
        log.write(kind="said", step=step, words="丹" * draw.choice([0, 3, 400, 5000]))
    whole = log.path.read_bytes()
    ends = [index for index, byte in enumerate(whole) if byte == 10]
    for size in [0, 1, *draw.sample(range(len(whole)), 60), len(whole)]:
        log.path.write_bytes(whole[:size])
        kept = sum(end <= size for end in ends)  # a line without its end is whole too
        log.write(kind="said", step="new")
        rows = read_json_lines(log.path)
        assert [row["step"] for row in rows] == [*range(kept), "new"], size
        assert [row["seq"] for row in rows] == list(range(1, kept + 2)), size


def test_garbage_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"seq": 4, "a": 1}\n\xff\xfe\n[1, 2]\n7\n\nnull\n{"a": 2}\r\n{"a"')
    assert [row["a"] for row in read_json_lines(path)] == [1, 2]
    JsonLines(path).write(kind="said", a=3)
    assert [row["a"] for row in read_json_lines(path)] == [1, 2, 3]


def test_what_json_has_no_word_for(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "metrics.jsonl")
    log.write(kind="train", loss=math.nan, inner={"norm": [math.inf, 1.5]}, path=Path("a"), lone="\ud800")
    row = json.loads(log.path.read_text(encoding="utf-8"), parse_constant=lambda word: pytest.fail(word))
    assert (row["loss"], row["inner"], row["path"]) == (None, {"norm": [None, 1.5]}, "a")


def test_threads_do_not_mix_their_lines(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "events.jsonl")
    threads = [
        threading.Thread(target=lambda number=number: [log.write(kind="unit", unit=number) for _ in range(50)])
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = read_json_lines(log.path)
    assert len(rows) == 200
    assert len(log.path.read_bytes().splitlines()) == 200


WRITER = """
import sys
from pathlib import Path
from danlu.workspace.events import JsonLines
log = JsonLines(Path(sys.argv[1]))
while True:
    log.write(kind="said", words="x" * 3000)
    print(flush=True)
"""


def test_a_killed_writer_leaves_a_file_that_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        for _ in range(30):
            writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
    JsonLines(path).write(kind="said")
    numbers = [row["seq"] for row in read_json_lines(path)]
    assert len(numbers) > 90
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_stage_writes_what_happens_to_it(run: Run) -> None:
    with recorded(run):
        run.once("part-0", lambda: 1)
        run.progress.say("training.resumed", step=5)
        run.progress.warn("training.broken-checkpoint", name="a", step=5)
        with run.progress.task("training.progress", 10, "steps") as task:
            task.advance()
    rows = read_json_lines(run.events.path)
    assert kinds(run) == ["started", "unit", "said", "warning"]
    assert rows[0] | {"stage": "clean.score", "seed": 7, "process": os.getpid()} == rows[0]
    assert rows[1]["unit"] == "part-0"
    assert text(rows[2]["key"], "zh", **rows[2]["params"]) == "从第 5 步继续。"
    assert not hasattr(run.progress, "_events")  # what came before the block is there again


def test_a_unit_that_was_finished_before_is_no_event(run: Run) -> None:
    for _ in range(2):
        with recorded(run):
            run.once("part-0", lambda: None)
            run.once("part-1", lambda: None)
    assert kinds(run) == ["started", "unit", "unit", "resumed"]
    last = read_json_lines(run.events.path)[-1]
    assert (last["attempt"], last["units"]) == (2, 2)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DanluError("workspace.not-writable", where="x"), {"kind": "failed", "error": "workspace.not-writable", "where": "x"}),
        (
            DanluError("pipeline.no-such-run", name="a", runs=Path("b")),
            {"kind": "failed", "error": "pipeline.no-such-run", "params": {"name": "a", "runs": "b"}},
        ),
        (Interrupted("workspace.interrupted"), {"kind": "stopped"}),
        (KeyboardInterrupt(), {"kind": "stopped"}),
        (ValueError("no"), {"kind": "failed", "error": "pipeline.defect", "params": {"error": "ValueError: no"}}),
        (MemoryError(), {"kind": "failed", "error": "pipeline.defect"}),
    ],
)
def test_an_error_is_written_and_passes_through(run: Run, error: BaseException, expected: dict[str, Any]) -> None:
    with pytest.raises(type(error)), recorded(run):
        raise error
    last = read_json_lines(run.events.path)[-1]
    assert last | expected == last
    with recorded(run):
        pass
    assert kinds(run)[-1] == "resumed"


def test_an_error_that_cannot_be_written_is_still_the_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: JsonLines, **fields: Any) -> None:
        raise OSError(28, "No space left on device")

    def fail() -> None:
        monkeypatch.setattr(JsonLines, "write", full)
        raise DanluError("workspace.not-writable", where="x")

    with pytest.raises(DanluError, match=r"permission|权限"), recorded(run):
        fail()


def test_the_last_event_is_the_publication(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    workspace.create()
    partial = workspace.partial("clean.score", "0123")
    partial.mkdir()
    (partial / "data").write_text("12345")
    run = Run(stage="clean.score", output=partial, ledger=Ledger(partial / "ledger.sqlite", "clean.score"))
    with recorded(run):
        run.once("all", lambda: None)
    run.ledger.close()
    artifact = workspace.publish("clean.score", "0123", {"node": "clean.score"})
    rows = read_json_lines(artifact / "events.jsonl")
    assert [row["kind"] for row in rows] == ["started", "unit", "published"]
    assert rows[-1] | {"payload": artifact.payload, "key": "0123"} == rows[-1]
