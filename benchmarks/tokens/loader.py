"""The loader: each objective's batches from a store on disk, beside what training uses up.

Real reviews in two languages, in one memory-mapped store with where words begin; one thread makes batches for each objective,
in turn, several times over, and the median counts. What training uses up is measured beside it on all cores, as danlu trains: a
BERT and a GPT of the size tiny, in bf16 where the machine can, and in the full run compiled where it can.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.material import VOCABULARY, chinese, make_tokenizer, reviews
from danlu.compute.machine import Machine
from danlu.models.build import build_config, build_model
from danlu.recipe.pretrain import ModelConfig
from danlu.tokens.encoding import plain_tokenizer, reference_encoder
from danlu.tokens.packing import CAUSAL, MASKED, PLAIN, Marks
from danlu.tokens.pieces import token_bytes
from danlu.tokens.special import BOS_ID, CLS_ID
from danlu.tokens.store import StoreWriter, TokenBatch, TokenStore, write_header
from danlu.tokens.words import WordTable
from danlu.training.apart import DocumentsApart
from danlu.training.compiling import compile_layers
from danlu.training.language import CausalObjective, MaskedObjective
from danlu.training.masking import Manner
from danlu.training.objective import Objective
from danlu.training.optimizer import build_optimizer
from danlu.training.plan import TrainPlan
from danlu.training.spans import span_batch, span_lengths
from danlu.training.step import take_step, threads_of
from danlu.training.windows import WindowSource

LENGTH, WINDOWS = 128, 8  # 1024 tokens a step, as on two cores


def make_store(directory: Path, documents: int) -> tuple[TokenStore, WordTable]:
    """Reviews of both languages in turn, with the beginnings of words as the tokens tell them."""
    tokenizer = make_tokenizer(directory / "tokenizer")
    texts = list(islice(chain.from_iterable(zip(reviews(), chinese(), strict=False)), documents))
    tokens, lengths = reference_encoder(plain_tokenizer(tokenizer))(texts)
    table, nothing = WordTable.of(token_bytes(tokenizer)), np.zeros(len(texts), np.uint8)
    sizes = np.array([len(text.encode()) for text in texts])
    with StoreWriter(directory, "<u2", words=True) as writer:
        writer.append(TokenBatch(tokens, lengths, nothing, nothing, sizes, table.starts(tokens.astype(np.int64))))
    write_header(directory, dtype="<u2", sources=["a"], languages=["a"], tokenizer_digest="", words="tokens")
    return TokenStore.open(directory), table


def views(store: TokenStore, table: WordTable) -> dict[str, Callable[[int], int]]:
    """Name of an objective -> what makes the batch of a step and gives the positions in it."""
    words = {"words": table, "manner": Manner(ngram=3)}
    masked = MaskedObjective(VOCABULARY, 0.3, 0)

    def source(marks: Marks, length: int = LENGTH, *, bits: bool = False) -> WindowSource:
        return WindowSource(store.tokens, store.ends, length, marks, WINDOWS, WINDOWS, 0, store.words if bits else None)

    def collated(source: WindowSource, objective: Objective[Any]) -> Callable[[int], int]:
        def make(step: int) -> int:
            parts = source.batches(0, step % source.steps_per_epoch)
            return sum(objective.collate(part)["input_ids"].numel() for part in parts)

        return make

    raw, said = span_lengths(LENGTH)
    spans = source(PLAIN, raw)

    def span(step: int) -> int:
        batch = span_batch(spans.batches(0, step % spans.steps_per_epoch)[0], 0, shape=(LENGTH, said))
        return batch["input_ids"].numel()  # what it reads; what it says is not counted

    return {
        "masked": collated(source(MASKED), masked),
        "masked, whole words": collated(source(MASKED, bits=True), MaskedObjective(VOCABULARY, 0.3, 0, words=table)),
        "masked, runs of words": collated(source(MASKED, bits=True), MaskedObjective(VOCABULARY, 0.3, 0, **words)),
        "masked, runs of words without the column": collated(source(MASKED), MaskedObjective(VOCABULARY, 0.3, 0, **words)),
        "masked, documents apart": collated(source(MASKED), DocumentsApart(masked, CLS_ID, causal=False)),
        "causal": collated(source(CAUSAL), CausalObjective()),
        "causal, documents apart": collated(source(CAUSAL), DocumentsApart(CausalObjective(), BOS_ID, causal=True)),
        "spans": span,
    }


def rate(make: Callable[[int], int], seconds: float) -> float:
    """Positions a second of one thread's time, after the first batches."""
    for step in range(3):
        make(step)
    total, step, before = 0, 0, time.thread_time()
    while (spent := time.thread_time() - before) < seconds:
        total, step = total + make(step), step + 1
    return total / spent


def training_rate(store: TokenStore, family: Any, steps: int, machine: Machine, *, compiled: bool) -> float:
    """Positions a second in training, the median of the steps."""
    model = build_model(build_config(ModelConfig(family=family, size="tiny"), VOCABULARY, LENGTH, 0.0), 0).train()
    if compiled:
        compile_layers(model)
    precision: Any = "bf16" if machine.bf16 else "fp32"
    plan = TrainPlan(steps=steps, learning_rate=1e-3, weight_decay=0.1, threads=machine.cores, precision=precision)
    optimizer = build_optimizer("adamw", model, plan.learning_rate, plan.weight_decay, plan.beta2)
    masked = family == "bert"
    objective: Objective[Any] = MaskedObjective(VOCABULARY, 0.3, 0) if masked else CausalObjective()
    source = WindowSource(store.tokens, store.ends, LENGTH, MASKED if masked else CAUSAL, WINDOWS, WINDOWS, 0)
    found = []
    with threads_of(plan.threads):
        for step in range(steps):
            before = time.perf_counter()
            done = take_step(model, optimizer, objective, source.batches(0, step), plan, step)
            found.append(done.tokens / (time.perf_counter() - before))
    return statistics.median(found[2:])


def measure(quick: bool) -> dict[str, Any]:
    rounds, seconds, steps = (3, 0.1, 6) if quick else (5, 1.0, 60)
    with tempfile.TemporaryDirectory() as folder:
        store, table = make_store(Path(folder), 400 if quick else 6000)
        made: dict[str, list[float]] = {name: [] for name in views(store, table)}
        for _ in range(rounds):
            for name, make in views(store, table).items():
                made[name].append(rate(make, seconds))
        machine = Machine.probe()
        compiled = machine.compiler is not None and not quick
        trained = {family: training_rate(store, family, steps, machine, compiled=compiled) for family in ("bert", "gpt")}
    return {
        "views": {name: {"median": round(statistics.median(each)), "least": round(min(each))} for name, each in made.items()},
        "training": {family: round(each) for family, each in trained.items()}, "compiled": compiled,
        "tokens": len(store.tokens), "windows_a_step": WINDOWS, "length": LENGTH,
    }  # fmt: skip
