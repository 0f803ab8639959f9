"""`variants`: named changes of a recipe, chosen with `--variant`."""

from __future__ import annotations

from collections.abc import Sequence

from danlu.recipe.keys import nearest
from danlu.recipe.run_name import as_name, is_name
from danlu.recipe.written import Written, dotted, merge, replaced, without
from danlu.workspace.errors import RecipeError
from danlu.workspace.messages import listed

FILE_ONLY = ("extends", "variants", "format")
"""Keys that speak of the whole file, so no variant may have them."""


def choose(tree: Written, names: Sequence[str]) -> Written:
    """The recipe with the variants `names` laid over it, in their order, and without its table of variants.

    The run is then called `NAME-VARIANT`, unless the variant says a name. RecipeError for a variant that is not there,
    or where the table of variants is wrong, chosen or not.
    """
    declared = tree.value.get("variants")
    tree = without(tree, "variants")
    variants = _checked(declared) if declared is not None else {}
    for name in dict.fromkeys(names):
        if not variants:
            raise RecipeError("recipe.no-variants", where=f"--variant {name}", name=name)
        if name not in variants:
            choices = nearest(name, list(variants)) or listed(variants)
            raise RecipeError("recipe.no-such-variant", where=f"--variant {name}", name=name, choices=choices)
        called = tree.value.get("name")
        tree = merge(tree, variants[name])
        if "name" not in variants[name].value and called is not None:
            tree = replaced(tree, ("name",), Written(f"{called.value}-{name}", called.place))
    return tree


def _checked(declared: Written) -> dict[str, Written]:
    if not isinstance(declared.value, dict):
        raise RecipeError("recipe.variants", where=str(declared.place))
    for name, variant in declared.value.items():
        if not is_name(str(name)):
            proposed = as_name(str(name))
            raise RecipeError("recipe.variant-name", where=str(variant.place), name=name, proposed=proposed)
        if not isinstance(variant.value, dict):
            raise RecipeError("recipe.variants", where=str(variant.place))
        for key in FILE_ONLY:
            if key in variant.value:
                where, key = str(variant.value[key].place), dotted(("variants", name, key))
                raise RecipeError("recipe.not-in-variant", where=where, key=key)
    return declared.value
