"""Faults by the command that a user types: bad input beside sound text, and a disk that is full in the middle of the work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from benchmarks.faults import copies, write_bytes, write_letters, write_lines, write_sound

from commands import danlu, last_line
from danlu.documents.store import document_parts

FEW = 60_000


def test_bad_input_costs_nothing_but_itself(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write_sound(folder)
    write_bytes(folder, FEW)
    write_letters(folder, FEW)
    made = last_line(danlu("clean", folder, "--workspace", tmp_path / "w", "--set", "collect.holdout.bytes=0", "--json"))
    artifacts = {stage: Path(path) for stage, path in made["artifacts"].items()}
    card = json.loads((artifacts["collect"] / "card.json").read_text(encoding="utf-8"))
    assert card["quarantine"] == {"binary": 2, "compressed": 1, "encoding": 1}
    sound = [json.loads(line)["text"] for line in (folder / "sound.jsonl").read_text(encoding="utf-8").splitlines()]
    kept = [
        text
        for path in document_parts(artifacts["clean.decide"] / "documents")
        for text in pq.read_table(path)["text"].to_pylist()
    ]
    assert set(sound) <= set(kept)
    assert any("NUL" in text and "\0" not in text for text in kept)
    assert made["reasons"]["few_words"] == FEW // 100
    assert not any("a\na\na" in text for text in kept)
    manifests = [json.loads((path / "manifest.json").read_text(encoding="utf-8")) for path in artifacts.values()]
    assert max(manifest["peak_memory_bytes"] for manifest in manifests) < 1e9


def test_a_full_disk_is_said_and_the_same_command_goes_on(tmp_path: Path) -> None:
    folder, disk = tmp_path / "in", tmp_path / "disk"
    folder.mkdir()
    disk.mkdir()
    write_lines(folder, 300)
    (folder / "copies.txt").write_text("\n\n".join(copies(20)), encoding="utf-8")
    command = f"{sys.executable} -m danlu clean --lang en {folder} --workspace {disk}/w --set collect.holdout.bytes=0"
    script = f"""
        mount -t tmpfs -o size=200m tmpfs {disk} || exit 77
        fill() {{ while [ ! -d {disk}/w/artifacts ]; do sleep 0.02; done; head -c 1G /dev/zero > {disk}/filler; }}
        fill 2>/dev/null &
        {command} 2> {tmp_path}/first; echo $? >> {tmp_path}/status; wait
        rm -f {disk}/filler
        {command} --out {tmp_path}/out 2> {tmp_path}/second; echo $? >> {tmp_path}/status
    """
    try:
        done = subprocess.run(["unshare", "-Urm", "bash", "-c", script], check=False, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if not (tmp_path / "status").exists():
        pytest.skip(f"no file system can be mounted here: {done.stderr.decode()[-200:]}")
    first, second = (tmp_path / name for name in ("first", "second"))
    assert (tmp_path / "status").read_text(encoding="utf-8").split() == ["1", "0"], first.read_text() + second.read_text()
    assert "disk is full" in first.read_text(encoding="utf-8")
    assert "danlu gc" in first.read_text(encoding="utf-8")
    assert "Traceback" not in first.read_text(encoding="utf-8") + second.read_text(encoding="utf-8")
    assert pq.read_table(tmp_path / "out/verdicts.parquet").num_rows == 301
