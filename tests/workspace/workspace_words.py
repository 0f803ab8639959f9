"""Who uses which sentence of the message tables: read from the syntax of the sources, nothing is run."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from jinja2 import Environment, nodes

SOURCES = Path(__file__).parents[2] / "src" / "danlu"
ERRORS = ("DanluError", "RecipeError", "Interrupted")
SPEAKERS = ("text", "plain", "say", "warn", "note", "message", "task")
BUILDERS = {"finding": ("doctor", (0, 2), {"remedy", "facts"}), "remedy": ("doctor.remedy", (0,), set[str]())}
"""Functions that make a key of some arguments: what stands before them, which arguments, and options that are no parameters."""
NO_PARAMETERS = {"where"}
KEY = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9+-]+)+")


@dataclass(frozen=True)
class Call:
    """A sentence asked for by a literal key. `given` is None where not all parameters can be read (`**more`)."""

    where: str
    key: str
    error: bool
    given: frozenset[str] | None


@dataclass(frozen=True)
class Uses:
    """All calls with a literal key, and every other way in which the sources name keys: whole, put together, with an ending."""

    calls: list[Call]
    words: set[str]
    patterns: set[str]
    endings: set[str]

    def name(self, key: str) -> bool:
        """Whether something in the sources could ask for `key`."""
        stems = {key, re.sub(r"-one$", "", key)}
        stems |= {re.sub(r"\.(what|cause|remedy|name|definition)$", "", stem) for stem in stems}
        stems |= {stem.removesuffix(ending) for stem in stems for ending in self.endings}
        parents = {stem.rpartition(".")[0] for stem in stems if stem.count(".") > 1}
        return bool((stems | parents) & self.words) or any(re.fullmatch(one, stem) for one in self.patterns for stem in stems)


def fields(sentence: str) -> frozenset[str]:
    """The parameters that a sentence needs: {gain.raw:.1f} needs gain."""
    return frozenset(
        re.split(r"[.\[]", name)[0]
        for _, name, inner, _ in string.Formatter().parse(sentence)
        if name is not None
        for name in (name, *fields(inner or ""))
    )


def read_uses() -> Uses:
    uses = Uses([], set(), set(), set())
    for path in sorted(SOURCES.rglob("*.py")):
        if path.name != "finding.py":  # where the builders themselves are
            _read_python(path, uses)
    for path in sorted([*SOURCES.rglob("*.html"), *SOURCES.rglob("*.jinja")]):
        _read_template(path, uses)
    uses.words.update(call.key for call in uses.calls)
    return uses


def _read_python(path: Path, uses: Uses) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            uses.words.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            _add_pattern([part.value if isinstance(part, ast.Constant) else None for part in node.values], uses)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            sides = [side.value if isinstance(side, ast.Constant) else None for side in (node.left, node.right)]
            _add_pattern([side if isinstance(side, str) else None for side in sides], uses)
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
            uses.endings.update(part.value for part in ast.walk(node.value) if _is_ending(part))
        elif isinstance(node, ast.Call):
            uses.calls.extend(_call(node, f"{path.relative_to(SOURCES)}:{node.lineno}", uses))


def _call(node: ast.Call, where: str, uses: Uses) -> Iterator[Call]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    given = {keyword.arg for keyword in node.keywords if keyword.arg is not None}
    literal = [
        argument.value for argument in node.args if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
    known = None if any(keyword.arg is None for keyword in node.keywords) else given
    if name in BUILDERS:
        prefix, places, options = BUILDERS[name]
        arguments = [node.args[place] for place in places if place < len(node.args)]
        parts = [argument.value if isinstance(argument, ast.Constant) else None for argument in arguments]
        if None in parts:
            _add_pattern([prefix, *(piece for part in parts for piece in (".", part))], uses)
        else:
            key = ".".join((prefix, *map(str, parts)))
            yield Call(where, key, False, None if known is None else frozenset(known - options))
    elif name in ERRORS and literal:
        yield Call(where, literal[0], True, None if known is None else frozenset(known - NO_PARAMETERS))
    elif name in SPEAKERS and literal and KEY.fullmatch(literal[0]) and node.args.index(_constant(node, literal[0])) < 2:
        task = name == "task"
        yield Call(where, literal[0], False, frozenset() if task else None if known is None else frozenset(known))


def _constant(node: ast.Call, value: str) -> ast.expr:
    return next(argument for argument in node.args if isinstance(argument, ast.Constant) and argument.value == value)


def _is_ending(node: ast.AST) -> TypeGuard[ast.Constant]:
    return (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[.-][a-z-]+", node.value) is not None
    )


def _add_pattern(parts: list[str | None], uses: Uses) -> None:
    """A key that is put together: every key is used that fits, if a whole part of it is written out and one part is open."""
    written = "".join(part or "" for part in parts)
    if parts.count(None) == 1 and re.search(r"[a-z0-9-]+\.|\.[a-z0-9-]+\.", written) and re.fullmatch(r"[a-z0-9.+-]*", written):
        uses.patterns.add("".join(r"[^ .]+" if part is None else re.escape(part) for part in parts))


def _read_template(path: Path, uses: Uses) -> None:
    prefix = "serve.page." if path.name == "page.html.jinja" else ""
    for node in Environment().parse(path.read_text(encoding="utf-8")).find_all((nodes.Call, nodes.Const, nodes.Concat)):
        if isinstance(node, nodes.Const) and isinstance(node.value, str):
            uses.words.update({node.value, prefix + node.value})
        elif isinstance(node, nodes.Concat):
            _add_pattern([prefix, *(part.value if isinstance(part, nodes.Const) else None for part in node.nodes)], uses)
        elif isinstance(node, nodes.Call) and node.args and isinstance(node.args[0], nodes.Const):
            name = getattr(node.node, "attr", getattr(node.node, "name", ""))
            if name in ("t", "words"):
                given = None if node.dyn_kwargs else frozenset(keyword.key for keyword in node.kwargs)
                uses.calls.append(Call(f"{path.name}:{node.lineno}", prefix + str(node.args[0].value), False, given))
