"""Sentences that carry numbers: kept as key and parameters in JSON, turned into words where they are read.

A message is `{"key": ..., "params": {...}}`; a parameter may itself be a message (the name of a language, a unit).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from danlu.workspace.messages import Language, text

Message = dict[str, Any]


def message(key: str, **params: object) -> Message:
    return {"key": key, "params": params}


def say(sentence: Mapping[str, Any], language: Language | None = None) -> str:
    """The words of a message, with its inner messages filled in."""
    return text(sentence["key"], language, **{name: _word(value, language) for name, value in sentence["params"].items()})


def _word(value: object, language: Language | None) -> object:
    return say(value, language) if _is_message(value) else value


def _is_message(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping) and set(value) == {"key", "params"}
