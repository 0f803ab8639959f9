"""`danlu report`: the page of a run, of its cleaning, of two cleanings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from danlu.cli.cleaning import comparison_words
from danlu.cli.output import JsonOption, WorkspaceOption, command, last_line, say
from danlu.pipeline.reporting import stored_result, write_report
from danlu.pipeline.state import run_names
from danlu.workspace.artifact import Workspace
from danlu.workspace.files import check_file
from danlu.workspace.messages import text


@command
def report(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME [OTHER]]",
            help="The run; none: the latest. Two: cleanings to compare (runs, artifacts, folders of clean --out). 运行或清洗",
        ),
    ] = None,
    cleaning: Annotated[
        bool, typer.Option("--cleaning", help="The page of its cleaning, with thresholds to try out. 清洗的页面")
    ] = False,
    page: Annotated[Path | None, typer.Option("--page", help="Where to write a page of cleanings. 清洗页面写到何处")] = None,
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """Write the page of a run anew, or of its cleaning, or of two cleanings. 重新生成一次运行、其清洗或两次清洗的页面。"""
    place, named = Workspace(workspace), names or run_names(Workspace(workspace))[:1]
    if len(named) > 2 or (page is not None and len(named) < 2 and not cleaning):
        raise typer.BadParameter("NAME OTHER --page FILE | NAME --cleaning --page FILE | NAME")
    if not named:
        say(text("cli.status.none", path=place.path))
        raise typer.Exit(1)
    if page is not None:
        check_file(page)
    line: dict[str, Any] = {}
    if len(named) == 2:
        from danlu.pipeline.cleaning import write_comparison  # brings the libraries of tables

        path, facts = write_comparison(place, (named[0], named[1]), page)
        for words in comparison_words(facts):
            say(words)
        line = {name: facts[name] for name in ("common", "both", "only", "neither")}
    elif cleaning:
        from danlu.pipeline.cleaning import find_cleaning, write_page

        path = write_page(place, find_cleaning(place, named[0]), named[0], page)
    else:
        path = write_report(stored_result(place, named[0]))
    print(path)
    last_line({"report": str(path), **line}, json_line)
