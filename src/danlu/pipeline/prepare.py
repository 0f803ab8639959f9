"""From the recipe a user named to the one that can run: the fallback where data packages cannot be had."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from danlu.collect.locate import missing_packages
from danlu.pipeline.lockfile import is_lock, read_lock
from danlu.recipe.load import LoadedRecipe, load_recipe
from danlu.workspace.messages import text


def prepare(
    path: Path, overrides: Sequence[str] = (), hours: float | None = None, variants: Sequence[str] = ()
) -> tuple[LoadedRecipe, LoadedRecipe | None]:
    """The recipe to run, and the one that was asked for if another runs in its place."""
    if is_lock(path):
        return read_lock(path, [*overrides, *variants, *([f"--hours {hours:g}"] if hours is not None else [])]).loaded, None
    asked = load_recipe(path, overrides, hours, variants)
    if asked.recipe.fallback and missing_of(asked):
        return load_recipe(asked.base / Path(asked.recipe.fallback).expanduser(), hours=hours), asked
    return asked, None


def fallback_words(loaded: LoadedRecipe, asked: LoadedRecipe) -> list[str]:
    """Sentences for people: that another recipe runs, and what is lost by it."""
    packages = ", ".join(missing_of(asked))
    missing = text("cli.fallback.missing", asked=asked.recipe.name, instead=loaded.recipe.name, packages=packages)
    return [missing, *(text("cli.fallback.skipped", name=name) for name in asked.recipe.datasets)]


def missing_of(loaded: LoadedRecipe) -> list[str]:
    """Data packages that a recipe reads and that are not installed."""
    recipe = loaded.recipe
    return missing_packages([*recipe.datasets.values(), *([recipe.collect] if recipe.collect else [])])
