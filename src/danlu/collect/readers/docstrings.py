"""The documentation inside Python modules, read from their source without importing them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from danlu.collect.locate import SourceFile
from danlu.collect.records import Layout, Record, Rejected
from danlu.documents.schema import MOST_BYTES

_TOPICS = "pydoc_data/topics.py"
_BLOCKS = ("body", "handlers", "orelse", "finalbody")  # where a statement holds other statements
_LEAST_WORDS = 3  # fewer say nothing of the module they stand in


def read_module(file: SourceFile, _layout: Layout, most: int = MOST_BYTES) -> Iterator[Record | Rejected]:
    """A module's docstrings as one record; each text of `help('TOPIC')` as a record of its own."""
    tree = _parse(file, most)
    if isinstance(tree, Rejected):
        yield tree
    elif file.name.endswith(_TOPICS):
        for ordinal, text in enumerate(_topics(tree), 1):
            yield Record(ordinal, text)
    elif texts := _docstrings(tree):
        yield Record(0, "\n\n".join(texts))


def read_docstrings(file: SourceFile, _layout: Layout, most: int = MOST_BYTES) -> Iterator[Record | Rejected]:
    """Each docstring of a module as a record whose label is the top-level module."""
    tree = _parse(file, most)
    if isinstance(tree, Rejected):
        yield tree
        return
    label = file.name.partition(":")[2].partition("/")[0].removesuffix(".py")
    for ordinal, text in enumerate(_docstrings(tree), 1):
        if len(text.split()) >= _LEAST_WORDS:
            yield Record(ordinal, text, label)


def _parse(file: SourceFile, most: int) -> ast.Module | Rejected:
    """The syntax tree; Python itself finds the encoding that a module declares."""
    if file.path.stat().st_size > most:
        return Rejected(file.name, "too-long", {"bytes": file.path.stat().st_size, "most": most})
    try:
        return ast.parse(file.path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return Rejected(file.name, "python")


def _docstrings(tree: ast.Module) -> list[str]:
    """Docstrings of the module, its classes and functions, in the order of the source. Expressions are not looked into."""
    found: list[str] = []
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node)
            if text and text.strip() and _encodes(text):
                found.append(text)
        blocks = (getattr(node, name, ()) for name in _BLOCKS)
        pending += reversed([statement for block in blocks for statement in block])
    return found


def _topics(tree: ast.Module) -> list[str]:
    """The values of the one dictionary of `pydoc_data.topics`, in the order of its keys."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            topics: dict[str, str] = ast.literal_eval(node.value)
            return [topics[name] for name in sorted(topics)]
    return []


def _encodes(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
