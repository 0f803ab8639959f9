"""danlu's two stages of tokenize as a run calls them, and what one would otherwise train a tokenizer with."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.alone import most_rss
from benchmarks.tokens.encoders import store_digests
from danlu.recipe.tokenize import TokenizeConfig
from danlu.tokenize.encode import encode
from danlu.tokenize.sample import bytes_by_language, sample
from danlu.tokenize.train import train
from danlu.tokens.store import TokenStore
from danlu.workspace.artifact import Artifact
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run


class Taken(NamedTuple):
    seconds: float
    cpu_seconds: float


def run_of(stage: str, output: Path) -> Run:
    output.mkdir(parents=True)
    return Run(stage=stage, output=output, ledger=Ledger(output / "ledger.sqlite", stage))


def train_stage(texts: str, output: str, settings: dict[str, Any]) -> dict[str, float]:
    """`tokenize.train` with its defaults but `settings`: drawing the sample, training, measuring."""
    run = run_of("tokenize.train", Path(output))
    documents, config = Artifact("clean.decide", "", Path(texts)), TokenizeConfig.model_validate(settings)
    taken = timed(lambda: train(documents, config=config, run=run))
    return rate(taken, run.counts["sample_bytes"])


def train_plain(texts: str, settings: dict[str, Any]) -> dict[str, float]:
    """`ByteLevelBPETokenizer` of tokenizers with its defaults, GPT-2's, on the sample that danlu draws."""
    from tokenizers import ByteLevelBPETokenizer

    config, documents = TokenizeConfig.model_validate(settings), Path(texts) / "documents"
    drawn = [text for _, text in sample(documents, bytes_by_language(documents), config.sample)]
    taken = timed(lambda: ByteLevelBPETokenizer().train_from_iterator(iter(drawn), config.vocabulary, show_progress=False))
    return rate(taken, sum(len(text.encode()) for text in drawn))


def encode_stage(texts: str, tokenizer: str, output: str, digests: str = "") -> dict[str, float]:
    """`tokenize.encode`, from Parquet to a store; a digest of the ids of each document where it is asked for."""
    run = run_of("tokenize.encode", Path(output))
    documents, trained = Artifact("clean.decide", "", Path(texts)), Artifact("tokenize.train", "", Path(tokenizer))
    taken = timed(lambda: encode(documents, trained, config=TokenizeConfig(), run=run))
    held = most_rss()
    store = TokenStore.open(run.output / "train")
    if digests:
        np.save(digests, store_digests(store))
    found = {"documents": len(store), "tokens": len(store.tokens), "rss_megabytes": held / 1e6}
    return rate(taken, int(store.header["bytes"])) | found


def timed(work: Callable[[], Any]) -> Taken:
    """Seconds of the clock, and of all cores together."""
    start, before = time.perf_counter(), time.process_time()
    work()
    return Taken(time.perf_counter() - start, time.process_time() - before)


def rate(taken: Taken, size: int) -> dict[str, float]:
    return {**taken._asdict(), "megabytes": size / 1e6, "megabytes_per_second": size / 1e6 / taken.seconds}
