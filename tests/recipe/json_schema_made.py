"""A small checker for the part of JSON Schema 2020-12 that the recipe's schema uses; it refuses words it does not know."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

ANNOTATIONS = {"$schema", "$id", "$defs", "title", "description", "default", "examples", "unit", "then", "else"}
TYPES: Mapping[str, Any] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float), "null": type(None),
}  # fmt: skip


def problems(schema: Mapping[str, Any], value: Any, root: Mapping[str, Any] | None = None, at: str = "") -> Iterator[str]:
    """What is wrong with `value`, a line each; KeyError for a keyword that this checker does not know."""
    root = schema if root is None else root
    for word, rule in schema.items():
        if word not in ANNOTATIONS:
            yield from RULES[word](schema, rule, value, root, at)


def _valid(rule: Mapping[str, Any], value: Any, root: Mapping[str, Any]) -> bool:
    return next(problems(rule, value, root), None) is None


def _type(schema: Any, rule: str, value: Any, root: Any, at: str) -> Iterator[str]:
    if not isinstance(value, TYPES[rule]) or (isinstance(value, bool) and rule in ("integer", "number")):
        yield f"{at}: {value!r} is not {rule}"


def _reference(schema: Any, rule: str, value: Any, root: Any, at: str) -> Iterator[str]:
    assert rule.startswith("#/$defs/")
    yield from problems(root["$defs"][rule.removeprefix("#/$defs/")], value, root, at)


def _properties(schema: Any, rule: Any, value: Any, root: Any, at: str) -> Iterator[str]:
    for key in value if isinstance(value, dict) else ():
        if key in rule:
            yield from problems(rule[key], value[key], root, f"{at}.{key}")


def _additional(schema: Any, rule: Any, value: Any, root: Any, at: str) -> Iterator[str]:
    for key in value if isinstance(value, dict) else ():
        if key in schema.get("properties", {}):
            continue
        if rule is False:
            yield f"{at}: no key {key}"
        elif rule is not True:
            yield from problems(rule, value[key], root, f"{at}.{key}")


def _names(schema: Any, rule: Any, value: Any, root: Any, at: str) -> Iterator[str]:
    for key in value if isinstance(value, dict) else ():
        yield from problems(rule, key, root, f"{at}.{key}")


def _required(schema: Any, rule: Any, value: Any, root: Any, at: str) -> Iterator[str]:
    yield from (f"{at}: {key} is missing" for key in rule if isinstance(value, dict) and key not in value)


def _items(schema: Any, rule: Any, value: Any, root: Any, at: str) -> Iterator[str]:
    for index, item in enumerate(value if isinstance(value, list) else ()):
        yield from problems(rule, item, root, f"{at}.{index}")


def _choice(schema: Any, rule: Any, value: Any, root: Any, at: str) -> Iterator[str]:
    if not any(_valid(option, value, root) for option in rule):
        yield f"{at}: {value!r} is none of the choices"


def _one(schema: Any, rule: Any, value: Any, root: Any, at: str) -> Iterator[str]:
    if sum(_valid(option, value, root) for option in rule) != 1:
        yield f"{at}: {value!r} is not just one of the choices"


def _if(schema: Any, rule: Any, value: Any, root: Any, at: str) -> Iterator[str]:
    yield from problems(schema["then" if _valid(rule, value, root) else "else"], value, root, at)


def _pattern(schema: Any, rule: str, value: Any, root: Any, at: str) -> Iterator[str]:
    if isinstance(value, str) and not re.search(rule, value):
        yield f"{at}: {value!r} does not match {rule}"


def _bound(holds: Any) -> Any:
    def rule_of(schema: Any, rule: Any, value: Any, root: Any, at: str) -> Iterator[str]:
        if isinstance(value, int | float) and not isinstance(value, bool) and not holds(value, rule):
            yield f"{at}: {value} is out of bounds, {rule}"

    return rule_of


def _length(kind: type) -> Any:
    def rule_of(schema: Any, rule: int, value: Any, root: Any, at: str) -> Iterator[str]:
        if isinstance(value, kind) and len(value) < rule:  # type: ignore[arg-type]
            yield f"{at}: less than {rule}"

    return rule_of


def _equal(schema: Any, rule: Any, value: Any, root: Any, at: str) -> Iterator[str]:
    if value != rule:
        yield f"{at}: {value!r} is not {rule!r}"


def _enum(schema: Any, rule: Any, value: Any, root: Any, at: str) -> Iterator[str]:
    if value not in rule:
        yield f"{at}: {value!r} is none of {rule}"


RULES: Mapping[str, Any] = {
    "$ref": _reference, "type": _type, "properties": _properties, "additionalProperties": _additional, "required": _required,
    "propertyNames": _names, "items": _items, "anyOf": _choice, "oneOf": _one, "if": _if, "pattern": _pattern, "const": _equal,
    "enum": _enum, "minimum": _bound(lambda value, least: value >= least), "maximum": _bound(lambda value, most: value <= most),
    "exclusiveMinimum": _bound(lambda value, least: value > least),
    "exclusiveMaximum": _bound(lambda value, most: value < most),
    "minItems": _length(list), "minLength": _length(str),
}  # fmt: skip
