"""Recipe formats: an older recipe is brought up step by step, a newer one is refused.

To change the format: raise `FORMAT` in `schema.py` and put a function here, under the number it starts from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from danlu.recipe.schema import FORMAT
from danlu.recipe.written import Written, existing, replaced, without
from danlu.workspace.errors import RecipeError

OLDEST = 1
"""The format of a recipe that does not say its own."""

Migration = Callable[[Written], Written]

MIGRATIONS: Mapping[int, Migration] = {}
"""Format -> function to the next one."""


def migrate(tree: Written, migrations: Mapping[int, Migration] | None = None, newest: int = FORMAT) -> Written:
    """The recipe in the newest format. RecipeError if it is of a format that this danlu does not know yet.

    A format that is no number, or that nothing leads on from, is left for validation to complain of.
    """
    known = MIGRATIONS if migrations is None else migrations
    entry = tree.value.get("format")
    version = OLDEST if entry is None else entry.value
    if not isinstance(version, int) or isinstance(version, bool):
        return tree
    if version > newest:
        raise RecipeError("recipe.newer-format", where=str(entry.place), format=version, newest=newest)
    while version < newest and version in known:
        tree = known[version](tree)
        version += 1
        tree = replaced(tree, ("format",), Written(version, entry.place if entry else tree.place))
    return tree


def moved(tree: Written, old: Sequence[str], new: Sequence[str]) -> Written:
    """What stands at `old`, with its places, put at `new`; its parents are made where they lack. For migrations."""
    found, value = existing(tree, old)
    if len(found) < len(old):
        return tree
    _, parent = existing(tree, old[:-1])
    tree = replaced(tree, old[:-1], without(parent, old[-1]))
    for depth in range(1, len(new)):
        if len(existing(tree, new[:depth])[0]) < depth:
            tree = replaced(tree, new[:depth], Written({}, value.place))
    return replaced(tree, new, value)
