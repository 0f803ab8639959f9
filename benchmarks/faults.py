"""The claim that bad input costs a cleaning nothing but itself: each fault beside 2,000 sound documents, by the command that a
user types, with the time and the most memory it takes.

`line`: a line of 1 GB. `bytes`: files that are no UTF-8, with NUL bytes, cut off within a gzip stream. `letters`: a document
of 10 million lines of one character, and 100,000 documents of one character. `copies`: 100,000 copies of a text with small
differences, so that buckets of the MinHash are huge. `lines`: the same line in each of 100,000 documents, with
`dedup.unit: line`. `disk`: no room left in the middle of the work, then room, and the same command again.

Full: a few minutes. Quick: a hundredth of the sizes.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.cells import run_cells
from benchmarks.clean.command import environment
from benchmarks.common import arguments, goal
from danlu.compute.usage import peak_memory

LETTERS = random.Random(7)
WORDS = ["".join(LETTERS.choices("abcdefghijklmnoprstuvw", k=LETTERS.randrange(3, 9))) for _ in range(4000)]
SOUND = 2000
COMMAND = [sys.executable, "-m", "danlu", "clean"]
SETTINGS = ["--set", "collect.holdout.bytes=0", "--json"]


def sentence(drawn: random.Random) -> str:
    words = drawn.choices(WORDS, k=12)
    return f"The {' '.join(words[:6])} {drawn.choice(['of the', 'and to', 'that have', 'with'])} {' '.join(words[6:])}."


def write_sound(folder: Path) -> None:
    drawn = random.Random(0)
    with (folder / "sound.jsonl").open("w", encoding="utf-8") as file:
        for _ in range(SOUND):
            file.write(json.dumps({"text": " ".join(sentence(drawn) for _ in range(8))}) + "\n")


def write_line(folder: Path, size: int) -> None:
    with (folder / "line.jsonl").open("wb") as file:
        file.write(b'{"text": "')
        for _ in range(max(1, size >> 20)):
            file.write(b"x" * (1 << 20))
        file.write(b'"}\n')
    with (folder / "line.txt").open("wb") as file:
        for _ in range(max(1, size >> 20)):
            file.write(b"word " * ((1 << 20) // 5))


def write_bytes(folder: Path, size: int) -> None:
    drawn = random.Random(1)
    (folder / "binary.txt").write_bytes(drawn.randbytes(max(1000, size >> 6)))
    (folder / "nul.jsonl").write_bytes(
        json.dumps({"text": "A line\0 with NUL\0s in it, of a text that is otherwise sound."}).encode()
    )
    (folder / "nul.txt").write_bytes(b"\0" * max(1000, size >> 6))
    (folder / "broken.jsonl").write_bytes(b'{"text": "caf\xe9 \xff\xfe and more of it"}\n' * 100 + b'{"text": 1}\n{"text"\n')
    packed = gzip.compress(b"".join(json.dumps({"text": sentence(drawn)}).encode() + b"\n" for _ in range(5000)))
    (folder / "cut.jsonl.gz").write_bytes(packed[: len(packed) // 2])


def write_letters(folder: Path, count: int) -> None:
    (folder / "letters.txt").write_bytes(b"a\n" * count)
    (folder / "letters.jsonl").write_text("".join(f'{{"text": "{chr(97 + row % 26)}"}}\n' for row in range(count // 100)))


def copies(count: int) -> Iterator[str]:
    """A text of 200 words, one to three of which are others in each copy."""
    drawn = random.Random(2)
    words = [word for _ in range(9) for word in sentence(drawn).split()]
    for _ in range(count):
        text = list(words)
        for place in drawn.sample(range(len(text)), drawn.randrange(1, 4)):
            text[place] = f"{drawn.choice(WORDS)}{drawn.randrange(10**6)}"
        yield " ".join(text)


def write_copies(folder: Path, count: int) -> None:
    with (folder / "copies.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text}) + "\n" for text in copies(count))


def write_lines(folder: Path, count: int) -> None:
    drawn = random.Random(3)
    line = "Subscribe to our letter and never miss a story about the village by the river again."
    with (folder / "lines.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(
            json.dumps({"text": f"{sentence(drawn)} {row}\n{line}\n{sentence(drawn)}"}) + "\n" for row in range(count)
        )


def run_beside(write: Callable[[Path, int], None], size: int, *more: str) -> dict[str, Any]:
    """Clean the sound documents and the bad ones; what it took and what stayed. CalledProcessError if the command fails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "in"
        folder.mkdir()
        write_sound(folder)
        write(folder, size)
        command = [*COMMAND, str(folder), "--workspace", str(Path(name) / "w"), *SETTINGS, *more]
        start = time.perf_counter()
        with (
            subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
            peak_memory(process.pid) as peak,
        ):
            output, said = process.communicate()
        seconds = time.perf_counter() - start
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command, output, said)
        made = {stage: Path(path) for stage, path in json.loads(output.splitlines()[-1])["artifacts"].items()}
        facts = json.loads((made["clean.decide"] / "facts.json").read_text(encoding="utf-8"))
        card = json.loads((made["collect"] / "card.json").read_text(encoding="utf-8"))
        return {
            "seconds": round(seconds, 1),
            "megabytes_of_memory": round(peak.bytes / 1e6),
            "megabytes_of_input": round(sum(path.stat().st_size for path in folder.iterdir()) / 1e6, 1),
            "documents": facts["documents"],
            "sound_kept": facts["by_source"].get("in", {}).get("kept", facts["documents"]["kept"]),
            "quarantined": card.get("quarantine", {}),
            "reasons": {reason: entry["documents"] for reason, entry in facts["reasons"].items()},
            "units": facts.get("units"),
        }


