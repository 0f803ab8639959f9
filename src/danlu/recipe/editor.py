"""The JSON Schema of a recipe file, for editors that complete and check it while it is written.

It is pydantic's, made into plain JSON Schema, with one thing added: what is laid over another recipe (a recipe with `extends`,
a variant) is a part of a recipe, so nothing is required in it, and null takes an entry of a map by names out.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import yaml
from pydantic.json_schema import GenerateJsonSchema

from danlu.recipe.budget import BudgetConfig, words
from danlu.recipe.schema import FORMAT, RecipeFile
from danlu.recipe.variants import FILE_ONLY
from danlu.recipe.written import NAMED
from danlu.workspace.messages import Language

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NO_KEYWORDS = ("discriminator", "ge", "execution", "later")
"""What pydantic or our own marks leave in the schema and no validator knows."""
REF = "#/$defs/"

Json = dict[str, Any]


def recipe_schema(language: Language = "en") -> Json:
    """The JSON Schema (draft 2020-12) of a recipe file, keys as they are written (`from`), sizes and budgets as text too; what
    it says of sections and keys is in `language`."""
    made = _plain(RecipeFile.model_json_schema(schema_generator=_Generator))
    definitions: Json = made.pop("$defs")
    for definition in definitions.values():
        _describe(definition, definitions)
    _describe(made, definitions)
    whole = made | {"title": "Recipe"}
    parts = {
        f"{name}.part": _part(definition, definitions) for name, definition in definitions.items() if _is_section(definition)
    }
    extending = _part(whole, definitions) | {"title": "Recipe that extends another"}
    variant = extending | {
        "title": "Variant",
        "description": "What a variant changes: the keys of a recipe that differ.",
        "properties": {key: value for key, value in extending["properties"].items() if key not in FILE_ONLY},
    }
    for recipe in (whole, extending):
        entries: Json = {"$ref": f"{REF}Variant"}
        recipe["properties"]["variants"]["additionalProperties"] = entries if recipe is whole else _or_null(entries)
    schema = {
        "$schema": DIALECT,
        "title": f"danlu recipe, format {FORMAT}",
        "description": "One file that says all that a run does.",
        "type": "object",
        "if": {"required": ["extends"]},
        "then": {"$ref": f"{REF}Extending"},
        "else": {"$ref": f"{REF}Recipe"},
        "$defs": {"Recipe": whole, "Extending": extending, "Variant": variant, **definitions, **parts},
    }
    return schema if language == "en" else _translated(schema, chinese())


def chinese() -> dict[str, str]:
    """The Chinese sentence for each English one that the schema says of a section or a key."""
    text = files(__package__).joinpath("chinese.yaml").read_text(encoding="utf-8")
    found: dict[str, str] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return found


def _translated(node: Any, words: Mapping[str, str]) -> Any:
    """The schema with its descriptions in other words."""
    if isinstance(node, list):
        return [_translated(child, words) for child in node]
    if not isinstance(node, dict):
        return node
    found = {key: _translated(child, words) for key, child in node.items()}
    if isinstance(said := node.get("description"), str):
        found["description"] = words.get(said, said)  # that none is left is for a test to say
    return found


class _Generator(GenerateJsonSchema):
    """Budgets as they are written where they are a default."""

    def encode_default(self, dft: Any) -> Any:
        return words(dft) if isinstance(dft, BudgetConfig) else super().encode_default(dft)


def _plain(node: Any) -> Any:
    """The schema without words that no validator knows; maps by a pattern of names as maps with a rule for names."""
    if isinstance(node, list):
        return [_plain(child) for child in node]
    if not isinstance(node, dict):
        return node
    found = {key: _plain(child) for key, child in node.items() if key not in NO_KEYWORDS}
    if isinstance(patterns := found.get("patternProperties"), dict) and len(patterns) == 1:
        del found["patternProperties"]
        [(pattern, value)] = patterns.items()
        found |= {"propertyNames": {"pattern": pattern}, "additionalProperties": value}
    return found


def _describe(definition: Json, definitions: Mapping[str, Json]) -> None:
    """Titles without our class names' endings; a section as a key gets the section's own sentence if it has none."""
    if "title" in definition:
        definition["title"] = definition["title"].removesuffix("Config")
    for value in definition.get("properties", {}).values():
        section = definitions.get(value.get("$ref", "").removeprefix(REF), {})
        if "description" not in value and "description" in section:
            value["description"] = section["description"]


def _part(node: Json, definitions: Mapping[str, Json]) -> Json:
    """The same section with nothing required in it, nor in the sections inside; lists are whole, since they replace."""
    found: Json = {key: value for key, value in node.items() if key != "required"}
    if (name := node.get("$ref", "").removeprefix(REF)) and _is_section(definitions.get(name, {})):
        found["$ref"] = f"{REF}{name}.part"
    if "anyOf" in node:
        found["anyOf"] = [_part(choice, definitions) for choice in node["anyOf"]]
    if isinstance(inside := node.get("additionalProperties"), dict):
        found["additionalProperties"] = _part(inside, definitions)
    if "properties" in node:
        found["properties"] = {key: _part(value, definitions) for key, value in node["properties"].items()}
        for key in NAMED:
            if key in found["properties"] and "name" in found["properties"]:
                section = found["properties"][key]
                section["additionalProperties"] = _or_null(section["additionalProperties"])
    return found


def _or_null(node: Json) -> Json:
    return {"anyOf": [node, {"type": "null"}]}


def _is_section(definition: Mapping[str, Any]) -> bool:
    return "properties" in definition
