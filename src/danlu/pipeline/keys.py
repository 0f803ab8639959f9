"""Keys of nodes: from configuration, seed, what they read of other stages, and what they read from outside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from danlu.clean.dictionary import dictionary_version
from danlu.clean.evaluations import evaluation_digests
from danlu.clean.flagged import flagged_digests
from danlu.collect.locate import fingerprint
from danlu.models.locate import locate_model, locate_tokenizer
from danlu.pipeline.graph import Node
from danlu.recipe.clean import CleanConfig
from danlu.recipe.collect import CollectConfig
from danlu.recipe.datasets import DatasetConfig
from danlu.recipe.finetune import FinetuneConfig
from danlu.recipe.tokenize import TokenizeConfig
from danlu.tokens.alphabet import check_bytes
from danlu.tokens.files import read_tokenizer, tokenizer_digest
from danlu.workspace.artifact import Artifact, artifact_key
from danlu.workspace.code import fingerprint as code_fingerprint
from danlu.workspace.digest import digest_json
from danlu.workspace.tombstones import forgotten

FORGOTTEN = "forgotten documents"
"""The entry of `external` for the tombstones of the workspace; there is none where there are none."""


def external_inputs(node: Node, base: Path, workspace: Path | None = None) -> dict[str, str]:
    """Portable name -> digest of everything that a node reads which no stage made. DanluError if it is not there."""
    return {**_data(node, base, workspace), **_code(node, base)}


def _code(node: Node, base: Path) -> dict[str, str]:
    """The user's own code that a node runs. `clean.decide` runs none: it puts thresholds on scores that are there."""
    return {} if node.stage.name == "clean.decide" else code_fingerprint(node.config.own_code(), base)


def _data(node: Node, base: Path, workspace: Path | None) -> dict[str, str]:
    if isinstance(node.config, DatasetConfig | CollectConfig):
        names = forgotten(workspace) if workspace else None
        return {**fingerprint(node.config, base), **({FORGOTTEN: names.digest} if names else {})}
    if isinstance(node.config, CleanConfig) and node.stage.name == "clean.score":
        return {**(dictionary_version() if node.config.misspelling else {}), **flagged_digests(node.config, base)}
    if isinstance(node.config, CleanConfig) and node.stage.name == "clean.search":
        return evaluation_digests(node.config, base)
    if isinstance(node.config, FinetuneConfig) and node.inputs.get("start") is None:
        model = locate_model(node.config.start, base)
        return {f"{model.kind}:{model.name}": model.version}
    if isinstance(node.config, TokenizeConfig) and node.config.start is not None:
        tokenizer = locate_tokenizer(node.config.start, base)
        check_bytes(read_tokenizer(tokenizer), str(tokenizer))
        return {"tokenizer": tokenizer_digest(tokenizer)}
    return {}


def node_key(node: Node, seed: int, external: Mapping[str, str], done: Mapping[str, Artifact]) -> str | None:
    """The key of a node, or None while an input is not there yet. Needs the artifacts of its inputs by node name."""
    inputs: dict[str, str] = {}
    for argument, value in node.inputs.items():
        found: Any
        if value is None:
            found = None
        elif isinstance(value, str):
            found = done[value].payload if value in done else ""
        else:
            found = {name: done[other].payload if other in done else "" for name, other in value.items()}
        if found == "" or (isinstance(found, dict) and "" in found.values()):
            return None
        inputs[argument] = digest_json(found)
    if external:
        inputs["external"] = digest_json(dict(external))
    config = {"name": node.own, **node.config.identity()}
    return artifact_key(node.stage.name, node.stage.version, config, seed, inputs)
