"""Reading facts that may be absent."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

PLAIN = re.compile(r"[\w@%+=:,./~-]+")
"""What a shell takes as it is, in any script."""


def part(facts: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """The mapping at `path`, empty where any of it is absent."""
    node: Any = facts
    for name in path:
        node = node.get(name) if isinstance(node, Mapping) else None
    return dict(node) if isinstance(node, Mapping) else {}


def entries(facts: Mapping[str, Any], *path: str) -> list[dict[str, Any]]:
    """The list of mappings at `path`, empty where it is absent."""
    found = part(facts, *path[:-1]).get(path[-1])
    return [dict(entry) for entry in found if isinstance(entry, Mapping)] if isinstance(found, list | tuple) else []


def recipe_file(facts: Mapping[str, Any]) -> str:
    """The recipe as one names it on the command line: its path where the facts tell it, else its name; quoted where needed."""
    recipe = part(facts, "recipe")
    path = str(recipe.get("path") or f"{recipe.get('name') or 'recipe'}.yaml")
    return path if PLAIN.fullmatch(path) else shlex.quote(path)


def largest(counts: Mapping[str, Any], most: int) -> list[tuple[str, float]]:
    """The `most` largest of named numbers, largest first, equal ones by name; zeros are left out."""
    order = sorted(((name, value) for name, value in counts.items() if value), key=lambda pair: (-pair[1], pair[0]))
    return order[:most]
