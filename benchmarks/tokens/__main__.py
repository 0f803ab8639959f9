"""The claims of tokens: training and encoding beside `tokenizers` and tiktoken, the loader of each objective, packing, memory.

Speeds are of real text (`texts`), in processes of their own on one and two cores; what is timed of a peer is its call alone, of
danlu also making NumPy arrays. Ids are compared document by document. tiktoken has a pattern made from danlu's three
(`encoders`); it trains no vocabularies but by an example in plain Python. Peers are taken from the environment that this runs
in; the result says which were missing.

Full: about 15 minutes on two cores and 10 GB of disk for a while. Each cell is kept for its commit, so a stopped run goes on
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

import numpy as np

from benchmarks.alone import alone
from benchmarks.cells import run_cells
from benchmarks.common import arguments, goal, version_of
from benchmarks.tokens import loader, packing
from benchmarks.tokens.encoders import ENCODERS, encode_texts
from benchmarks.tokens.memory import encoding_memory
from benchmarks.tokens.stages import encode_stage, train_plain, train_stage
from benchmarks.tokens.texts import write_texts

PEERS = ("tokenizers", "tiktoken", "gigatoken", "pyarrow", "torch", "transformers")
CORES = (1, 2)
KINDS = ("bpe", "wordpiece", "unigram")
UNIGRAM = {"sample": "1MB"}, {"sample": "100KB"}  # of 8 MB it would train for minutes
REPEATS = 5  # of what takes a second
TIMES, MEMORY = 100, 300  # the goals: the loader's tokens to training's; megabytes from the smallest text to the largest


class Bench:
    """All cells over one folder for files; the text and the tokenizer are made when a cell first needs them."""

    def __init__(self, work: Path, quick: bool) -> None:
        self.work, self.quick = work, quick
        self.texts = work / "texts"
        self.settings = {"vocabulary": 2048, "sample": "500KB"} if quick else {}

    @cached_property
    def text(self) -> dict[str, Any]:
        return write_texts(self.texts, 3_000_000 if self.quick else 100_000_000)

    @cached_property
    def tokenizer(self) -> Path:
        _ = self.text
        path = self.work / "tokenizer"
        alone(train_stage, len(os.sched_getaffinity(0)), texts=self.texts, output=path, settings=self.settings)
        return path

    @cached_property
    def ours(self) -> Path:
        """Digests of danlu's ids."""
        path = self.work / "ours.npy"
        alone(encode_texts, 2, encoder="danlu", tokenizer=self.tokenizer, documents=self.texts / "documents", digests=path)
        return path

    def train(self, kind: str, cores: int) -> dict[str, Any]:
        _ = self.text
        settings = self.settings | {"type": kind} | (UNIGRAM[self.quick] if kind == "unigram" else {})
        found, _ = alone(train_stage, cores, texts=self.texts, output=self.work / f"train-{kind}-{cores}", settings=settings)
        return dict(found)

    def train_plain(self, cores: int) -> dict[str, Any]:
        _ = self.text
        return dict(alone(train_plain, cores, texts=self.texts, settings=self.settings)[0])

    def encode(self, encoder: str, cores: int) -> dict[str, Any]:
        path = self.work / "theirs.npy"
        found = [
            alone(
                encode_texts, cores, encoder=encoder, tokenizer=self.tokenizer,
                documents=self.texts / "documents", digests=path,
            )[0]
            for _ in range(REPEATS if encoder == "danlu" and not self.quick else 1)
        ]  # fmt: skip
        return self.compared(found, path)

    def encode_stage(self, cores: int) -> dict[str, Any]:
        path, output, found = self.work / "theirs.npy", self.work / "store", []
        for _ in range(1 if self.quick else REPEATS):
            found.append(alone(encode_stage, cores, texts=self.texts, tokenizer=self.tokenizer, output=output, digests=path)[0])
            shutil.rmtree(output)
        return self.compared(found, path)

    def compared(self, found: list[dict[str, Any]], digests: Path) -> dict[str, Any]:
        """The run of median speed, and the share of the documents whose ids are danlu's."""
        middle = sorted(found, key=lambda one: one["seconds"])[len(found) // 2]
        ours, theirs = np.load(self.ours), np.load(digests)
        return {**middle, "runs": len(found), "equal": float((ours == theirs).mean()) if len(ours) == len(theirs) else 0.0}

    def memory(self, megabytes: float) -> dict[str, Any]:
        return encoding_memory(self.texts, self.text["megabytes"], self.tokenizer, self.work / "memory", megabytes)

    def pack(self) -> dict[str, Any]:
        found, pss = alone(packing.packing, 1, documents=200_000 if self.quick else 10_000_000)
        return {**found, "pss_megabytes": pss / 1e6}

    def cells(self) -> dict[str, Callable[[], Any]]:
        cells: dict[str, Callable[[], Any]] = {"text": lambda: self.text}
        cores = [number for number in CORES if number <= len(os.sched_getaffinity(0))]
        for number in cores[-1:] if self.quick else cores:
            for kind in KINDS:
                cells[f"train {kind} {number}"] = lambda kind=kind, number=number: self.train(kind, number)
            cells[f"train plain {number}"] = lambda number=number: self.train_plain(number)
            for encoder in ENCODERS:
                if encoder != "tiktoken" or version_of("tiktoken"):
                    cells[f"encode {encoder} {number}"] = lambda encoder=encoder, number=number: self.encode(encoder, number)
            cells[f"encode stage {number}"] = lambda number=number: self.encode_stage(number)
        cells["loader"] = lambda: alone(loader.measure, len(os.sched_getaffinity(0)), quick=self.quick)[0]
        cells["packing"] = self.pack
        small = self.quick
        cells["alike"] = lambda: alone(packing.alike, 1, documents=20_000 if small else 1_000_000)[0]
        cells["mixture"] = lambda: alone(packing.mixture, 1, documents=50_000 if small else 1_000_000)[0]
        cells["export"] = lambda: alone(packing.exporting, 1, documents=20_000 if small else 500_000)[0]
        for megabytes in (3, 9) if self.quick else (100, 1000, 10_000):
            cells[f"memory {megabytes} MB"] = lambda megabytes=megabytes: self.memory(megabytes)
        return cells


def goals_of(results: dict[str, Any]) -> dict[str, Any]:
    most = max(number for number in CORES if f"encode danlu {number}" in results)
    speeds = {
        "": results[f"encode danlu {most}"], ", the whole stage": results[f"encode stage {most}"],
        **{f", the whole stage, {name}": one for name, one in results.items() if name == "memory 1000 MB"},
    }  # fmt: skip
    theirs = {name: results[f"encode tokenizers {name} {most}"] for name in ("encode_batch", "encode_batch_fast")}
    plans = [entry for entry in results["packing"].values() if isinstance(entry, dict)]
    memory = [entry["pss_megabytes"] for name, entry in results.items() if name.startswith("memory")]
    views, training = results["loader"]["views"], max(results["loader"]["training"].values())
    return {
        **{
            f"times encode_batch on {most} cores{what}": goal(
                20, one["megabytes_per_second"] / theirs["encode_batch"]["megabytes_per_second"], higher=True
            )
            for what, one in speeds.items()
        },
        "share of documents with the ids of tokenizers": goal(1, min(each["equal"] for each in theirs.values()), higher=True),
        **{
            f"loader, {name}, times training": goal(TIMES, each["median"] / training, higher=True)
            for name, each in views.items()
        },
        "largest share of a core that a loader takes": goal(0.01, training / min(each["median"] for each in views.values())),
        "least share of places that are no padding": goal(0.99, min(plan["fill"] for plan in plans), higher=True),
        f"seconds to plan {results['packing']['documents']:,} documents": goal(60, max(plan["seconds"] for plan in plans)),
        "most windows of a step off its weight": goal(2, results["mixture"]["worst_step_in_windows"]),
        "megabytes from the smallest text to the largest": goal(MEMORY, max(memory) - min(memory)),
    }


def main() -> None:
    options = arguments(__doc__ or "", cells=True)
    with tempfile.TemporaryDirectory() as folder:
        run_cells("tokens", Bench(Path(folder), options.quick).cells(), options, PEERS, goals_of)


if __name__ == "__main__":
    main()
