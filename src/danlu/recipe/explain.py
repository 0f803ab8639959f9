"""From what pydantic found wrong to an error that names key, file, line and the nearest right key."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from danlu.recipe.keys import fields_at, nearest, paths_ending, without_kinds
from danlu.recipe.schema import Recipe, RecipeFile
from danlu.recipe.written import NAMED, Location, Written, dotted, existing, plain
from danlu.workspace.errors import RecipeError
from danlu.workspace.messages import listed, table, text

REASONS = "recipe.reasons"


def validate(tree: Written) -> Recipe:
    """The recipe that a tree describes; RecipeError with key, file, line and remedy otherwise."""
    try:
        return Recipe.model_validate(plain(tree))
    except ValidationError as error:
        raise explain(error, tree) from None


def explain(error: ValidationError, tree: Written) -> RecipeError:
    """The first problem in words (an unknown key before others, since it causes others), and how many more there are."""
    problems = error.errors(include_url=False)
    first = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    context = first.get("ctx", {})
    location = (*without_kinds(Recipe, first["loc"]), *context.get("at", ()))
    found, at = existing(tree, location)
    where = str(at.place)
    more = text("recipe.more", count=len(problems) - 1) if len(problems) > 1 else ""
    if first["type"] == "extra_forbidden":
        return RecipeError("recipe.unknown-key", where=where, key=dotted(found), choices=_choices(found), more=more)
    if first["type"] == "missing":
        more = " ".join(filter(None, (_other_name(found, tree), more)))
        return RecipeError("recipe.missing-key", where=where, key=dotted((*found, location[-1])), more=more)
    reason = reason_of(first)
    if "at" in context or not found or (first["type"] == "value_error" and isinstance(at.value, dict)):
        return RecipeError("recipe.inconsistent", where=where, reason=reason)
    value, reason = repr(plain(at))[:80], f"{reason} {more}".strip()
    return RecipeError("recipe.wrong-value", where=where, key=dotted(found), value=value, reason=reason)


def reason_of(problem: ErrorDetails) -> str:
    """Why a value is wrong: our own words for pydantic's kind of problem where there are some, else pydantic's."""
    context = {name: value for name, value in problem.get("ctx", {}).items() if name != "at"}
    key = f"{REASONS}.{problem['type']}"
    if key in table():
        return text(key, **context)
    return str(context.get("error", "")) or problem["msg"]


def _choices(found: Location) -> str:
    """The key that looks most like a wrong one; else where a key of that name may stand; else all that may stand there."""
    name, known = str(found[-1]), fields_at(RecipeFile, found[:-1])
    near = nearest(name, known)
    return near or listed(paths_ending(Recipe, name) or known)


def _other_name(found: Location, tree: Written) -> str:
    """Words for an entry that may have been meant to change another one, and is not whole by itself."""
    if len(found) != 2 or found[0] not in NAMED:
        return ""
    others = [str(name) for name in tree.value[found[0]].value if name != found[1]]
    near = nearest(str(found[1]), others)
    return text("recipe.other-name", names=near or listed(others)) if others else ""
