"""The models that a recipe fine-tunes and does not make itself: of another run, a directory, a package, a hub."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from danlu.models.locate import LocatedModel, locate_model
from danlu.pipeline.state import find_model, run_names
from danlu.recipe.kept import with_values
from danlu.recipe.load import LoadedRecipe
from danlu.workspace.artifact import Workspace
from danlu.workspace.errors import DanluError, RecipeError


def of_runs(loaded: LoadedRecipe, workspace: Workspace) -> LoadedRecipe:
    """The recipe with each `from: RUN/NAME` as the folder of the model that this run has now, in its text too: what is kept of
    it means the same model later. A folder or a pretraining of that name comes first, a hub's `owner/name` last.

    DanluError if the run has no such model, RecipeError if the run is the recipe's own.
    """
    recipe, found = loaded.recipe, {}
    for name, tuning in recipe.finetune.items():
        run, _, model = tuning.start.partition("/")
        if not model or tuning.start in recipe.pretrain or (loaded.base / Path(tuning.start).expanduser()).is_dir():
            continue
        if run == recipe.name:
            raise RecipeError("pipeline.own-model", where=f"finetune.{name}.from", name=tuning.start, model=model)
        if run in run_names(workspace):
            found[name] = str(find_model(workspace, tuning.start).absolute())
    if not found:
        return loaded
    tunings = {
        name: tuning.model_copy(update={"start": found[name]}) if name in found else tuning
        for name, tuning in recipe.finetune.items()
    }
    text = with_values(loaded.text, {("finetune", name, "from"): place for name, place in found.items()})
    return replace(loaded, recipe=recipe.model_copy(update={"finetune": tunings}), text=text)


def find_starts(loaded: LoadedRecipe) -> tuple[dict[str, LocatedModel], list[dict[str, Any]]]:
    """Where the fine-tunings start whose model this recipe does not make, by name; and the optional ones whose model cannot
    be had, with the reason. An error if one of those is not optional."""
    starts, missing = {}, []
    for name, tuning in loaded.recipe.finetune.items():
        if tuning.start in loaded.recipe.pretrain:
            continue
        try:
            starts[name] = locate_model(tuning.start, loaded.base)
        except DanluError as error:
            if not tuning.optional:
                raise
            missing.append({"name": name, "reason_key": error.key, "params": {k: str(v) for k, v in error.parameters.items()}})
    return starts, missing
