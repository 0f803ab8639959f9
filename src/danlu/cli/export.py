"""`danlu export`: what danlu made, in the layouts of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from danlu.cli.output import JsonOption, WorkspaceOption, command, last_line, say
from danlu.pipeline.state import find_stores
from danlu.workspace.artifact import Workspace
from danlu.workspace.messages import text
from danlu.workspace.progress import progress_for_terminal


@command
def export(
    name: Annotated[
        str,
        typer.Argument(
            help="tokens (the stores of the latest run), an artifact or a folder. tokens 即最近一次运行的词元库，或产物名、目录"
        ),
    ],
    layout: Annotated[str, typer.Argument(help="megatron, datatrove or arrow. 目标格式")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new folder; else NAME-LAYOUT here. 新目录，默认为 名称-格式")
    ] = None,
    eos: Annotated[
        bool, typer.Option("--eos/--no-eos", help="The end mark after each document. 是否在每篇文档后加结束标记")
    ] = True,
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """Token stores for Megatron-LM, datatrove and nanotron, or as Arrow. 把词元库导出为其他工具的格式。"""
    stores, tokenizer = find_stores(Workspace(workspace), name)
    target = output or Path(f"{Path(name).name}-{layout}")
    from danlu.tokens.export import export_stores, folder_words

    counts = export_stores(stores, tokenizer, target, layout, progress_for_terminal(), eos=eos)
    say(text("export.done", path=target, size=folder_words(target), tokens=f"{sum(counts.values()):,}"))
    if tokenizer is None:
        say(text("export.no-tokenizer"))
    last_line({"path": str(target), "layout": layout, "tokens": counts}, json_line)
