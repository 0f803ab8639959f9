"""`danlu doctor`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

import danlu
from danlu.cli.output import JsonOption, WorkspaceOption, command, last_line
from danlu.compute.doctor import diagnose
from danlu.compute.finding import Finding
from danlu.workspace.messages import text
from danlu.workspace.sentences import say as words_of

STYLES = {"ok": "green", "notice": "yellow", "problem": "bold red"}
FullOption = Annotated[bool, typer.Option("--full", help="Also compile a line and import packages. 还试编译与导入")]
OnlineOption = Annotated[bool, typer.Option("--online", help="Also ask for the hub of models. 还检查能否访问模型库")]


@command
def doctor(
    full: FullOption = False,
    online: OnlineOption = False,
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """What this machine can do and what is missing. 检查本机的能力与缺少的东西。"""
    found = list(diagnose(workspace))
    if full or online:
        from danlu.compute.trials import check_network, try_out

        found += [*(try_out() if full else ()), *(check_network() if online else ())]
    levels = Counter(line.level for line in found)
    print_findings(found)
    how = "problems" if levels["problem"] else "notices" if levels["notice"] else "fine"
    counts = {"problems": levels["problem"], "notices": levels["notice"]}
    print(f"\n{text(f'doctor.end.{how}', **counts)}")
    if not (full and online):
        print(text("doctor.end.more"))
    last_line({"danlu": danlu.__version__, **counts, "checks": [asdict(line) for line in found]}, json_line)
    if levels["problem"]:
        raise typer.Exit(1)


def print_findings(found: list[Finding]) -> None:
    """A line for each finding, its remedy below it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    for name in ("level", "name"):
        grid.add_column(name, no_wrap=True)
    grid.add_column("words", overflow="fold")
    for line in found:
        level = Text(text(f"doctor.level.{line.level}"), style=STYLES[line.level])
        words = Text(words_of(line.said))
        if line.remedy is not None:
            words.append("\n" + text("doctor.remedy.label", words=words_of(line.remedy)), style="bold")
        grid.add_row(level, text(f"doctor.name.{line.check}"), words)
    console = Console(highlight=False)
    console.print(text("doctor.title", version=danlu.__version__) + "\n", markup=False)
    console.print(grid)
