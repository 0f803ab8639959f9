"""`danlu export`: what danlu made, in the layouts of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from danlu.cli.output import JsonOption, WorkspaceOption, command, last_line, say
from danlu.pipeline.state import find_stores
from danlu.pipeline.subject import find_tokenizer
from danlu.workspace.artifact import Workspace
from danlu.workspace.disk import size_words
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import text
from danlu.workspace.progress import progress_for_terminal

GGUF = "gguf"
"""The layout of a tokenizer; all others are of token stores."""
STORES = ("tokens", "tokenize.encode")
"""The names of the latest run's stores."""


@command
def export(
    name: Annotated[
        str,
        typer.Argument(
            help="tokens (the stores of the latest run), an artifact or a folder; for gguf tokenize.train or a model. "
            "tokens 即最近一次运行的词元库，或产物名、目录；gguf 则为 tokenize.train 或模型"
        ),
    ],
    layout: Annotated[str, typer.Argument(help="megatron, datatrove, arrow; gguf: a tokenizer. 目标格式；gguf 用于分词器")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A new folder (gguf: file); else NAME-LAYOUT here. 新目录（gguf 为文件）"),
    ] = None,
    eos: Annotated[
        bool | None,
        typer.Option(
            "--eos/--no-eos", help="The end mark after each document; else there is one. 是否在每篇文档后加结束标记，默认加"
        ),
    ] = None,
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """Token stores or a tokenizer in the layouts of other tools. 把词元库或分词器导出为其他工具的格式。"""
    if layout == GGUF:
        if eos is not None:
            raise DanluError("export.eos-of-gguf", where=GGUF)
        if name in STORES and not Path(name).is_dir():
            raise DanluError("export.gguf-of-stores", where=name, name=name)
        _tokenizer(Workspace(workspace), name, output, json_line)
    else:
        _stores(Workspace(workspace), name, layout, output, eos is not False, json_line)


def _tokenizer(workspace: Workspace, name: str, output: Path | None, json_line: bool) -> None:
    target = output or Path(f"{Path(name).name}.{GGUF}")
    from danlu.tokens.llama import export_llama

    count = export_llama(_directory(find_tokenizer(workspace, name)), target)
    say(text("export.llama.done", path=target, size=size_words(target.stat().st_size), tokens=f"{count:,}"))
    last_line({"path": str(target), "layout": GGUF, "vocabulary": count}, json_line)


def _directory(place: Path | str) -> Path:
    """Of a tokenizer; of a hub's, without the weights that may be with it."""
    if isinstance(place, Path):
        return place
    from danlu.models.files import fetched  # imports transformers
    from danlu.tokens.files import TOKENIZER

    return fetched(place, [TOKENIZER])


def _stores(workspace: Workspace, name: str, layout: str, output: Path | None, eos: bool, json_line: bool) -> None:
    stores, tokenizer = find_stores(workspace, name)
    target = output or Path(f"{Path(name).name}-{layout}")
    from danlu.tokens.export import export_stores, folder_words

    counts = export_stores(stores, tokenizer, target, layout, progress_for_terminal(), eos=eos)
    say(text("export.done", path=target, size=folder_words(target), tokens=f"{sum(counts.values()):,}"))
    if tokenizer is None:
        say(text("export.no-tokenizer"))
    last_line({"path": str(target), "layout": layout, "tokens": counts}, json_line)
