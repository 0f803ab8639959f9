"""What would run, what is there already, what waits, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from danlu.models.locate import locate_model
from danlu.pipeline.bill import Estimate, estimate, rates
from danlu.pipeline.graph import Node, build_graph, until
from danlu.pipeline.keys import external_inputs, node_key
from danlu.recipe.load import LoadedRecipe
from danlu.workspace.artifact import Artifact, Workspace
from danlu.workspace.errors import DanluError, RecipeError


@dataclass(frozen=True)
class PlannedNode:
    """One line of the plan. `waits` means that its key depends on an output which is not there yet."""

    node: Node
    state: Literal["cached", "runs", "waits"]
    key: str | None
    estimate: Estimate
    artifact: Artifact | None = None


@dataclass(frozen=True)
class Plan:
    """All lines, what is skipped and why, and what comes from outside."""

    loaded: LoadedRecipe
    nodes: dict[str, PlannedNode]
    skipped: tuple[dict[str, Any], ...]
    external: Mapping[str, Mapping[str, str]]

    @property
    def seconds(self) -> float:
        return sum(line.estimate.seconds for line in self.nodes.values() if line.state != "cached")


def make_plan(loaded: LoadedRecipe, workspace: Workspace, target: str | None = None) -> Plan:
    """Plan a recipe in a workspace, up to `target`. DanluError if something it reads cannot be had."""
    recipe = loaded.recipe
    skipped = missing_starts(loaded)
    nodes = build_graph(recipe, frozenset(entry["name"] for entry in skipped))
    if target is not None:
        try:
            nodes = until(nodes, target)
        except KeyError:
            raise RecipeError("pipeline.no-such-stage", where=f"--until {target}", stages=", ".join(nodes)) from None
    external = {name: external_inputs(node, loaded.base) for name, node in nodes.items()}
    estimates = estimate(recipe, nodes, loaded.base, rates())
    done: dict[str, Artifact] = {}
    lines = {}
    for name, node in nodes.items():
        key = node_key(node, recipe.seed, external[name], done)
        artifact = workspace.find(node.stage.name, key) if key else None
        if artifact:
            done[name] = artifact
        state: Literal["cached", "runs", "waits"] = "cached" if artifact else "runs" if key else "waits"
        lines[name] = PlannedNode(node, state, key, estimates[name], artifact)
    return Plan(loaded, lines, tuple(skipped), external)


def missing_starts(loaded: LoadedRecipe) -> list[dict[str, Any]]:
    """Optional fine-tunings whose starting model cannot be had, with the reason; an error if one is not optional."""
    found = []
    for name, tuning in loaded.recipe.finetune.items():
        if tuning.start in loaded.recipe.pretrain:
            continue
        try:
            locate_model(tuning.start, loaded.base)
        except DanluError as error:
            if not tuning.optional:
                raise
            found.append({"name": name, "reason_key": error.key, "params": {k: str(v) for k, v in error.parameters.items()}})
    return found
