"""How to make this again: commands, the recipe, versions, the key of each part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from danlu.report.sections.access import entries, part, recipe_file
from danlu.report.words import clip, duration, finite, known, plain, size
from danlu.workspace.messages import Language


def build(facts: Mapping[str, Any], language: Language) -> dict[str, Any] | None:
    """The commands, the recipe's text and the table of parts; None if the facts hold none of them."""
    recipe, run = part(facts, "recipe"), part(facts, "run")
    if not recipe and not run:
        return None
    name = clip(str(recipe.get("name") or "recipe"), 80)
    return {
        "commands": [f"danlu run {recipe_file(facts)}", f"danlu plan {recipe_file(facts)}", f"danlu report {name}"],
        "recipe": clip(str(recipe.get("text") or ""), 40_000).rstrip(),
        "versions": [
            {"name": clip(str(key), 60), "value": clip(str(value), 60)} for key, value in sorted(part(run, "versions").items())
        ][:40],
        "nodes": [
            {
                "name": clip(str(node.get("name", "")), 120),
                "key": clip(str(node.get("key") or "–"), 64),
                "state": _state(language, str(node.get("state", ""))),
                "seconds": duration(language, node["seconds"]) if finite(node.get("seconds")) else "–",
                "memory": size(node["peak_memory_bytes"]) if node.get("peak_memory_bytes") else "–",
            }
            for node in entries(facts, "run", "nodes")[:200]
        ],
    }


def _state(language: Language, state: str) -> str:
    key = f"report.state.{state}"
    return plain(language, key) if known(key) else clip(state, 40) or "–"
