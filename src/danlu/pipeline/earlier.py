"""Finished artifacts that a new one of the same stage may go on from instead of doing all their work again.

Which keys may differ is the stage's to say (`Stage.grows`), and what of it really fits is the stage's to find. All else that
counts for the bytes must be equal here: inputs, seed, own code, and, since the bytes are to be those of an artifact made from
nothing, versions and processor too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from danlu.pipeline.graph import Node
from danlu.pipeline.lineage import artifact_at, inputs_of
from danlu.workspace.artifact import Artifact, Workspace

MACHINE = ("processor", "gpu")


def earlier_artifacts(
    node: Node,
    workspace: Workspace,
    done: Mapping[str, Artifact],
    seed: int,
    external: Mapping[str, str],
    now: Mapping[str, Any],
) -> Iterator[Path]:
    """Where they lie. `now` has the `versions` and the `machine` of this moment, as manifests have them."""
    if not node.stage.grows:
        return
    inputs = {argument: done[name].payload for argument, name in node.inputs.items() if isinstance(name, str)}
    config = _fixed(node, node.config.identity())
    for artifact in workspace.finished(f"{node.stage.name}-"):
        try:
            manifest = artifact.manifest
            same = (
                (manifest["version"], manifest["seed"], manifest["external"]) == (node.stage.version, seed, dict(external))
                and _fixed(node, manifest["config"]) == config
                and manifest["versions"] == now["versions"]
                and all(manifest["machine"].get(name) == now["machine"].get(name) for name in MACHINE)
                and {argument: artifact_at(workspace, name).payload for argument, name in inputs_of(manifest)} == inputs
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # being removed, or damaged
            continue
        if same:
            yield artifact.path


def _fixed(node: Node, config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in node.stage.grows}
