"""From YAML to a tree in which every value knows its line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from danlu.recipe.written import Location, Place, Written, dotted
from danlu.workspace.errors import RecipeError

DEEPEST = 50
MOST_VALUES = 100_000
MAPPING, SEQUENCE = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"


def read_text(path: Path, place: Place) -> str:
    """The text of a recipe; RecipeError, at `place`, if it is not there or not text."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecipeError("recipe.missing", where=str(place)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError("recipe.unreadable", where=str(place), reason=str(error)) from None


def parse(text: str, place: Place) -> Written:
    """The tree of a YAML text in the file of `place`. RecipeError if it is not YAML or a key stands twice."""
    try:
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
        try:
            node = loader.get_single_node()
            return Written(None if node is None else _Builder(loader, place).build(node, _line(node)).value, place)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        where = at_line(place, mark.line + 1 if mark and place.folder else None)
        raise RecipeError("recipe.syntax", where=str(where), reason=getattr(error, "problem", None) or str(error)) from None


def at_line(place: Place, line: int | None) -> Place:
    """The same file at a line."""
    return Place(place.source, line, place.folder, place.via)


class _Builder:
    """One walk over the nodes of a document; counts values, since an alias can stand for very many."""

    def __init__(self, loader: Any, place: Place) -> None:
        self.loader = loader
        self.file = place
        self.values = 0

    def build(self, node: yaml.Node, line: int, at: Location = ()) -> Written:
        place = at_line(self.file, line if self.file.folder else None)
        self.values += 1
        if len(at) > DEEPEST or self.values > MOST_VALUES:
            raise RecipeError("recipe.too-deep", where=str(place), depth=DEEPEST, values=f"{MOST_VALUES:,}")
        if isinstance(node, yaml.MappingNode) and node.tag == MAPPING:
            entries = self.entries(node, at)
            return Written({key: self.build(child, line, (*at, key)) for key, child, line in entries}, place)
        if isinstance(node, yaml.SequenceNode) and node.tag == SEQUENCE:
            return Written([self.build(child, _line(child), (*at, index)) for index, child in enumerate(node.value)], place)
        return Written(self.loader.construct_object(node, deep=True), place)

    def entries(self, node: yaml.MappingNode, at: Location) -> Iterator[tuple[Any, yaml.Node, int]]:
        """Key, value and line of each entry; those that `<<` brings come first and give way."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a word", key.start_mark)
            if key.value in seen:
                place = at_line(self.file, _line(key) if self.file.folder else None)
                raise RecipeError("recipe.twice", where=str(place), key=dotted((*at, key.value)))
            seen.add(key.value)
        self.loader.flatten_mapping(node)
        for key, child in node.value:
            yield self.loader.construct_object(key, deep=True), child, _line(key)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
