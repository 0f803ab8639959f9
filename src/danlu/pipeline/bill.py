"""What a run will cost: seconds a stage, from the size of its work and the rates of this machine.

Rates are measured: each finished stage leaves seconds per unit of work in `rates.json` of the user's cache directory, and
the next plan on this machine uses them. Before the first run, the shipped rates (two cores of an AMD EPYC with AVX2) are
scaled by a calibration of a tenth of a second.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from danlu.collect.locate import source_bytes, text_bytes
from danlu.compute.machine import Machine
from danlu.compute.machine_code import is_compiled
from danlu.models.locate import CONFIG, WEIGHTS, LocatedModel, locate_model
from danlu.models.shapes import PARAMETERS
from danlu.pipeline.graph import Node
from danlu.pretrain.settings import batch_tokens
from danlu.recipe.collect import MOST_HELD_OUT, CollectConfig
from danlu.recipe.datasets import DatasetConfig
from danlu.recipe.evaluate import EvaluateConfig
from danlu.recipe.finetune import FinetuneConfig
from danlu.recipe.learned import ClassifierConfig, LanguageModelConfig
from danlu.recipe.pretrain import PretrainConfig
from danlu.recipe.schema import Recipe
from danlu.recipe.tokenize import TokenizeConfig
from danlu.workspace.cache import user_cache
from danlu.workspace.errors import DanluError
from danlu.workspace.files import read_json, write_json

CALIBRATION = "calibration"  # its name among the rates that are kept: it is made once
TRY_SECONDS = 0.007  # what a try of `calibrate` takes on the machine of the shipped rates
TRIES = 12
NOISE = 1.4
# On that machine too. Importing torch, building models, saving; the fall follows in a process that has torch already.
FIXED_SECONDS = {"pretrain.trunk": 8.0, "pretrain.decay": 3.0, "finetune": 8.0, "evaluate.models": 8.0}
FIXED_ELSEWHERE = 2.0  # importing, reading, writing
# Compiling its kernels, on a machine that never has; a later stage finds what an earlier one compiled.
COMPILE_SECONDS = {
    "dataset": 6.0, "collect": 6.0, "clean.language_model": 3.0, "clean.classifier": 4.0,
    "clean.normalise": 4.0, "clean.score": 13.0, "clean.pairs": 3.5, "clean.search": 2.0,
    "clean.units": 1.0, "clean.decide": 0.5,
}  # fmt: skip
READING = ("dataset", "collect")
"""Stages of the same kernels: the first of them compiles them."""
LEAST_RATIO = 3.0  # a stage that ended sooner than so many times its fixed costs showed those, not its rate
STRANGEST = 8.0  # a rate so many times off the expected one shows something else than the speed of this machine

# Seconds per unit of work on the machine of the shipped rates; the units are those of `work`.
RATES = {
    "dataset": 0.14,
    "collect": 0.055,
    "clean.language_model": 0.15,
    "clean.classifier": 0.25,
    "clean.normalise": 0.05,
    "clean.score": 0.115,
    "clean.pairs": 0.03,
    "clean.search": 0.03,
    "clean.units": 0.015,
    "clean.decide": 0.015,
    "tokenize.train": 1.45,
    "tokenize.encode": 0.003,
    "pretrain.trunk": 9.0,
    "pretrain.decay": 9.0,
    "finetune": 8.0,
    "evaluate.baselines": 0.85,
    "evaluate.models": 1.1,
}


@dataclass(frozen=True)
class Estimate:
    """Seconds a node will take; `fixed` if a budget says so; `work` in the units of its rate."""

    seconds: float
    work: float
    fixed: bool = False


def calibrate() -> float:
    """How many times slower than the reference machine this one is, by plain Python and hashing: the best of many tries,
    since whatever else the machine does makes them longer, never shorter. Within the noise of that, shared machines change
    their speed by a third from second to second, it is 1."""
    factor = min(_try() for _ in range(TRIES)) / TRY_SECONDS
    return factor if max(factor, 1 / factor) > NOISE else 1.0


def _try() -> float:
    start = time.perf_counter()
    total = 0
    for number in range(75_000):
        total += number * number % 7
    state = hashlib.sha256()
    for _ in range(3):
        state.update(b"x" * 500_000)
    return time.perf_counter() - start


def rates_path() -> Path:
    return user_cache() / "rates.json"


@dataclass(frozen=True)
class Rates:
    """How fast a machine is: seconds per unit of work by stage, and how many times slower than the one of the shipped rates."""

    per_unit: Mapping[str, float]
    slower: float
    compiled: bool = True  # whether kernels were compiled here before

    def fixed(self, stage: str) -> float:
        """Seconds that a stage takes whatever its work, less compiling."""
        return self.slower * FIXED_SECONDS.get(stage, FIXED_ELSEWHERE)

    def compiling(self, stage: str) -> float:
        """Seconds that it takes to compile kernels, if it must."""
        return 0.0 if self.compiled else self.slower * COMPILE_SECONDS.get(stage, 0.0)


def rates(path: Path | None = None) -> Rates:
    """Of this machine: measured where there is a measurement, else shipped and scaled."""
    found = rates_path() if path is None else path
    measured = _read_rates(found)
    slower = measured.pop(CALIBRATION, None)
    if slower is None:
        slower = calibrate()
        _write_rates(found, {**measured, CALIBRATION: slower})
    return Rates({**{stage: rate * slower for stage, rate in RATES.items()}, **measured}, slower, is_compiled())


def _read_rates(path: Path) -> dict[str, float]:
    """What is kept of this machine; nothing where there is nothing, or no sense in it."""
    try:
        return {str(stage): float(rate) for stage, rate in read_json(path).items()} if path.exists() else {}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write_rates(path: Path, known: Mapping[str, float]) -> None:
    with suppress(OSError):  # a cache that cannot be written is no reason to fail
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, dict(known))


def remember_rate(stage: str, seconds: float, work: float, path: Path | None = None) -> None:
    """Keep what a finished stage showed of this machine: the mean of the old rate and the new one."""
    found = rates_path() if path is None else path
    fixed = rates(found).fixed(stage)
    if work <= 0 or seconds < LEAST_RATIO * fixed:
        return
    rate = (seconds - fixed) / work
    if 1 / STRANGEST < rate / RATES[stage] < STRANGEST:
        known = _read_rates(found)
        _write_rates(found, {**known, stage: (known[stage] + rate) / 2 if stage in known else rate})


def estimate(recipe: Recipe, nodes: Mapping[str, Node], base: Path, known: Rates) -> dict[str, Estimate]:
    """An estimate for every node, before anything has run."""
    amounts = measure_text(recipe, base)
    found = {}
    reading = next((name for name, node in nodes.items() if node.stage.name in READING), None)
    for name, node in nodes.items():
        config = node.config
        if isinstance(config, FinetuneConfig):
            config = recipe.finetune[node.own]  # its `from` as it is written
        if isinstance(config, PretrainConfig) and config.budget.unit == "seconds":
            seconds = _part(config, node.stage.name) * config.budget.amount
            found[name] = Estimate(seconds, seconds, fixed=True)
            continue
        amount = work(config, node.stage.name, recipe, base, amounts)
        stage = node.stage.name
        seconds = known.fixed(stage) + amount * known.per_unit[stage]
        if stage not in READING or name == reading:
            seconds += known.compiling(stage)
        found[name] = Estimate(seconds, amount)
    return found


@dataclass(frozen=True)
class Amounts:
    """Megabytes, before anything is read: the files of each dataset and the text in them, those of `collect` and its text, that
    also by the names that a mixture has for its sources."""

    dataset_files: Mapping[str, float]
    dataset_text: Mapping[str, float]
    files: float
    sources: Mapping[str, float]

    @property
    def text(self) -> float:
        return sum(self.sources.values())

    def text_of(self, mixture: Mapping[str, float] | None) -> float:
        """The text of all sources, or of those that a mixture reads."""
        return sum(size for name, size in self.sources.items() if mixture is None or mixture.get(name))


def measure_text(recipe: Recipe, base: Path) -> Amounts:
    """How much there is to read, by the sizes of files."""
    files = {name: source_bytes(config, base) / 1e6 for name, config in recipe.datasets.items()}
    by_source = {name: _megabytes(text_bytes(config, base)) for name, config in recipe.datasets.items()}
    texts = {name: sum(sizes.values()) for name, sizes in by_source.items()}
    if recipe.collect is None:
        return Amounts(files, texts, 0.0, {})
    again = [source.dataset for source in recipe.collect.sources if source.type == "dataset"]
    sources = _megabytes(text_bytes(recipe.collect, base))
    sources |= {f"{dataset}/{name}": size for dataset in again for name, size in by_source[dataset].items()}
    read = source_bytes(recipe.collect, base) / 1e6 + sum(texts[dataset] for dataset in again)
    return Amounts(files, texts, read, sources)


def _megabytes(sizes: Mapping[str, int]) -> dict[str, float]:
    return {name: size / 1e6 for name, size in sizes.items()}


def work(config: object, stage: str, recipe: Recipe, base: Path, amounts: Amounts) -> float:
    """Units of work of a node: megabytes of text for data stages; for models 10^12 operations (6 N a token learned from,
    2 N a token read, for N parameters)."""
    if isinstance(config, DatasetConfig):
        return sum(size for name, size in amounts.dataset_files.items() if recipe.datasets[name] is config)
    if isinstance(config, TokenizeConfig) and stage == "tokenize.train":
        if config.start is not None:
            return TAKING * min(config.sample / 1e6, amounts.text)
        trainings = 2 if config.vocabulary == "auto" else 1
        return trainings * TRAINING[config.type] * min(config.sample / 1e6, amounts.text)
    if isinstance(config, PretrainConfig):
        return _part(config, stage) * _pretrain_work(config, amounts.text_of(config.mixture))
    if isinstance(config, FinetuneConfig):
        return _finetune_work(config, recipe, base, amounts.dataset_text[config.dataset])
    if isinstance(config, EvaluateConfig):
        return _evaluate_work(recipe, stage, amounts)
    if isinstance(config, CollectConfig) and config is not recipe.collect:
        return source_bytes(config, base) / 1e6
    if isinstance(config, LanguageModelConfig | ClassifierConfig):
        of = stage.removeprefix("clean.")
        return sum(source_bytes(read, base) for name, read in recipe.clean.examples().items() if name.startswith(of)) / 1e6
    return amounts.files if stage == "collect" else amounts.text


TRAINING = {"bpe": 1.0, "wordpiece": 1.1, "unigram": 5.0}
"""How long a tokenizer trains, in trainings of BPE: 6.6 MB of Chinese and English took 10.6, 11.5 and 55 CPU seconds."""
TAKING = 0.3  # to take one that is there: the sample is read and measured
BYTES_PER_TOKEN = 3.7
FEW_EXAMPLES = 1600  # that a fine-tuning reads at least: 100 steps of 16
TOKENS_A_ROW = 80
ROW_BYTES = 150  # of a labelled text: a few sentences


def _part(config: PretrainConfig, stage: str) -> float:
    """The share of a pretraining's steps that is the stage's."""
    return config.decay if stage == "pretrain.decay" else 1 - config.decay


def _pretrain_work(config: PretrainConfig, text: float) -> float:
    """`text`: megabytes of an epoch."""
    epoch = text * 1e6 / BYTES_PER_TOKEN
    step = config.batch_tokens or batch_tokens(Machine.probe().cores, accelerator=False, planned_tokens=None)
    tokens = {
        "tokens": config.budget.amount,
        "epochs": config.budget.amount * epoch,
        "steps": config.budget.amount * min(step, max(epoch, config.length)),
    }[config.budget.unit]
    return 6e-12 * PARAMETERS[config.model.size] * tokens


def _finetune_work(config: FinetuneConfig, recipe: Recipe, base: Path, text: float) -> float:
    """`text`: megabytes of the dataset's."""
    data = recipe.datasets[config.dataset]
    languages = max(len({getattr(source, "language", None) for source in data.sources}), 1)
    found, share = text * 1e6 / ROW_BYTES, data.split.validation + data.split.test
    rows = int(max(1, min(found * (1 - share), (data.most_train or math.inf) * languages)))
    heldout = min(found * share, 2 * (data.most_heldout or math.inf) * languages)
    if config.start in recipe.pretrain:
        parameters = PARAMETERS[recipe.pretrain[config.start].model.size]
    else:
        try:
            parameters = _model_parameters(locate_model(config.start, base))
        except DanluError:
            parameters = PARAMETERS["small"]
    epochs = _epochs(config, rows)
    sizes = [min(size, rows) for size in config.labels] + [rows]
    if config.freeze.until >= 1:
        learned, read = 0.0, rows + heldout
    else:  # few labels are read again and again
        learned = sum(min(epochs * rows, max(epochs * size, FEW_EXAMPLES)) for size in sizes)
        read = heldout * len(sizes)
    passes = 6 * learned + 2 * read
    return 1e-12 * parameters * passes * config.length * 0.7


