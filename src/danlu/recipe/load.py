"""Reading a recipe: what it extends, its variants, the changes of the command line, then its check against the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from danlu.recipe.explain import validate
from danlu.recipe.extends import read_layers
from danlu.recipe.kept import kept_text
from danlu.recipe.migrate import migrate
from danlu.recipe.override import override
from danlu.recipe.paths import anchored, code_folder
from danlu.recipe.schema import Recipe
from danlu.recipe.variants import choose
from danlu.recipe.written import Place, Written, merge, replaced, written

BELOW_SMALL = ("nano", "tiny")


@dataclass(frozen=True)
class LoadedRecipe:
    """A recipe, its text and the folder where its relative paths start.

    `text` is the whole recipe as it runs, what it extends and what was changed included: it can be run from any folder.
    `resolved` is what a lock says was decided for each node's machine, to be decided so again.
    """

    recipe: Recipe
    text: str
    base: Path
    path: Path | None = None
    resolved: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def load_recipe(
    path: Path, overrides: Sequence[str] = (), hours: float | None = None, variants: Sequence[str] = ()
) -> LoadedRecipe:
    """Read the recipe at `path` with its `variants` in their order; `overrides` are `key.of.recipe=value`, the value in YAML.

    RecipeError if it, a recipe that it extends, or a change is wrong.
    """
    layers, text = read_layers(path)
    base = path.absolute().parent
    tree = Written({}, layers[-1].place)
    for layer in layers:
        tree = merge(tree, layer)
    tree = choose(tree, variants)
    for change in overrides:
        tree = override(tree, change)
    if hours is not None:
        tree = _spread_hours(tree, hours)
    start, base = base, code_folder(tree, base)
    tree = anchored(tree, base, start=start)
    recipe = validate(tree)
    return LoadedRecipe(recipe, kept_text(tree, base, text, own_code=bool(recipe.own_code())), base, path)


def recipe_from(data: Mapping[str, Any], base: Path, overrides: Sequence[str] = ()) -> LoadedRecipe:
    """A recipe from plain data, as the commands that run one stage on files make it."""
    tree = migrate(written(dict(data), Place("--")))
    for change in overrides:
        tree = override(tree, change)
    start, base = base, code_folder(tree, base)
    tree = anchored(tree, base, start=start)
    recipe = validate(tree)
    return LoadedRecipe(recipe, kept_text(tree, base, own_code=bool(recipe.own_code())), base)


def _spread_hours(tree: Written, hours: float) -> Written:
    """`--hours`: nine tenths of the time to the pretrainings, evenly; smaller models become `small` from two hours on.

    At 2 hours a 10M-parameter model passes the tiny one on two cores (about 20 tokens a parameter, arXiv 2203.15556).
    What `--set` says stays.
    """
    pretrain = tree.value.get("pretrain")
    if pretrain is None or not isinstance(pretrain.value, dict):
        return tree
    place = Place(f"--hours {hours:g}")
    for name, section in pretrain.value.items():
        if not isinstance(section.value, dict):
            continue
        budget = f"{round(hours * 3600 * 0.9 / len(pretrain.value))}s"
        if not _is_set(section.value.get("budget")):
            tree = replaced(tree, ("pretrain", name, "budget"), Written(budget, place))
        model = section.value.get("model")
        if hours < 2 or model is None or not isinstance(model.value, dict):
            continue
        size = model.value.get("size")
        if size is None or (size.value in BELOW_SMALL and not _is_set(size)):
            tree = replaced(tree, ("pretrain", name, "model", "size"), Written("small", place))
    return tree


def _is_set(entry: Written | None) -> bool:
    """Whether a value was written on the command line."""
    return entry is not None and entry.place.source.startswith("--set ")
