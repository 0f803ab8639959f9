"""What a run needs besides time: memory, disk and energy. Rough figures from sizes, so that nobody starts what cannot end.

The coefficients are a straight line through two measured runs (38 MB and 2 MB of text, tiny models) for each stage.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from danlu.models.shapes import PARAMETERS
from danlu.pipeline.graph import Node
from danlu.recipe.finetune import FinetuneConfig
from danlu.recipe.pretrain import PretrainConfig
from danlu.recipe.schema import Recipe

MEGABYTE = 1e6
WATTS_A_CORE = 10.0
"""A server's core at work with its share of memory and losses: between a laptop's 5 and an old server's 20."""
MEMORY = {
    "dataset": (140, 4.0), "collect": (130, 4.6), "clean.language_model": (200, 30.0), "clean.classifier": (200, 60.0),
    "clean.normalise": (290, 0.0), "clean.score": (290, 2.0),
    "clean.pairs": (220, 2.0), "clean.search": (220, 2.0), "clean.units": (200, 2.0),
    "clean.decide": (160, 3.0), "tokenize.train": (190, 16.0), "tokenize.encode": (200, 15.0),
    "evaluate.baselines": (400, 56.0), "evaluate.models": (1000, 0.0), "finetune": (1000, 0.0),
    "pretrain.trunk": (900, 0.0), "pretrain.decay": (900, 0.0),
}  # fmt: skip
"""Stage -> megabytes whatever the text, and more for each megabyte of it."""
MOST_TEXT = 50.0
"""Megabytes of text beyond which stages hold no more at once (they stream, or learn from a sample)."""
DISK = {
    "dataset": 0.55,
    "collect": 0.45,
    "clean.normalise": 0.5,
    "clean.score": 0.1,
    "clean.pairs": 0.1,
    "clean.search": 0.1,
    "clean.units": 0.1,
    "clean.decide": 0.5,
    "tokenize.encode": 0.6,
}
"""Stage -> bytes of its artifact for each byte of text."""
WEIGHT = 4
"""Bytes of a parameter."""
STATE_COPIES = 16
"""Bytes a parameter while it learns: weight, gradient, two moments, in 32 bits."""
CHECKPOINT_COPIES = 4 + 2 * 12
"""Bytes a parameter on disk while it learns: the model, and two checkpoints with their moments."""
TRUNK_COPIES = 12 + 2 * 12
"""The same of a trunk, which is itself a checkpoint: three times the size of the model stays."""


@dataclass(frozen=True)
class Needs:
    """Most memory and new disk of a node, in bytes."""

    memory_bytes: float
    disk_bytes: float


NOTHING = Needs(0.0, 0.0)


def needs_of(node: Node, recipe: Recipe, text: float) -> Needs:
    """What a node will need; `text` is in megabytes."""
    stage = node.stage.name
    fixed, each = MEMORY.get(stage, (300, 0.0))
    parameters = _parameters(node, recipe)
    frozen = isinstance(node.config, FinetuneConfig) and node.config.freeze.until >= 1
    memory = MEGABYTE * (fixed + each * min(text, MOST_TEXT)) + (WEIGHT if frozen else STATE_COPIES) * parameters
    copies = WEIGHT if frozen else TRUNK_COPIES if stage == "pretrain.trunk" else CHECKPOINT_COPIES
    disk = MEGABYTE * (1 + text * DISK.get(stage, 0.0)) + copies * parameters
    return Needs(memory, disk)


def _parameters(node: Node, recipe: Recipe) -> float:
    """Parameters that a node trains."""
    config = node.config
    if isinstance(config, FinetuneConfig):
        start = recipe.pretrain.get(recipe.finetune[node.own].start)
        return PARAMETERS[start.model.size] if start else 30e6
    return PARAMETERS[config.model.size] if isinstance(config, PretrainConfig) else 0.0


def kilowatt_hours(seconds: float, cores: int) -> float:
    """Energy of so many seconds with all cores at work."""
    return seconds * cores * WATTS_A_CORE / 3.6e6


def together(needs: Iterable[Needs]) -> Needs:
    """The memory of the largest, since stages that work side by side share the machine out between them; all disk."""
    found = list(needs)
    return Needs(max((need.memory_bytes for need in found), default=0.0), sum(need.disk_bytes for need in found))
