"""From the recipe a user named to the one that can run: the fallback where data packages cannot be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from danlu.collect.locate import missing_packages
from danlu.pipeline.lockfile import is_lock, read_lock
from danlu.recipe.load import LoadedRecipe, load_recipe
from danlu.workspace.errors import RecipeError
from danlu.workspace.messages import text


@dataclass(frozen=True)
class Prepared:
    """The recipe to run. If it is not the one that was named: that one (`asked`), and what was asked of it that means nothing
    here, as it was written (`left_out`)."""

    loaded: LoadedRecipe
    asked: LoadedRecipe | None = None
    left_out: tuple[str, ...] = ()


def prepare(path: Path, overrides: Sequence[str] = (), hours: float | None = None, variants: Sequence[str] = ()) -> Prepared:
    """The recipe at `path` with its changes, its fallback with those that fit it, or a lock. RecipeError if they are wrong."""
    if is_lock(path):
        return Prepared(read_lock(path, [*overrides, *variants, *([f"--hours {hours:g}"] if hours is not None else [])]).loaded)
    asked = load_recipe(path, overrides, hours, variants)
    if not asked.recipe.fallback or not missing_of(asked):
        return Prepared(asked)
    changes = [change for change in overrides if change.partition("=")[0].strip() != "fallback"]  # that one has done its work
    loaded, left_out = _as_far_as_it_goes(asked.base / Path(asked.recipe.fallback).expanduser(), changes, hours, variants)
    return Prepared(loaded, asked, left_out)


def _as_far_as_it_goes(
    path: Path, overrides: Sequence[str], hours: float | None, variants: Sequence[str]
) -> tuple[LoadedRecipe, tuple[str, ...]]:
    """The recipe with all changes that it can take, and the options that it cannot.

    What an error names is left out first; where it names none of them, the last. RecipeError if nothing is left to leave out.
    """
    options = [f"--variant {name}" for name in variants] + [f"--set {change}" for change in overrides]
    left_out: list[str] = []
    while True:
        kept = [option for option in options if option not in left_out]
        try:
            loaded = load_recipe(
                path,
                [option.removeprefix("--set ") for option in kept if option.startswith("--set ")],
                hours,
                [option.removeprefix("--variant ") for option in kept if option.startswith("--variant ")],
            )
        except RecipeError as error:
            if not kept:
                raise
            left_out.append(next((option for option in kept if error.where == option), kept[-1]))
        else:
            idle = [f"--hours {hours:g}"] if hours is not None and not loaded.recipe.pretrain else []
            return loaded, (*(option for option in options if option in left_out), *idle)


def fallback_words(prepared: Prepared) -> list[str]:
    """Sentences for people: that another recipe runs, and what is lost by it. None where the one that was named runs."""
    asked, instead = prepared.asked, prepared.loaded.recipe.name
    if asked is None:
        return []
    packages = ", ".join(missing_of(asked))
    path = asked.recipe.fallback
    lines = [text("cli.fallback.missing", asked=asked.recipe.name, instead=instead, path=path, packages=packages)]
    lacking = [name for name in asked.recipe.datasets if name not in prepared.loaded.recipe.datasets]
    lines += [text("cli.fallback.skipped", name=name, instead=instead) for name in lacking]
    if prepared.left_out:
        lines.append(text("cli.fallback.left-out", instead=instead, options=", ".join(prepared.left_out)))
    return lines


def missing_of(loaded: LoadedRecipe) -> list[str]:
    """Data packages that a recipe reads and that are not installed."""
    recipe = loaded.recipe
    collect = [recipe.collect] if recipe.collect else []
    return missing_packages([*recipe.datasets.values(), *collect, *recipe.clean.examples().values()])
