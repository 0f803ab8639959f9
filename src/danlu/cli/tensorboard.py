"""`danlu tensorboard`."""

from __future__ import annotations

import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from danlu.cli.output import JsonOption, WorkspaceOption, command, last_line, say, short
from danlu.pipeline.curves import export_curves
from danlu.pipeline.state import run_names
from danlu.workspace.artifact import Workspace
from danlu.workspace.messages import text

RunArgument = Annotated[str | None, typer.Argument(help="Name of the run; else the latest. 运行名称，默认最近一次")]


@command
def tensorboard(name: RunArgument = None, workspace: WorkspaceOption = Path(".danlu"), json_line: JsonOption = False) -> None:
    """Write a run's learning curves for TensorBoard. 为 TensorBoard 写出一次运行的学习曲线。"""
    place = Workspace(workspace)
    names = run_names(place)
    if not names and name is None:
        say(text("cli.status.none", path=place.path))
        last_line({"run": None, "directory": None, "points": {}, "command": None}, json_line)
        raise typer.Exit(1)
    chosen = name or names[0]
    folder, points = export_curves(place, chosen)
    look = f"tensorboard --logdir {shlex.quote(short(folder))}"
    if not points:
        say(text("tensorboard.none", name=chosen))
    for node, count in points.items():
        say(text("tensorboard.written", node=node, count=count))
    if points:
        say(text("tensorboard.look", command=look))
        if find_spec("tensorboard") is None:
            say(text("tensorboard.missing", command="pip install tensorboard"))
    last_line({"run": chosen, "directory": str(folder), "points": points, "command": look}, json_line)
