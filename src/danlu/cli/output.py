"""What all commands share: printing errors, the last JSON line, the workspace option, how paths and commands are shown."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from danlu.workspace.errors import DanluError
from danlu.workspace.files import file_error
from danlu.workspace.messages import LANGUAGES, Language, choose_language, text

WorkspaceOption = Annotated[Path, typer.Option("--workspace", "-w", help="Folder that holds all artifacts. 存放全部产物的目录")]
SetOption = Annotated[list[str], typer.Option("--set", help="Change a key of the recipe: clean.preset=none. 修改配方中的一项")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line. 最后一行输出 JSON")]
LangOption = Annotated[str | None, typer.Option("--lang", help="Language of the words: en or zh. 语言")]


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
    """Turn `DanluError` into its words and exit status; let `--lang` stand after the command's name too."""

    @wraps(function)
    def wrapped(*arguments: Any, lang: Language | None = None, **options: Any) -> None:
        if lang is not None:
            if lang not in LANGUAGES:
                raise typer.BadParameter(" | ".join(LANGUAGES), param_hint="--lang")
            choose_language(lang)
        try:
            function(*arguments, **options)
        except BrokenPipeError:
            raise typer.Exit(0) from None
        except (DanluError, PermissionError) as failure:  # no permission for whatever file a person named
            error = failure if isinstance(failure, DanluError) else file_error(failure, Path())
            explain(error)
            if options.get("json_line"):
                last_line({"error": error.key, "where": error.where, "parameters": error.parameters}, True)
            raise typer.Exit(error.exit_status) from None

    given = signature(function, eval_str=True)
    option = Parameter("lang", Parameter.KEYWORD_ONLY, default=None, annotation=LangOption)
    vars(wrapped)["__signature__"] = given.replace(parameters=[*given.parameters.values(), option])
    wrapped.__annotations__ = {**function.__annotations__, "lang": LangOption}
    return wrapped


def program() -> str:
    """How this command is called from here: by its name if the shell finds it, else by its path."""
    return "danlu" if shutil.which("danlu") or not sys.argv[0].endswith("danlu") else short(Path(sys.argv[0]).absolute())


def short(path: Path) -> str:
    """A path as seen from here, if that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)
