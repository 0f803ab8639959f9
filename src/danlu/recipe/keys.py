"""What keys the schema of a recipe allows, and where."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from danlu.recipe.written import Location


def models_at(annotation: Any, location: Sequence[Any]) -> list[type[BaseModel]]:
    """The sections that may stand at a location."""
    members = _members(annotation)
    if not location:
        return [member for member in members if _is_model(member)]
    found = []
    for member in members:
        inner = _inside(member, location[0])
        if inner is not None:
            found += models_at(inner, location[1:])
    return found


def without_kinds(annotation: Any, location: Sequence[Any]) -> Location:
    """A location of pydantic's without the kinds of sources in it, which are no keys: `sources.0.files.path`."""
    real: list[Any] = []
    members = _members(annotation)
    for part in location:
        kinds = [member for member in members if kind_of(member) == part]
        if kinds and len(members) > 1:
            members = kinds
            continue
        real.append(part)
        members = [inner for member in members for inner in _members(_inside(member, part))]
    return tuple(real)


def paths_ending(annotation: Any, key: str) -> list[str]:
    """Every place in the schema where a key of this name may stand, such as `pretrain.NAME.budget`."""
    return sorted({path for path in _paths(annotation, "") if path.rpartition(".")[2] == key})


def nearest(name: str, names: Sequence[str]) -> str | None:
    """The one of `names` that looks most like `name`, if any does."""
    return next(iter(difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)), None)


def fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a section by the names that stand in a recipe."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def kind_of(member: Any) -> str | None:
    """The `type` by which a source is told from the others."""
    field = getattr(member, "model_fields", {}).get("type")
    values = get_args(field.annotation) if field else ()
    return str(values[0]) if values else None


def _members(annotation: Any) -> list[Any]:
    """The parts of a union, without None."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [inner for member in get_args(annotation) for inner in _members(member)]
    return [] if annotation in (None, type(None)) else [annotation]


def _inside(member: Any, part: Any) -> Any:
    """The annotation of what stands under `part` in a value of the kind `member`; None if nothing may."""
    if _is_model(member):
        field = fields(member).get(str(part))
        return field.annotation if field else None
    origin, arguments = get_origin(member), get_args(member)
    if origin is dict:
        return arguments[1]
    return arguments[0] if origin in (tuple, list) and isinstance(part, int) else None


def _paths(annotation: Any, prefix: str) -> Iterator[str]:
    for member in _members(annotation):
        if _is_model(member):
            for name, field in fields(member).items():
                yield f"{prefix}{name}"
                yield from _paths(field.annotation, f"{prefix}{name}.")
        elif get_origin(member) is dict:
            yield from _paths(get_args(member)[1], f"{prefix}NAME.")
        elif get_origin(member) in (tuple, list):
            yield from _paths(get_args(member)[0], f"{prefix}0.")


def _is_model(member: Any) -> bool:
    return isinstance(member, type) and issubclass(member, BaseModel)
