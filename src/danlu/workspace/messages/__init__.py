"""Words for people, in Chinese and English, from tables with the same keys.

Each `<area>.yaml` beside this file maps a key to `{en: ..., zh: ...}`; nested keys are joined with dots. Sentences are
filled with `str.format`, so both languages must name the same parameters (a test holds them to it).
"""

from __future__ import annotations

import locale
import os
from collections.abc import Iterable
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")

_chosen: ContextVar[Language | None] = ContextVar("danlu_language", default=None)


def choose_language(language: Language | None) -> None:
    """Set the language of this context (`--lang`); None goes back to the locale."""
    _chosen.set(language)


def current_language() -> Language:
    """The chosen language, else the one of the locale, else English."""
    chosen = _chosen.get()
    if chosen:
        return chosen
    named = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "zh" if (named or locale.getlocale()[0] or "").lower().startswith("zh") else "en"


@cache
def table() -> dict[str, dict[Language, str]]:
    """Every message by its key."""
    import yaml

    messages: dict[str, dict[Language, str]] = {}

    def add(prefix: str, node: Any) -> None:
        if set(node) == set(LANGUAGES):
            messages[prefix] = {language: str(node[language]) for language in LANGUAGES}
            return
        for name, child in node.items():
            add(f"{prefix}.{name}" if prefix else str(name), child)

    for file in sorted(files(__package__).iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".yaml"):
            add("", yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    return messages


def listed(names: Iterable[str]) -> str:
    """Names in a row, for a parameter of a sentence; the word for none where there is none."""
    return ", ".join(names) or text("workspace.none")


def text(key: str, language: Language | None = None, /, **parameters: object) -> str:
    """The sentence `key` in `language` (default: the current one), filled with `parameters`. KeyError if unknown."""
    return table()[key][language or current_language()].format(**parameters)
