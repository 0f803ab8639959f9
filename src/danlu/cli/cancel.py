"""`danlu cancel`: stop a run that goes on in another terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from danlu.cli.output import JsonOption, WorkspaceOption, command, last_line, say
from danlu.pipeline.runner import cancel as ask_to_stop
from danlu.pipeline.state import run_names
from danlu.workspace.artifact import Workspace
from danlu.workspace.messages import text


@command
def cancel(
    name: Annotated[str | None, typer.Argument(help="Name of the run; else the latest. 运行名称，默认最近一次")] = None,
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """Ask a run to stop at its next safe point; nothing finished is lost. 请求运行在下一个安全点停止。"""
    place = Workspace(workspace)
    chosen = name or next(iter(run_names(place)), "")
    pid = ask_to_stop(place, chosen)
    say(text("cli.cancel.asked", name=chosen, pid=pid))
    last_line({"run": chosen, "pid": pid}, json_line)
