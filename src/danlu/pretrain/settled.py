"""What the trunk decided and the fall keeps to: all that decides the bits of the model, in the trunk's `facts.json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from danlu.models.build import build_config, build_model, count_parameters
from danlu.pretrain.data import Texts, TextSource
from danlu.recipe.pretrain import MASKING, PretrainConfig
from danlu.training.loop import closing_step, trunk_of
from danlu.training.mixture import MixtureSource
from danlu.training.plan import TrainPlan
from danlu.workspace.files import read_json

FACTS, CHECKPOINT = "facts.json", "checkpoint"
UPKEEP = ("checkpoint_every", "validate_every")
"""Of a plan, what the clock decides and no weight depends on."""
LENGTH = ("steps", "decay")
"""Of a plan, what says only how far its trunk goes."""


@dataclass(frozen=True)
class Settled:
    """`plan` is the whole one, `batch_tokens` and `micro` (windows) the batch; the upkeep in `plan` does not count. In
    `mask_steps` steps the rate of masking goes to its end (0: it stays the same)."""

    plan: TrainPlan
    batch_tokens: int
    micro: int
    dropout: float
    mask_steps: int = 0

    @classmethod
    def read(cls, trunk: Path) -> Settled:
        """From the artifact of a trunk."""
        values = read_json(trunk / FACTS)["settled"]
        return cls(**{**values, "plan": TrainPlan(**values["plan"])})

    def facts(self) -> dict[str, Any]:
        """JSON, back by `read`."""
        values = asdict(self)
        if not self.mask_steps:
            del values["mask_steps"]
        return {**values, "plan": {name: value for name, value in values["plan"].items() if name not in UPKEEP}}

    @property
    def trunk_steps(self) -> int:
        return trunk_of(self.plan)

    def begins_like(self, other: Settled) -> bool:
        """Whether this trunk does what the trunk of `other` does, and then perhaps more.

        The losses at the end are summed up on the way: those that `other` has must be of the same end, or it must not have
        come to the end that is meant here.
        """
        mine, others = self.facts(), other.facts()
        for values in (mine, others):
            values["plan"] = {name: value for name, value in values["plan"].items() if name not in LENGTH}
        same_end = self.plan.steps == other.plan.steps or other.trunk_steps <= closing_step(self.plan.steps)
        return mine == others and other.trunk_steps <= self.trunk_steps and same_end

    def model(self, texts: Texts) -> PreTrainedModel:
        """The model, untrained."""
        config = texts.config
        return build_model(build_config(config.model, texts.vocabulary, config.length, self.dropout), texts.seed)

    def source(self, texts: Texts) -> TextSource:
        return texts.source(self.batch_tokens // texts.config.length, self.micro)


def model_facts(
    config: PretrainConfig, settled: Settled, model: PreTrainedModel, steps: int, tokens: int, source: TextSource
) -> dict[str, Any]:
    """What a model is, after `steps` of its training: the same at the same `resolved.json`, so nothing of the clock."""
    plan, parameters = settled.plan, count_parameters(model)
    architectures = model.config.architectures or [type(model).__name__]
    return {
        "family": config.model.family, "preset": config.model.preset, "size": config.model.size,
        "architecture": architectures[0], "parameters": parameters["parameters"],
        "embedding_parameters": parameters["embedding_parameters"], "objective": config.kind,
        "mask_rate": config.mask_rate if config.kind == "mlm" else None, "steps": steps, "tokens": tokens,
        "epochs": round(steps / source.steps_per_epoch, 4), "batch_tokens": settled.batch_tokens, "length": config.length,
        "optimizer": plan.optimizer, "learning_rate": plan.learning_rate, "weight_decay": plan.weight_decay,
        "dropout": settled.dropout, "precision": plan.precision,
        **({"own_objective": config.objective} if config.own_code() else {}), **_masking(config),
        **({"mixture": _mixed(source, steps)} if config.mixture and isinstance(source, MixtureSource) else {}),
        **({"attention": config.attention} if config.attention != "window" else {}),
        **({"curriculum": config.curriculum.model_dump()} if config.curriculum.by != "none" else {}),
    }  # fmt: skip


def _mixed(source: MixtureSource, steps: int) -> dict[str, dict[str, float]]:
    """Of each source, its share of what was read and how often it was read through."""
    return {
        name: {"share": round(source.shares[name], 6), "epochs": round(passes, 4)}
        for name, passes in source.passes(steps).items()
    }


def _masking(config: PretrainConfig) -> dict[str, Any]:
    """How tokens were masked, where that is not the usual way."""
    return {name: getattr(config, name) for name in MASKING if getattr(config, name) != type(config).model_fields[name].default}