def _epochs(config: FinetuneConfig, rows: int) -> float:
    """Passes over all `rows` rows that a budget is; one in seconds is taken for three."""
    amount = config.budget.amount
    in_epochs = {"epochs": amount, "steps": amount * (config.batch or 32) / rows, "tokens": amount / (rows * TOKENS_A_ROW)}
    return in_epochs.get(config.budget.unit, 3.0)


def _model_parameters(model: LocatedModel) -> float:
    """Those that compute: by the size of the weights, taken as 32-bit numbers, less the embeddings, which are looked up.

    A hub's model, which is not here yet, is taken for a base-sized one.
    """
    files = [model.path / name for name in WEIGHTS if (model.path / name).exists()] if model.path else []
    if model.path is None or not files:
        return PARAMETERS["base"]
    shape = read_json(model.path / CONFIG)
    embeddings = shape.get("vocab_size", 0) * shape.get("hidden_size", 0)
    return float(max(sum(file.stat().st_size for file in files) / 4 - embeddings, 1e5))


def _evaluate_work(recipe: Recipe, stage: str, amounts: Amounts) -> float:
    """Seconds on the reference machine, roughly: linear baselines and the 5-gram by megabytes, models by held-out text."""
    if stage == "evaluate.baselines":
        return 0.6 * amounts.text + 0.4 * sum(amounts.dataset_text.values())
    heldout = min(recipe.collect.holdout.bytes / 1e6, MOST_HELD_OUT * amounts.text) if recipe.collect else 0.0
    return 15.0 * heldout * max(len(recipe.pretrain), 1)
