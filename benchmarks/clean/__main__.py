"""The claims of clean: scores, near repeats, the whole command, beside datatrove, rensa and datasketch; memory and cores.

Every speed is of real text (`texts`), in megabytes of UTF-8 a second on one core, from Parquet to Parquet. The peers do the
same steps on the same documents, one after the other in this run, on one core each, in processes of their own; reading their
dictionaries is not timed. `danlu clean` is timed as a user types it, starting included. How long kernels compile, once on a
machine, is a number of its own. Peers are taken from the environment that this runs in; the result says which were missing.

Full: about 40 minutes on two cores and 25 GB of disk for a while. Each cell is kept for its commit, so a stopped run goes on
where it was; `--only` measures those whose names begin with what it says, and prints them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.alone import alone
from benchmarks.cells import run_cells
from benchmarks.clean import peers, stages, texts
from benchmarks.clean.agreement import agreement
from benchmarks.clean.command import clean
from benchmarks.common import arguments, goal, version_of

PEERS = ("datatrove", "rensa", "datasketch")
LANGUAGES = {"en": "eng", "zh": "zho"}  # ours, datatrove's
# What datatrove's filters and MinHash do, ours beside it: the same rules, bands, rows and threshold.
ALIKE = ("clean.preset=fineweb", "clean.dedup.bands=fineweb")
BUDGET = 1000  # megabytes for near repeats, where memory is measured
MEMORY = 300


class Bench:
    """All cells over one folder for files; the text is made when a cell first needs it."""

    def __init__(self, work: Path, quick: bool) -> None:
        self.work, self.quick = work, quick
        self.cores = len(os.sched_getaffinity(0))

    @cached_property
    def text(self) -> dict[str, Any]:
        found = texts.write_real(self.work, 3_000_000 if self.quick else 100_000_000)
        for name in LANGUAGES:  # what peers can read in minutes
            least = texts.first(
                self.work / f"{name}.parquet", self.work / f"{name}-peers.parquet", 300_000 if self.quick else 25_000_000
            )
            found[name]["megabytes_of_peers"] = least
        return found

    def new(self, name: str) -> Path:
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def compiling(self) -> dict[str, float]:
        """Seconds that the first `danlu clean` on a machine takes longer than the second, on a text of a few lines."""
        few = self.work / "few.parquet"
        texts.write(few, iter(["A text of one line, and no more than that.", "一行文字，没有别的。"]))
        cache = self.new("cache")
        kept = os.environ.get("XDG_CACHE_HOME")
        os.environ["XDG_CACHE_HOME"] = str(cache)
        try:
            first, second = (clean(few, self.new(f"compile-{number}"), 1)["seconds"] for number in (1, 2))
        finally:
            os.environ.pop("XDG_CACHE_HOME")
            os.environ.update({"XDG_CACHE_HOME": kept} if kept else {})
        return {"first": first, "second": second, "compiling": first - second}

    def whole(self, language: str, cores: int) -> dict[str, Any]:
        """`danlu clean` of all text of a language by the default preset."""
        megabytes = self.text[language]["megabytes"]
        found = clean(self.work / f"{language}.parquet", self.new(f"clean-{language}-{cores}"), cores)
        return {**found, "megabytes_per_second": megabytes / found["seconds"]}

    def learned(self, language: str) -> dict[str, Any]:
        """The same with a language model and a classifier, which learn from some megabytes first."""
        megabytes = self.text[language]["megabytes"]
        folder, file = self.new(f"learned-{language}"), self.work / f"{language}.parquet"
        good, bad = folder / "good.parquet", folder / "bad.parquet"
        texts.first(file, good, 300_000 if self.quick else 5_000_000)
        texts.write_mixed(bad, [file], 100_000 if self.quick else 2_000_000)
        sources = {name: f"[{{type: files, path: {path}}}]" for name, path in (("good", good), ("bad", bad))}
        settings = (
            f"clean.language_model={{sample: {sources['good']}}}",
            f"clean.classifier={{good: {sources['good']}, bad: {sources['bad']}}}",
        )
        found = clean(file, folder / "workspace", 1, *settings)
        scores = found["stages"]["clean.score"]
        return {**found, "megabytes_per_second": megabytes / found["seconds"], "scores_per_second": megabytes / scores}

    def stage(self, function: Callable[..., Any], language: str, **settings: Any) -> dict[str, float]:
        """A stage alone, of what `clean.normalise` leaves."""
        _ = self.text
        made = clean(self.work / f"{language}.parquet", self.new("stage-input"), self.cores)["artifacts"]["clean.normalise"]
        return dict(alone(function, 1, documents=made, output=self.new("stage"), settings=settings)[0])

    def beside(self, language: str) -> dict[str, Any]:
        """datatrove's two steps, and `danlu clean` by the same rules, of the same documents."""
        megabytes = self.text[language]["megabytes_of_peers"]
        file = self.work / f"{language}-peers.parquet"
        theirs = {
            step.__name__: alone(step, 1, file=file, work=self.new(step.__name__), language=LANGUAGES[language])[0]
            for step in (peers.datatrove_filters, peers.datatrove_minhash)
        }
        ours = clean(file, self.new("beside"), 1, *ALIKE)
        taken = sum(step["seconds"] for step in theirs.values())
        return {
            "megabytes": megabytes, **theirs, "datatrove": megabytes / taken, "danlu": megabytes / ours["seconds"],
            "stages": ours["stages"], "ratio": taken / ours["seconds"],
        }  # fmt: skip

    def agreement(self, language: str) -> dict[str, Any]:
        """Verdicts beside datatrove's, rule by rule."""
        _ = self.text
        return agreement(str(self.work / f"{language}-peers.parquet"), language, 200 if self.quick else 2000)

    def sketches(self, function: Callable[..., Any], language: str) -> dict[str, Any]:
        megabytes = self.text[language]["megabytes_of_peers"]
        found, _ = alone(function, 1, file=self.work / f"{language}-peers.parquet", language=language)
        return {**found, "megabytes_per_second": megabytes / found["seconds"]}

    def memory(self, size: int) -> dict[str, Any]:
        """`danlu clean` of so many bytes on all cores."""
        _ = self.text
        file = self.work / "mixed.parquet"
        texts.write_mixed(file, [self.work / f"{name}.parquet" for name in LANGUAGES], size)
        workspace = self.new("memory")
        found = clean(file, workspace, self.cores, f"clean.dedup.memory={BUDGET}MB")
        shutil.rmtree(workspace)
        file.unlink()
        return {name: found[name] for name in ("seconds", "stages", "megabytes_of_memory")} | {"megabytes": size / 1e6}

    def cells(self) -> dict[str, Callable[[], Any]]:
        cells: dict[str, Callable[[], Any]] = {"text": lambda: self.text, "compiling": self.compiling}
        for name in LANGUAGES:
            cells[f"scores {name}"] = lambda name=name: self.stage(stages.score_stage, name)
            cells[f"pairs {name}"] = lambda name=name: self.stage(stages.pairs_stage, name)
            for cores in range(1, self.cores + 1):
                cells[f"clean {name} {cores}"] = lambda name=name, cores=cores: self.whole(name, cores)
            cells[f"learned {name}"] = lambda name=name: self.learned(name)
            if version_of("datatrove"):
                cells[f"datatrove {name}"] = lambda name=name: self.beside(name)
                cells[f"agreement {name}"] = lambda name=name: self.agreement(name)
            for function in (peers.rensa, peers.datasketch):
                if version_of(function.__name__):
                    cells[f"{function.__name__} {name}"] = lambda name=name, function=function: self.sketches(function, name)
        for size in (3_000_000, 6_000_000) if self.quick else (10**8, 10**9, 10**10):
            cells[f"memory {size // 10**6} MB"] = lambda size=size: self.memory(size)
        return cells


