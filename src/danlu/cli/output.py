"""What all commands share: printing errors, the last JSON line, the workspace option."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from danlu.workspace.artifact import Workspace
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import text

WorkspaceOption = Annotated[Path, typer.Option("--workspace", "-w", help="Folder that holds all artifacts. 存放全部产物的目录")]
SetOption = Annotated[list[str], typer.Option("--set", help="Change a key of the recipe: clean.preset=none. 修改配方中的一项")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line. 最后一行输出 JSON")]


def say(line: str = "") -> None:
    """A line for people, on standard error, so that standard output stays for answers."""
    print(line, file=sys.stderr, flush=True)


def last_line(value: dict[str, Any], wanted: bool) -> None:
    """The machine-readable last line."""
    if wanted:
        print(json.dumps(value, ensure_ascii=False, default=str), flush=True)


def explain(error: DanluError) -> None:
    """Print an error in words: what, where, cause, remedy."""
    parts = error.explain()
    say(f"{text('cli.error.label')} {parts.pop('what')}")
    for name, words in parts.items():
        say(f"  {text(f'cli.error.{name}')} {words}")


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Turn `DanluError` into its words and exit status."""

    @wraps(function)
    def wrapped(*arguments: Any, **options: Any) -> None:
        try:
            function(*arguments, **options)
        except DanluError as error:
            explain(error)
            if options.get("json_line"):
                last_line({"error": error.key, "where": error.where, "parameters": error.parameters}, True)
            raise typer.Exit(error.exit_status) from None
        except BrokenPipeError:
            raise typer.Exit(0) from None

    return wrapped


def open_workspace(path: Path) -> Workspace:
    return Workspace(path)
