"""What would run, what is there already, what waits, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from danlu.pipeline.against import find_against
from danlu.pipeline.bill import Estimate, estimate, measure_text, rates
from danlu.pipeline.graph import Node, build_graph, until
from danlu.pipeline.keys import external_inputs, node_key
from danlu.pipeline.needs import NOTHING, Needs, needs_of, together
from danlu.pipeline.starts import find_starts, of_runs
from danlu.recipe.load import LoadedRecipe
from danlu.workspace.artifact import Artifact, Workspace
from danlu.workspace.errors import RecipeError


@dataclass(frozen=True)
class PlannedNode:
    """One line of the plan. `waits` means that its key depends on an output which is not there yet."""

    node: Node
    state: Literal["cached", "runs", "waits"]
    key: str | None
    estimate: Estimate
    artifact: Artifact | None = None
    needs: Needs = NOTHING


@dataclass(frozen=True)
class Plan:
    """All lines, what is skipped and why, what comes from outside, and artifacts of other runs by name that a node reads."""

    loaded: LoadedRecipe
    nodes: dict[str, PlannedNode]
    skipped: tuple[dict[str, Any], ...]
    external: Mapping[str, Mapping[str, str]]
    given: Mapping[str, Artifact] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return sum(line.estimate.seconds for line in self.to_run)

    @property
    def to_run(self) -> list[PlannedNode]:
        """Lines that are not there already."""
        return [line for line in self.nodes.values() if line.state != "cached"]

    @property
    def needs(self) -> Needs:
        """Most memory at once and new disk of all that will run."""
        return together(line.needs for line in self.to_run)


def make_plan(loaded: LoadedRecipe, workspace: Workspace, target: str | None = None) -> Plan:
    """Plan a recipe in a workspace, up to `target`. DanluError if something it reads cannot be had."""
    loaded = of_runs(loaded, workspace)
    standing = stand(loaded, workspace, target)
    if not standing.nodes and not standing.skipped:
        raise RecipeError("pipeline.nothing-to-do", where=str(loaded.path or loaded.recipe.name))
    estimates = estimate(loaded.recipe, standing.nodes, loaded.base, rates())
    text = measure_text(loaded.recipe, loaded.base).text
    lines = {}
    for name, node in standing.nodes.items():
        key, artifact = standing.keys[name], standing.artifacts.get(name)
        needs = needs_of(node, loaded.recipe, text)
        lines[name] = PlannedNode(node, standing.state(name), key, estimates[name], artifact, needs)
    return Plan(loaded, lines, standing.skipped, standing.external, standing.given)


@dataclass(frozen=True)
class Standing:
    """How a recipe stands in a workspace: the plan without its bill, which `danlu why` can do without.

    `artifacts` are those of its nodes; `given` those of other runs that a node reads, by their own names.
    """

    nodes: Mapping[str, Node]
    keys: Mapping[str, str | None]
    artifacts: Mapping[str, Artifact]
    skipped: tuple[dict[str, Any], ...]
    external: Mapping[str, Mapping[str, str]]
    given: Mapping[str, Artifact]

    @property
    def there(self) -> dict[str, Artifact]:
        """All that can be read already, by the names that inputs have."""
        return {**self.given, **self.artifacts}

    def state(self, name: str) -> Literal["cached", "runs", "waits"]:
        return "cached" if name in self.artifacts else "runs" if self.keys[name] else "waits"


def stand(loaded: LoadedRecipe, workspace: Workspace, target: str | None = None) -> Standing:
    """The nodes of a recipe up to `target`, their keys as far as they are known, the artifacts that are there."""
    loaded = of_runs(loaded, workspace)
    recipe = loaded.recipe
    starts, skipped = find_starts(loaded)
    against = find_against(loaded, workspace)
    nodes = build_graph(recipe, frozenset(entry["name"] for entry in skipped), starts, against)
    if target is not None:
        try:
            nodes = until(nodes, target)
        except KeyError:
            raise RecipeError("pipeline.no-such-stage", where=f"--until {target}", stages=", ".join(nodes)) from None
    external = {name: external_inputs(node, loaded.base, workspace.path) for name, node in nodes.items()}
    keys: dict[str, str | None] = {}
    given = {model.artifact.path.name: model.artifact for model in starts.values() if model.artifact}
    given |= {artifact.path.name: artifact for earlier in against for artifact in earlier}
    done: dict[str, Artifact] = {}
    for name, node in nodes.items():
        key = keys[name] = node_key(node, recipe.seed, external[name], {**given, **done})
        if key and (artifact := workspace.find(node.stage.name, key)):
            done[name] = artifact
    return Standing(nodes, keys, done, tuple(skipped), external, given)
