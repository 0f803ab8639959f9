"""Words for people, in Chinese and English, from tables with the same keys.

Each `<area>.yaml` beside this file maps a key to `{en: ..., zh: ...}`; nested keys are joined with dots. Sentences are
filled with `str.format`, so both languages must name the same parameters (a test holds them to it).
"""

from __future__ import annotations

import locale
import os
import re
from collections.abc import Iterable, Iterator, Mapping
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


Sentences = Mapping[Language, str]


class Table(Mapping[str, Sentences]):
    """Every message by its key. A file is read when a key is asked for whose first part stands in it: to read all of them takes
    a twentieth of a second, and most commands say little."""

    def __init__(self) -> None:
        found = (file for file in files(__package__).iterdir() if file.name.endswith(".yaml"))
        self._texts = [file.read_text(encoding="utf-8") for file in sorted(found, key=lambda file: file.name)]
        self._areas: dict[str, dict[str, Sentences]] = {}

    def __getitem__(self, key: str) -> Sentences:
        area = key.partition(".")[0]
        if area not in self._areas:
            holding = [text for text in self._texts if re.search(rf"^{re.escape(area)}:", text, re.MULTILINE)]
            self._areas[area] = {key: said for text in holding for key, said in _parse(text).items() if _is_in(key, area)}
        return self._areas[area][key]

    def __iter__(self) -> Iterator[str]:
        return iter([key for text in self._texts for key in _parse(text)])

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _is_in(key: str, area: str) -> bool:
    return key.partition(".")[0] == area


@cache
def _parse(text: str) -> dict[str, Sentences]:
    """The messages of one file by their keys."""
    import yaml

    messages: dict[str, Sentences] = {}

    def add(prefix: str, node: Any) -> None:
        if set(node) == set(LANGUAGES):
            messages[prefix] = {language: str(node[language]) for language in LANGUAGES}
            return
        for name, child in node.items():
            add(f"{prefix}.{name}" if prefix else str(name), child)

    add("", yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    return messages


@cache
def table() -> Table:
    """Every message by its key."""
    return Table()


def listed(names: Iterable[str]) -> str:
    """Names in a row, for a parameter of a sentence; the word for none where there is none."""
    return ", ".join(names) or text("workspace.none")


def text(key: str, language: Language | None = None, /, **parameters: object) -> str:
    """The sentence `key` in `language` (default: the current one), filled with `parameters`. KeyError if unknown."""
    return table()[key][language or current_language()].format(**parameters)
