"""From what pydantic found wrong to an error that names key, file, line and the nearest right key."""

from __future__ import annotations

import re

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from danlu.recipe.base import ENTRY_NAME, LANGUAGE
from danlu.recipe.keys import fields, kind_of, models_at, nearest, paths_ending, without_kinds
from danlu.recipe.schema import Recipe, RecipeFile
from danlu.recipe.written import NAMED, Location, Written, dotted, existing, plain
from danlu.workspace.errors import RecipeError
from danlu.workspace.messages import listed, table, text

REASONS = "recipe.reasons"
PATTERNS = {ENTRY_NAME: "entry-name", LANGUAGE: "language"}
"""Pattern -> the words for a text that does not fit it."""


def validate(tree: Written) -> Recipe:
    """The recipe that a tree describes; RecipeError with key, file, line and remedy otherwise."""
    try:
        return Recipe.model_validate(plain(tree))
    except ValidationError as error:
        raise explain(error, tree) from None


def explain(error: ValidationError, tree: Written) -> RecipeError:
    """The first problem in words (an unknown key before others, since it causes others), and how many more there are."""
    problems = error.errors(include_url=False)
    problems = [problem for problem in problems if not _follows(problem, problems)]
    first = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    context = first.get("ctx", {})
    location = (*without_kinds(Recipe, first["loc"]), *context.get("at", ()))
    if first["type"] == "union_tag_invalid":
        location = (*location, "type")
    found, at = existing(tree, location)
    where = str(at.place)
    more = text("recipe.more", count=len(problems) - 1) if len(problems) > 1 else ""
    if first["type"] == "extra_forbidden":
        return RecipeError("recipe.unknown-key", where=where, key=dotted(found), choices=_choices(found, tree), more=more)
    if first["type"] == "union_tag_not_found":
        location = (*location, "type")
    if first["type"] in ("missing", "union_tag_not_found"):
        more = " ".join(filter(None, (_other_name(found, tree), more)))
        return RecipeError("recipe.missing-key", where=where, key=dotted((*found, location[-1])), more=more)
    reason = reason_of(first)
    if "at" in context or not found or (first["type"] == "value_error" and isinstance(at.value, dict)):
        return RecipeError("recipe.inconsistent", where=where, reason=reason)
    value, reason = repr(plain(at))[:80], f"{reason} {more}".strip()
    if where.startswith("--") and not where.startswith("--set "):
        option = where.partition(" ")[0]
        return RecipeError("recipe.wrong-option", where=where, value=value, reason=reason, option=option)
    return RecipeError("recipe.wrong-value", where=where, key=dotted(found), value=value, reason=reason)


def reason_of(problem: ErrorDetails) -> str:
    """Why a value is wrong: our own words for pydantic's kind of problem where there are some, else pydantic's."""
    context = {name: value for name, value in problem.get("ctx", {}).items() if name != "at"}
    for name in ("expected", "expected_tags"):
        if name in context:  # pydantic joins choices by English words
            context[name] = listed(re.findall(r"'([^']*)'", str(context[name])))
    kind = PATTERNS.get(str(context.get("pattern")), problem["type"])
    key = f"{REASONS}.{kind}"
    if key in table():
        return text(key, **context)
    return str(context.get("error", "")) or problem["msg"]


def _follows(problem: ErrorDetails, problems: list[ErrorDetails]) -> bool:
    """Whether a problem only follows from others: of a list whose entries are wrong, pydantic says that it has too few."""
    location = problem["loc"]
    return problem["type"] == "too_short" and any(
        other["loc"][: len(location)] == location and len(other["loc"]) > len(location) for other in problems
    )


def _choices(found: Location, tree: Written) -> str:
    """The key that looks most like a wrong one; else where a key of that name may stand; else all that may stand there."""
    kind = plain(existing(tree, found[:-1])[1]).get("type")
    models = [model for model in models_at(RecipeFile, found[:-1]) if kind_of(model) in (None, kind)]
    name, known = str(found[-1]), sorted({name for model in models for name in fields(model)})
    elsewhere = paths_ending(Recipe, name)
    if _shape(found) in elsewhere:  # a key of another kind of source
        elsewhere = []
    return nearest(name, known) or listed(elsewhere or known)


def _shape(found: Location) -> str:
    """A location as `paths_ending` writes it."""
    parts = ["NAME" if index == 1 and found[0] in NAMED else part for index, part in enumerate(found)]
    return ".".join("0" if isinstance(part, int) else str(part) for part in parts)


def _other_name(found: Location, tree: Written) -> str:
    """Words for an entry that may have been meant to change another one, and is not whole by itself."""
    if len(found) != 2 or found[0] not in NAMED:
        return ""
    others = [str(name) for name in tree.value[found[0]].value if name != found[1]]
    near = nearest(str(found[1]), others)
    return text("recipe.other-name", names=near or listed(others)) if others else ""
