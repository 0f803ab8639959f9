"""Reading a recipe: YAML with line numbers, `--set` overrides, and errors that name the nearest right key."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from danlu.recipe.schema import Recipe
from danlu.workspace.errors import RecipeError
from danlu.workspace.messages import text


@dataclass(frozen=True)
class LoadedRecipe:
    """A recipe, the text it was read from and the folder where its relative paths start."""

    recipe: Recipe
    text: str
    base: Path
    path: Path | None = None


def load_recipe(path: Path, overrides: Sequence[str] = (), hours: float | None = None) -> LoadedRecipe:
    """Read the recipe at `path`; `overrides` are `key.of.recipe=value`, the value in YAML. RecipeError if it is wrong."""
    try:
        written = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecipeError("recipe.missing", where=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError("recipe.unreadable", where=str(path), reason=str(error)) from None
    data, lines = _parse(written, path)
    for override in overrides:
        _apply(data, override)
    if hours is not None:
        _spread_hours(data, hours)
    if overrides or hours is not None:  # what is kept beside the results is what ran
        written = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    return LoadedRecipe(validate(data, lines, str(path)), written, path.absolute().parent, path)


def recipe_from(data: Mapping[str, Any], base: Path, overrides: Sequence[str] = ()) -> LoadedRecipe:
    """A recipe from plain data, as the commands that run one stage on files make it."""
    copy = yaml.safe_load(yaml.safe_dump(dict(data), sort_keys=False))
    for override in overrides:
        _apply(copy, override)
    return LoadedRecipe(validate(copy, {}, "--"), yaml.safe_dump(copy, sort_keys=False, allow_unicode=True), base)


def validate(data: Any, lines: Mapping[tuple[Any, ...], int], where: str) -> Recipe:
    """The recipe that `data` describes; RecipeError with key, line and remedy otherwise."""
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise _explain(error, data, lines, where) from None


def _parse(written: str, path: Path) -> tuple[dict[str, Any], dict[tuple[Any, ...], int]]:
    try:
        node = yaml.compose(written, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise RecipeError("recipe.syntax", where=where, reason=getattr(error, "problem", None) or str(error)) from None
    if not isinstance(node, yaml.MappingNode):
        raise RecipeError("recipe.not-a-mapping", where=str(path))
    lines: dict[tuple[Any, ...], int] = {}
    _walk(node, (), lines, path)
    return yaml.safe_load(written), lines


def _walk(node: yaml.Node, at: tuple[Any, ...], lines: dict[tuple[Any, ...], int], path: Path) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            here = (*at, key.value)
            if here in lines:
                raise RecipeError("recipe.twice", where=f"{path}:{key.start_mark.line + 1}", key=".".join(map(str, here)))
            lines[here] = key.start_mark.line + 1
            _walk(child, here, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            lines[(*at, index)] = child.start_mark.line + 1
            _walk(child, (*at, index), lines, path)


def _apply(data: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    parts = [int(part) if part.isdigit() else part for part in key.strip().split(".")]
    if not equals or not key.strip():
        raise RecipeError("recipe.override", where=f"--set {override}")
    node: Any = data
    for part in parts[:-1]:
        if isinstance(node, list) and isinstance(part, int) and part < len(node):
            node = node[part]
        elif isinstance(node, dict):
            if not isinstance(node.get(part), dict | list):
                node[part] = {}
            node = node[part]
        else:
            raise RecipeError("recipe.override", where=f"--set {override}")
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError:
        raise RecipeError("recipe.override", where=f"--set {override}") from None
    if isinstance(node, list) and not (isinstance(parts[-1], int) and parts[-1] < len(node)):
        raise RecipeError("recipe.override", where=f"--set {override}")
    node[parts[-1]] = parsed


def _spread_hours(data: dict[str, Any], hours: float) -> None:
    """`--hours`: nine tenths of the time to the pretrainings, evenly; models ten times larger from two hours on.

    At 2 hours a 10M-parameter model passes the tiny one on two cores (about 20 tokens a parameter, arXiv 2203.15556).
    """
    pretrain = data.get("pretrain") or {}
    for section in pretrain.values():
        section["budget"] = f"{round(hours * 3600 * 0.9 / len(pretrain))}s"
        if hours >= 2:
            section.setdefault("model", {})["size"] = "small"


def _explain(error: ValidationError, data: Any, lines: Mapping[tuple[Any, ...], int], where: str) -> RecipeError:
    problems = error.errors(include_url=False)
    first = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    location = _existing(first["loc"], data)
    key = ".".join(str(part) for part in location)
    line = next((lines[location[:depth]] for depth in range(len(location), 0, -1) if location[:depth] in lines), None)
    place = f"{where}:{line}" if line else where
    more = text("recipe.more", count=len(problems) - 1) if len(problems) > 1 else ""
    if first["type"] == "extra_forbidden":
        known = _fields_at(Recipe, first["loc"][:-1])
        nearest = difflib.get_close_matches(str(first["loc"][-1]), known, n=1, cutoff=0.5)
        choices = f"{nearest[0]}" if nearest else ", ".join(known)
        return RecipeError("recipe.unknown-key", where=place, key=key, choices=choices, more=more)
    if first["type"] == "missing":
        missing = ".".join(str(part) for part in (*_existing(first["loc"][:-1], data), first["loc"][-1]))
        return RecipeError("recipe.missing-key", where=place, key=missing, more=more)
    reason = str(first.get("ctx", {}).get("error", "")) or first["msg"]
    if not key:
        return RecipeError("recipe.inconsistent", where=place, reason=reason)
    return RecipeError("recipe.wrong-value", where=place, key=key, value=repr(first["input"])[:80], reason=reason, more=more)


def _existing(location: Iterable[Any], data: Any) -> tuple[Any, ...]:
    """The part of pydantic's location that stands in the YAML (tags of unions do not)."""
    found: list[Any] = []
    for part in location:
        if (isinstance(data, dict) and part in data) or (isinstance(data, list) and isinstance(part, int) and part < len(data)):
            data = data[part]
        else:
            continue
        found.append(part)
    return tuple(found)


def _fields_at(annotation: Any, location: Sequence[Any]) -> list[str]:
    """Names of the keys that the schema allows at a location."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _fields_at(arguments[0], location)
    if origin in (Union, types.UnionType):
        members = [member for member in arguments if member is not type(None)]
        tagged = [member for member in members if location and _tag(member) == location[0]]
        chosen = tagged or members
        rest = location[1:] if tagged else location
        return sorted({name for member in chosen for name in _fields_at(member, rest)})
    if origin is dict:
        return _fields_at(arguments[1], location[1:]) if location else []
    if origin is tuple:
        return _fields_at(arguments[0], location[1:]) if location else []
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = {field.alias or name: field for name, field in annotation.model_fields.items()}
        if not location:
            return sorted(fields)
        field = fields.get(str(location[0]))
        return _fields_at(field.annotation, location[1:]) if field else []
    return []


def _tag(member: Any) -> str | None:
    field = getattr(member, "model_fields", {}).get("type")
    values = get_args(field.annotation) if field else ()
    return str(values[0]) if values else None
