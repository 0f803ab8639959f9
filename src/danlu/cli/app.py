"""The command line."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

import danlu
from danlu.cli.lazy import lazy_group
from danlu.compute.leave import leave
from danlu.compute.threads import wait_politely
from danlu.workspace.messages import choose_language

COMMANDS = {
    "danlu.cli.run": ("run", "plan"),
    "danlu.cli.inspect": ("status", "show"),
    "danlu.cli.report": ("report",),
    "danlu.cli.cancel": ("cancel",),
    "danlu.cli.why": ("why",),
    "danlu.cli.lock": ("lock",),
    "danlu.cli.stages": ("collect", "clean", "tokenize", "pretrain", "finetune"),
    "danlu.cli.tokenizers": ("tokenizers",),
    "danlu.cli.extend": ("extend",),
    "danlu.cli.evaluate": ("evaluate",),
    "danlu.cli.use": ("predict", "serve"),
    "danlu.cli.export": ("export",),
    "danlu.cli.keep": ("gc", "pin", "unpin"),
    "danlu.cli.forget": ("forget",),
    "danlu.cli.tensorboard": ("tensorboard",),
    "danlu.cli.schema": ("schema",),
    "danlu.cli.doctor": ("doctor",),
}
"""Module -> its commands, in the order of the help."""

app = typer.Typer(
    name="danlu",
    cls=lazy_group(COMMANDS),
    rich_markup_mode=None,  # plain help: its formatter alone would take a fifth of a second to import
    help="Raw text to a language model that you can explain and serve. 从原始文本到可解释、可部署的语言模型。",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"danlu {danlu.__version__}")
        raise typer.Exit


@app.callback()
def options(
    lang: Annotated[str | None, typer.Option(help="Language of the words: en or zh; else the locale's. 语言")] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version. 版本")
    ] = False,
) -> None:
    if lang is not None and lang not in ("en", "zh"):
        raise typer.BadParameter("en | zh", param_hint="--lang")
    choose_language("zh" if lang == "zh" else "en" if lang == "en" else None)


def commands() -> None:
    """Do what the arguments of this process ask for; SystemExit at its end."""
    wait_politely()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    app()


def main() -> NoReturn:
    """Entry point of the `danlu` script: the process ends in it."""
    try:
        commands()
    except SystemExit as end:
        leave(end.code if isinstance(end.code, int) else bool(end.code))
    leave()
