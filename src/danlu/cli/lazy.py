"""A command group that imports a command when it is called: `danlu --help` must answer at once."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup


def lazy_group(modules: Mapping[str, tuple[str, ...]]) -> type[TyperGroup]:
    """A group of the functions in `modules` (module -> names of functions, which name the commands), in that order."""
    places = {name: module for module, names in modules.items() for name in names}

    class Lazy(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands = dict.fromkeys(places, typer.core.TyperCommand("unused"))  # names, for suggestions

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            return load(places[cmd_name], cmd_name) if cmd_name in places else None

        def format_commands(self, ctx: Any, formatter: Any) -> None:
            with formatter.section("Commands 命令"):
                formatter.write_dl([(name, summary(module, name)) for name, module in places.items()])

    return Lazy


def load(module: str, name: str) -> Any:
    """The command that a function is."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command(name)(getattr(importlib.import_module(module), name))
    return typer.main.get_command(app)


def summary(module: str, name: str) -> str:
    """The first line of a function's docstring, read without importing its module."""
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    return (ast.get_docstring(function) or "").partition("\n")[0]
