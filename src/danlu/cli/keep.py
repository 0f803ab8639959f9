"""`danlu gc`, `danlu pin`, `danlu unpin`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from danlu.cli.inspect import find_artifact
from danlu.cli.output import JsonOption, WorkspaceOption, command, last_line, say
from danlu.pipeline.gc import Sweep, Wishes, clear, look
from danlu.workspace.artifact import Workspace
from danlu.workspace.disk import parse_size, size_words
from danlu.workspace.errors import RecipeError
from danlu.workspace.formats import check_format
from danlu.workspace.messages import text
from danlu.workspace.pins import pin as pin_artifact
from danlu.workspace.pins import read_pins
from danlu.workspace.pins import unpin as unpin_artifacts
from danlu.workspace.sentences import say as words

NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Stages of the latest run (pretrain.bert) or artifacts; none lists the pins. 阶段名或产物名"),
]


@command
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would go. 只列出，不删除")] = False,
    quota: Annotated[
        str | None, typer.Option(help="Free also what old runs use, down to this size: 10GB. 占用上限，超出时清除旧运行的产物")
    ] = None,
    runs: Annotated[
        int | None, typer.Option(min=1, help="Forget all but so many of the newest runs. 只保留最近几次运行")
    ] = None,
    partial: Annotated[
        bool,
        typer.Option(
            "--partial", help="All unfinished work that nobody is at, not only a week old. 清除全部无人处理的未完成工作"
        ),
    ] = False,
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """Free the disk of what no run and no pin needs. 清除没有运行或保留标记需要的内容。"""
    wishes = Wishes(None if quota is None else _size(quota), runs, partial)
    place = Workspace(workspace)
    swept = look(place, wishes) if dry_run else clear(place, wishes)
    for line in sweep_words(swept, dry_run):
        say(line)
    last_line(summary(swept, dry_run, place), json_line)


def sweep_words(swept: Sweep, dry_run: bool) -> list[str]:
    """The table on standard output; the sentences that go with it."""
    amounts = {"freed": size_words(swept.bytes), "kept": size_words(swept.kept_bytes)}
    if swept.items:
        Console().print(sweep_table(swept))
        lines = [text("gc.would" if dry_run else "gc.freed", **amounts)]
    else:
        lines = [text("gc.nothing", **amounts)]
    if swept.rebuilds:
        lines.append(text("gc.rebuilds", runs=", ".join(swept.rebuilds)))
    if swept.over_bytes:
        lines.append(text("gc.over", over=size_words(swept.over_bytes)))
    return lines


def sweep_table(swept: Sweep) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(text("gc.name"), no_wrap=True)
    table.add_column(text("gc.bytes"), justify="right", no_wrap=True)
    table.add_column(text("gc.reason"), overflow="fold")
    for item in swept.items:
        table.add_row(item.name, size_words(item.bytes), words(item.why))
    return table


def summary(swept: Sweep, dry_run: bool, workspace: Workspace) -> dict[str, object]:
    """The last line of `danlu gc --json`; sizes in bytes."""
    items = [
        {"kind": item.kind, "path": str(item.path.relative_to(workspace.path)), "bytes": item.bytes, "why": item.why}
        for item in swept.items
    ]
    return {
        "dry_run": dry_run,
        "freed_bytes": swept.bytes,
        "kept_bytes": swept.kept_bytes,
        "over_bytes": swept.over_bytes,
        "rebuilds": list(swept.rebuilds),
        "items": items,
    }


@command
def pin(names: NamesArgument = None, workspace: WorkspaceOption = Path(".danlu"), json_line: JsonOption = False) -> None:
    """Keep artifacts from `danlu gc`; without a name, list the pins. 保留产物，使 `danlu gc` 不清除它。"""
    place = Workspace(workspace)
    check_format(place.path)
    for artifact in [find_artifact(place, name) for name in names or ()]:
        made = pin_artifact(place, artifact)
        say(text("pin.pinned", artifact=made.artifact, node=made.node))
    pins = read_pins(place)
    if not names:
        for one in pins:
            there = (place.artifacts / one.artifact).exists()
            print(f"{one.artifact}  {one.node}" if there else text("pin.missing", artifact=one.artifact))
        if not pins:
            say(text("pin.none"))
    last_line({"pins": [one.artifact for one in pins]}, json_line)


@command
def unpin(
    names: Annotated[list[str], typer.Argument(help="Pinned artifacts, or the stages they were. 已保留的产物名或阶段名")],
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """Let `danlu gc` free artifacts again. 取消保留。"""
    place = Workspace(workspace)
    check_format(place.path)
    for name in names:
        for one in unpin_artifacts(place, name):
            say(text("pin.unpinned", artifact=one.artifact, node=one.node))
    last_line({"pins": [one.artifact for one in read_pins(place)]}, json_line)


def _size(written: str) -> int:
    try:
        return parse_size(written)
    except ValueError:
        raise RecipeError("gc.quota", where="--quota", value=written) from None
