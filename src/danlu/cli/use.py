"""Using what was made: `danlu predict` and `danlu serve`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from danlu.cli.output import JsonOption, WorkspaceOption, command, last_line, say
from danlu.compute.machine import Machine
from danlu.pipeline.state import find_model, serve_section
from danlu.workspace.artifact import Workspace
from danlu.workspace.errors import RecipeError
from danlu.workspace.messages import text
from danlu.workspace.progress import progress_for_terminal

ModelArgument = Annotated[str, typer.Argument(help="A model of the latest run, RUN/MODEL, or a directory. 模型名或目录")]


@command
def predict(
    model: ModelArgument,
    file: Annotated[str, typer.Argument(help="txt, jsonl or csv; - for standard input. 输入文件，- 为标准输入")] = "-",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write; else standard output. 输出文件")
    ] = None,
    column: Annotated[str, typer.Option("--text", help="Column of the text. 文本列")] = "text",
    precision: Annotated[
        str, typer.Option("--precision", help="fp32; or bf16: faster where the processor has it, less exact. 精度")
    ] = "fp32",
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """A model's answers for the texts of a file. 用模型为文件中的文本给出答案。"""
    if precision not in ("fp32", "bf16"):
        raise RecipeError("predict.precision", where=f"--precision {precision}", name=precision)
    path = find_model(Workspace(workspace), model)
    from danlu.inference.load import load_for
    from danlu.inference.predict import predict_file

    loaded = load_for(path)
    if precision == "bf16":
        loaded = loaded.in_bf16()
        if not Machine.probe().bf16:
            say(text("cli.predict.no-bf16"))
    source = None if file == "-" else Path(file)
    counts = predict_file(loaded, source, output, text_column=column, progress=progress_for_terminal())
    for part in ("quarantined", "truncated"):
        if counts[part]:
            say(text(f"cli.predict.{part}", count=counts[part]))
    last_line({"model": str(path), "precision": precision, **counts}, json_line)


@command
def serve(
    models: Annotated[list[str] | None, typer.Argument(help="Models of the latest run, or directories. 模型名或目录")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; else the recipe's. 监听地址")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one. 端口，0 表示任选")] = None,
    workspace: WorkspaceOption = Path(".danlu"),
) -> None:
    """Models behind HTTP, in the shape of OpenAI's API. 以 OpenAI 接口形式提供模型服务。"""
    place = Workspace(workspace)
    section = serve_section(place)
    models = list(dict.fromkeys(models or section.models))
    if not models:
        say(text("cli.serve.which"))
        raise typer.Exit(2)
    paths = dict(zip(short_names(models), (find_model(place, name) for name in models), strict=True))
    from danlu.serve.server import run

    run(paths, section.host if host is None else host, section.port if port is None else port)


def short_names(models: Sequence[str]) -> list[str]:
    """What requests call each model: a directory's last part, with as many parts before it as tell it from the others."""
    parts = [Path(name).resolve().parts if Path(name).is_dir() else (name,) for name in models]
    names = []
    for own in parts:
        count = 1
        while count < len(own) and sum(other[-count:] == own[-count:] for other in parts) > 1:
            count += 1
        names.append("/".join(own[-count:]))
    return names
