"""The earlier cleanings that a recipe's documents are compared with: `clean.dedup.against`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from danlu.pipeline.lineage import artifact_at
from danlu.pipeline.state import artifact_of, read_state
from danlu.recipe.load import LoadedRecipe
from danlu.workspace.artifact import PAYLOAD, Artifact, Workspace
from danlu.workspace.errors import DanluError, RecipeError

CLEANED, SIGNED = "clean.decide", "clean.pairs"


class Earlier(NamedTuple):
    """What an earlier cleaning kept, and the signatures that it was made with."""

    cleaned: Artifact
    signed: Artifact


def find_against(loaded: LoadedRecipe, workspace: Workspace) -> list[Earlier]:
    """The cleanings named by the recipe: a run of this workspace, or the folder of an artifact of any. An error if one of
    them is not there, or was cleaned without `clean.dedup.method: minhash`."""
    if not loaded.recipe.collect or loaded.recipe.clean.dedup.method != "minhash":
        return []
    found = {}
    for name in loaded.recipe.clean.dedup.against:
        cleaned = _find(name, loaded, workspace)
        signatures = cleaned.manifest["inputs"].get("pairs")
        signed = artifact_at(Workspace(cleaned.path.parent.parent), signatures) if signatures else None
        if signed is None or not (signed / PAYLOAD).is_file():
            raise DanluError("clean.no-signatures", where=str(cleaned.path), name=name)
        found[cleaned.path.name] = Earlier(cleaned, signed)
    return [found[name] for name in sorted(found)]


def _find(name: str, loaded: LoadedRecipe, workspace: Workspace) -> Artifact:
    folder = (loaded.base / Path(name).expanduser()).resolve()
    stage, _, key = folder.name.rpartition("-")
    if stage == CLEANED and (folder / PAYLOAD).is_file():
        return Artifact(stage, key, folder)
    if name == loaded.recipe.name:
        raise RecipeError("clean.against-itself", where="clean.dedup.against", name=name)
    node = read_state(workspace, name).standing(workspace, CLEANED)
    artifact = artifact_of(workspace, node) if node else None
    if artifact is None:
        raise DanluError("pipeline.not-made", where=str(workspace.path), stage=CLEANED)
    return artifact
