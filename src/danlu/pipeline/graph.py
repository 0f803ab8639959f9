"""The graph of a recipe: which stage takes what from which."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from danlu.clean.preset import LINE_RULES
from danlu.clean.rules import check_names, own_rules
from danlu.models.locate import LocatedModel
from danlu.recipe.base import Section
from danlu.recipe.clean import CleanConfig, DedupConfig
from danlu.recipe.schema import Recipe
from danlu.workspace.artifact import Artifact
from danlu.workspace.stage import Stage

STAGE_PACKAGES = ("collect", "clean", "tokenize", "pretrain", "finetune", "evaluate")

MODELS = ("pretrain.decay", "finetune")
"""Stages whose artifact is a model, in `model/`."""

Inputs = Mapping[str, str | Mapping[str, str] | None]


@dataclass(frozen=True)
class Node:
    """One stage of one recipe. `inputs` maps each argument of the stage to the node (or nodes by name) it reads, or to the
    name of the artifact of another run."""

    name: str
    stage: Stage
    config: Section
    own: str = ""
    inputs: Inputs = field(default_factory=dict)

    def needs(self) -> Iterator[str]:
        """Names of the nodes it waits for, and of artifacts of other runs."""
        for value in self.inputs.values():
            if isinstance(value, str):
                yield value
            elif value is not None:
                yield from value.values()


def stages() -> dict[str, Stage]:
    """Every stage by name; importing a stage's package imports none of its code."""
    found = {}
    for package in STAGE_PACKAGES:
        for stage in importlib.import_module(f"danlu.{package}").STAGES:
            found[stage.name] = stage
    return found


def build_graph(
    recipe: Recipe,
    leave_out: frozenset[str] = frozenset(),
    starts: Mapping[str, LocatedModel] | None = None,
    against: Sequence[tuple[Artifact, Artifact]] = (),
) -> dict[str, Node]:
    """The nodes in an order in which each comes after what it needs. `leave_out` names fine-tunings to skip; `starts` are
    models that another run made and a fine-tuning of that name starts from: it then reads the artifact, and is the same as if
    this recipe had made it. `against`: earlier cleanings to compare with, and the signatures of each."""
    stage = stages()
    nodes: dict[str, Node] = {}

    def add(name: str, kind: str, config: Section, own: str = "", inputs: Inputs | None = None) -> str:
        nodes[name] = Node(name, stage[kind], config, own, inputs or {})
        return name

    datasets = {name: add(f"dataset.{name}", "dataset", config, name) for name, config in recipe.datasets.items()}
    documents = tokenizer = tokens = None
    if recipe.collect:
        read = {source.dataset: datasets[source.dataset] for source in recipe.collect.sources if source.type == "dataset"}
        collected = add("collect", "collect", recipe.collect, inputs={"datasets": read})
        normalised = add("clean.normalise", "clean.normalise", repairs(recipe.clean), inputs={"documents": collected})
        examples = {
            name: add(f"clean.{name}", "collect", config, inputs={"datasets": {}})
            for name, config in recipe.clean.examples().items()
        }
        learned = {}
        if model := recipe.clean.language_model:
            sample: Inputs = {"sample": examples["language_model.sample"]}
            learned["language_model"] = add("clean.language_model", "clean.language_model", model.learning(), inputs=sample)
        if classifier := recipe.clean.classifier:
            both: Inputs = {"good": examples["classifier.good"], "bad": examples["classifier.bad"]}
            learned["classifier"] = add("clean.classifier", "clean.classifier", classifier.learning(), inputs=both)
        scores = add("clean.score", "clean.score", measures(recipe.clean), inputs={"documents": normalised, **learned})
        repeats = None
        if recipe.clean.dedup.method == "minhash":
            earlier = {cleaned.key: (cleaned.path.name, signed.path.name) for cleaned, signed in against}
            cleaned, signed = ({key: names[place] for key, names in earlier.items()} for place in (0, 1))
            inputs: Inputs = {"documents": normalised, "cleaned": cleaned, "signed": signed}
            repeats = add("clean.pairs", "clean.pairs", pairing(recipe.clean), inputs=inputs)
        pieces = None
        if recipe.clean.dedup.unit != "document":
            pieces = add("clean.units", "clean.units", cutting(recipe.clean), inputs={"documents": normalised})
        guarded = datasets if recipe.clean.decontaminate else {}
        inputs = {"documents": normalised, "datasets": guarded}
        found = add("clean.search", "clean.search", searching(recipe.clean), inputs=inputs)
        documents = add(
            "clean.decide",
            "clean.decide",
            recipe.clean.model_copy(update={"dedup": recipe.clean.dedup.model_copy(update={"against": ()})}),
            inputs={"documents": normalised, "scores": scores, "search": found, "pairs": repeats, "units": pieces},
        )
        tokenizer = add("tokenize.train", "tokenize.train", recipe.tokenize.training(), inputs={"documents": documents})
        encoded = {"documents": documents, "tokenizer": tokenizer}
        tokens = add("tokenize.encode", "tokenize.encode", recipe.tokenize.encoding(), inputs=encoded)
    models = {}
    for name, pretrain in recipe.pretrain.items():
        texts: Inputs = {"tokens": tokens, "tokenizer": tokenizer}
        trunk = add(f"pretrain.{name}.trunk", "pretrain.trunk", pretrain, name, texts)
        models[name] = add(f"pretrain.{name}", "pretrain.decay", pretrain, name, {"trunk": trunk, **texts})
    for name, tuning in recipe.finetune.items():
        if name not in leave_out:
            start, made = models.get(tuning.start), (starts or {}).get(name)
            if made is not None and made.artifact is not None:
                start, tuning = made.artifact.path.name, tuning.model_copy(update={"start": made.name})
            inputs = {"dataset": datasets[tuning.dataset], "start": start}
            models[name] = add(f"finetune.{name}", "finetune", tuning, name, inputs)
    if recipe.evaluate:
        shared: Inputs = {"datasets": datasets, "tokens": tokens, "tokenizer": tokenizer, "documents": documents}
        sizes = recipe.evaluate.labels or tuple(sorted({size for tuning in recipe.finetune.values() for size in tuning.labels}))
        # The baselines do not change with the list of models, nor the models with the list of baselines.
        config = recipe.evaluate.model_copy(update={"labels": sizes, "models": ()})
        baselines = add("evaluate.baselines", "evaluate.baselines", config, inputs=shared)
        measured = {name: models[name] for name in recipe.evaluate.models if name in models}
        add(
            "evaluate.models", "evaluate.models", recipe.evaluate, inputs={"models": measured, "baselines": baselines, **shared}
        )
    return nodes