def goals_of(results: dict[str, Any]) -> dict[str, Any]:
    speed = "megabytes_per_second"
    memory = [entry for name, entry in results.items() if name.startswith("memory")]
    goals = {
        "MB/s a core, all scores, English": goal(60, results["scores en"][speed], higher=True),
        "MB/s a core, all scores, Chinese": goal(40, results["scores zh"][speed], higher=True),
        **{f"MB/s a core, near repeats, {name}": goal(30, results[f"pairs {name}"][speed], higher=True) for name in LANGUAGES},
        "MB/s a core, danlu clean, English": goal(12, results["clean en 1"][speed], higher=True),
        "MB/s a core, danlu clean, Chinese": goal(8, results["clean zh 1"][speed], higher=True),
        **{
            f"MB/s a core, scores with models, {name}": goal(15, results[f"learned {name}"]["scores_per_second"], higher=True)
            for name in LANGUAGES
        },
        **{
            f"MB/s a core, danlu clean with models, {name}": goal(6, results[f"learned {name}"][speed], higher=True)
            for name in LANGUAGES
        },
        **{
            f"times datatrove, {name}": goal(50, results[f"datatrove {name}"]["ratio"], higher=True)
            for name in LANGUAGES
            if f"datatrove {name}" in results
        },
        "most megabytes of memory": goal(BUDGET + MEMORY, max(entry["megabytes_of_memory"] for entry in memory)),
    }
    if "clean en 2" in results:
        for name in LANGUAGES:
            ratio = results[f"clean {name} 2"][speed] / results[f"clean {name} 1"][speed]
            goals[f"two cores to one, {name}"] = goal(1.8, ratio, higher=True)
    return goals


def main() -> None:
    options = arguments(__doc__ or "", cells=True)
    with tempfile.TemporaryDirectory() as folder:
        run_cells("clean", Bench(Path(folder), options.quick).cells(), options, PEERS, goals_of)


if __name__ == "__main__":
    main()
