"""Which changed rules make documents be repaired and scored anew: those that take out lines change the text itself."""

from __future__ import annotations

from danlu.clean.preset import LINE_RULES
from danlu.clean.rules import line_rules
from danlu.pipeline.lineage import Manifests
from danlu.pipeline.plan import Plan
from danlu.recipe.clean import CleanConfig

STAGE = "clean.normalise"


def changed_line_rules(plan: Plan, manifests: Manifests) -> list[tuple[str, float | None, float | None]]:
    """Name, threshold before and now (None: off) of the line rules that differ from the last repair in the workspace; nothing
    where the plan repairs nothing, or nothing was repaired before."""
    line = plan.nodes.get(STAGE)
    before = [manifest for manifest in manifests.values() if manifest["stage"] == STAGE]
    if line is None or line.state == "cached" or not before or not isinstance(line.node.config, CleanConfig):
        return []
    last = max(before, key=lambda manifest: manifest["finished"])
    old, new = line_rules(CleanConfig.model_validate(last["config"])), line_rules(line.node.config)
    return [(name, old.get(name), new.get(name)) for name in LINE_RULES if old.get(name) != new.get(name)]