def repairs(config: CleanConfig) -> CleanConfig:
    """What of `clean` changes the text itself: a changed document rule must not repair and score everything again. A document
    to be dropped for personal data is only marked here."""
    check_names(config)
    lines = {name: threshold for name, threshold in config.rules.items() if name in LINE_RULES}
    pii = config.pii.recorded(config.preset)
    return CleanConfig(preset=config.preset, rules=lines, width=config.width, chinese=config.chinese, pii=pii)


def measures(config: CleanConfig) -> CleanConfig:
    """What of `clean` changes the scores: which rules of the user's own there are, not their thresholds.

    Models that it learns are inputs of their own.
    """
    own = dict.fromkeys(sorted(own_rules(config)), 0.0)
    return CleanConfig(rules=own, misspelling=config.misspelling, flagged=config.flagged)


def pairing(config: CleanConfig) -> CleanConfig:
    """What of `clean` changes the pairs of similar documents: not the threshold (unless it is very low), nor who stays."""
    dedup, other = config.dedup, {"keep": "best", "against": (), "unit": "document", "shortest": DedupConfig().shortest}
    return CleanConfig(dedup=dedup.model_copy(update={"threshold": dedup.floor, **other}))


def cutting(config: CleanConfig) -> CleanConfig:
    """What of `clean` changes which lines or paragraphs come again."""
    dedup = config.dedup
    return CleanConfig(dedup=DedupConfig(unit=dedup.unit, shortest=dedup.shortest, memory=dedup.memory))


def searching(config: CleanConfig) -> CleanConfig:
    """What of `clean` changes which test texts are found: those of files, and how texts of tests are repaired; of the share no
    more than how low it is."""
    guard = config.decontamination()
    wanted = False if guard is None else guard.model_copy(update={"share": guard.floor})
    return repairs(config).model_copy(update={"decontaminate": wanted})


def until(nodes: Mapping[str, Node], target: str) -> dict[str, Node]:
    """The nodes that `target` (a node, or a stage with all its nodes) needs, itself included. KeyError if unknown."""
    wanted = [name for name in nodes if name == target or name.startswith(f"{target}.")]
    if not wanted:
        raise KeyError(target)
    kept: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name not in kept:
            kept.add(name)
            wanted.extend(need for need in nodes[name].needs() if need in nodes)
    return {name: node for name, node in nodes.items() if name in kept}