def run_on_full_disk(size: int) -> dict[str, Any]:
    """A file system with too little room for the whole, then with enough: the first command must say so, the second end."""
    with tempfile.TemporaryDirectory() as name:
        folder, disk = Path(name) / "in", Path(name) / "disk"
        folder.mkdir()
        disk.mkdir()
        write_sound(folder)
        write_copies(folder, size)
        command = " ".join([*COMMAND, "--lang en", str(folder), "--workspace", str(disk / "w"), *SETTINGS])
        # A filler takes the room that the plan asked for, once the work has begun.
        script = f"""
            mount -t tmpfs -o size=1g tmpfs {disk} || exit 77
            (while [ ! -d {disk}/w/artifacts ]; do sleep 0.1; done; head -c 2G /dev/zero > {disk}/filler) 2>/dev/null &
            {command} > {name}/first 2> {name}/said; echo $? > {name}/status; wait
            rm -f {disk}/filler; mount -o remount,size=4g {disk}
            {command} > {name}/second 2> {name}/said-again; echo $? > {name}/status-again
        """
        done = subprocess.run(["unshare", "-Urm", "bash", "-c", script], env=environment(), check=False)
        if done.returncode == 77:
            return {"skipped": "no file system can be mounted here"}

        def said(of: str) -> str:
            return (Path(name) / of).read_text(encoding="utf-8")

        return {
            "status": int(said("status")),
            "said": [line.strip() for line in said("said").splitlines() if "Error" in line or "try:" in line],
            "status_again": int(said("status-again")),
            "traceback": "Traceback" in said("said") + said("said-again"),
        }


def cells(quick: bool) -> dict[str, Callable[[], Any]]:
    part = 100 if quick else 1
    return {
        "line": partial(run_beside, write_line, (1 << 30) // part),
        "bytes": partial(run_beside, write_bytes, (1 << 30) // part),
        "letters": partial(run_beside, write_letters, 10_000_000 // part),
        "copies": partial(run_beside, write_copies, 100_000 // part),
        "lines": partial(run_beside, write_lines, 100_000 // part, "--set", "clean.dedup.unit=line"),
        "disk": partial(run_on_full_disk, 100_000 // part),
    }


def goals(results: dict[str, Any]) -> dict[str, Any]:
    beside = {name: cell for name, cell in results.items() if isinstance(cell, dict) and "documents" in cell}
    wanted = {f"{name}: megabytes of memory": goal(1500, cell["megabytes_of_memory"]) for name, cell in beside.items()}
    disk = results["disk"]
    if "skipped" not in disk:
        wanted["disk: status of the second command"] = goal(0, disk["status_again"])
    return wanted


def main() -> None:
    os.environ.setdefault("PYTHONHASHSEED", "random")
    options = arguments(__doc__ or "", cells=True)
    run_cells("faults", cells(options.quick), options, (), goals)


if __name__ == "__main__":
    main()
