"""Facts made fit to be shown: whatever a text, a name or a file held, the page stays valid, and bounded in size.

This is the one door through which foreign strings come into the page. Escaping is done later, where they are written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LONGEST_TEXT, LONGEST_NAME, LONGEST_RECIPE = 700, 80, 40_000
TEXTS = frozenset(
    {"text", "other", "before", "after", "prompt", "tokens", "definition"}
)  # keys of facts that hold running text, also in several languages; other strings are names
WIDER = {"origin": 3, "path": 3, "signature": 5}  # names that may be so many times as long
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # in HTML, and what UTF-8 cannot write


def tidy(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts with every string bounded and free of characters that no page may hold; numbers and structure stay."""
    found = {str(name): _tidy(value, str(name)) for name, value in facts.items()}
    recipe = facts.get("recipe")
    if isinstance(recipe, Mapping):
        found["recipe"] = {
            name: _string(value, LONGEST_RECIPE) if name == "text" else _tidy(value, name) for name, value in recipe.items()
        }
    return found


def _tidy(value: Any, name: str) -> Any:
    if isinstance(value, str):
        return _string(
            value,
            LONGEST_TEXT if name in TEXTS else LONGEST_NAME * WIDER.get(name, 1),
        )
    if isinstance(value, Mapping):
        return {
            _string(str(key), LONGEST_NAME): _tidy(child, name if name == "definition" else str(key))
            for key, child in value.items()
        }
    if isinstance(value, list | tuple):
        return [_tidy(child, name) for child in value]
    return value


def _string(value: object, most: int) -> str:
    text = str(value)
    text = text if len(text) <= most else text[: most - 1] + "…"
    return FORBIDDEN.sub(lambda found: "\ufffd" if found[0] > "\u0fff" else f"⟨{ord(found[0]):02X}⟩", text)
