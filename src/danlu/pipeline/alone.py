"""The recipes of the commands that work on files alone, and which run of a workspace each of them is.

A command's run is named after its first path and what it makes: `小说-clean`, `小说-gpt`, `reviews-classifier`. It is the run
of that name if it reads the same and makes the same models, however else it differs; otherwise it is one of its own, with a
number: so no command takes the place of what another has made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from danlu.pipeline.state import claim_name, give_back_name, kept_recipe, run_names
from danlu.recipe.load import LoadedRecipe, load_recipe, recipe_from
from danlu.recipe.run_name import as_name
from danlu.recipe.written import Place, Written
from danlu.workspace.artifact import Workspace
from danlu.workspace.errors import DanluError

OBJECTIVES = {"bert": "mlm", "gpt": "clm"}


def text_recipe(paths: Sequence[Path], made: str) -> dict[str, Any]:
    """The recipe that collects files and folders, to make of them what the word `made` says."""
    return {
        "name": f"{file_name(paths[0])}-{made}",
        "collect": {"sources": [{"type": "files", "path": str(path.absolute())} for path in paths]},
    }


def pretraining(paths: Sequence[Path], family: str, size: str, budget: str) -> dict[str, Any]:
    """The recipe that trains a model of that family from nothing and measures it."""
    name = family if family in OBJECTIVES else "model"
    model = {"family": option("--family", family), "size": option("--size", size)}
    section = {"model": model, "objective": OBJECTIVES.get(family, "clm"), "budget": option("--budget", budget)}
    return {**text_recipe(paths, name), "pretrain": {name: section}, "evaluate": {"models": [name]}}


def classifier(data: Path, start: str, column: str, label: str, budget: str) -> dict[str, Any]:
    """The recipe that makes a classifier from labelled rows and a model, and measures it."""
    dataset = file_name(data)
    name = f"{dataset}-classifier"
    source = {"type": "files", "path": str(data.absolute()), "text": column, "label": label}
    return {
        "name": name,
        "datasets": {dataset: {"sources": [source]}},
        "finetune": {name: {"from": start, "dataset": dataset, "budget": option("--budget", budget)}},
        "evaluate": {"models": [name]},
    }


def option(name: str, value: str) -> Written:
    """What an option says, so that an error names the option."""
    return Written(value, Place(f"{name} {value}"))


def file_name(path: Path) -> str:
    """What a file or folder is called in the names of runs, datasets and models."""
    path = path.absolute()
    return as_name(path.name if path.is_dir() else path.stem)


@contextmanager
def as_run(workspace: Workspace, data: dict[str, Any], overrides: Sequence[str]) -> Iterator[LoadedRecipe]:
    """The recipe with its changes, under the name of its own run. RecipeError if it or a change is wrong.

    A new name is this command's from the moment it is chosen: another that begins at the same time gets another. It is free
    again if no run comes of it.
    """
    loaded = recipe_from(data, Path.cwd(), overrides)
    if loaded.recipe.name != data["name"]:  # the user has named it
        yield loaded
        return
    workspace.create()
    for number in count(1):
        name = data["name"] if number == 1 else f"{data['name']}-{number}"
        named = loaded if number == 1 else recipe_from({**data, "name": name}, Path.cwd(), overrides)
        if name not in run_names(workspace) and claim_name(workspace, named):
            try:
                yield named
            finally:
                give_back_name(workspace, name)
            return
        if _same(loaded, workspace, name):
            yield named
            return


def _same(loaded: LoadedRecipe, workspace: Workspace, name: str) -> bool:
    """Whether the run `name` read the same as this recipe would, and made no model that this recipe does not make so."""
    try:
        other = load_recipe(kept_recipe(workspace, name))
    except DanluError:
        return False
    ours, theirs = set(_models(loaded)), set(_models(other))
    return set(_reads(loaded)) == set(_reads(other)) and theirs <= ours


def _reads(loaded: LoadedRecipe) -> Iterable[tuple[object, ...]]:
    """What a recipe reads: each path, whatever it is written like, and its columns."""
    for section in (loaded.recipe.collect, *loaded.recipe.datasets.values()):
        for source in section.sources if section else ():
            path = getattr(source, "path", None)
            place = None if path is None else (loaded.base / Path(path).expanduser()).resolve()
            label = getattr(source, "label", None)
            yield source.type, place or source.model_dump_json(), getattr(source, "text", None), label


def _models(loaded: LoadedRecipe) -> Iterable[tuple[str, str]]:
    """What a recipe makes: the name of each model, and which it is or begins with."""
    for name, pretrain in loaded.recipe.pretrain.items():
        yield name, pretrain.model.model_dump_json()
    for name, tuning in loaded.recipe.finetune.items():
        start = loaded.base / Path(tuning.start).expanduser()
        yield name, str(start.resolve()) if start.is_dir() else tuning.start
