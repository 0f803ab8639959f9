"""`danlu evaluate`: models and files of predictions on a file, beside baselines and each other."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from danlu.cli.output import JsonOption, WorkspaceOption, command, last_line, say
from danlu.pipeline.subject import find_subject, learned_from
from danlu.workspace.artifact import Workspace
from danlu.workspace.errors import DanluError
from danlu.workspace.files import disk_errors, make_folder
from danlu.workspace.messages import text
from danlu.workspace.progress import progress_for_terminal

if TYPE_CHECKING:
    from danlu.evaluate.show import Grid

WIDE = 500  # columns of a table that goes to a file: nothing is cut


@command
def evaluate(
    subjects: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL|PREDICTIONS...",
            help="Models (a name, RUN/NAME, a directory, package:NAME, owner/name) or files of predictions. 模型或预测文件",
        ),
    ],
    on: Annotated[
        Path, typer.Option("--on", help="Rows to measure on: jsonl, csv, tsv, parquet, txt, or a folder. 评测文件或目录")
    ],
    split: Annotated[
        str, typer.Option("--split", help="Rows to take where the file has a column split. 有 split 列时所取的部分")
    ] = "test",
    task: Annotated[str | None, typer.Option(help="Task; else told from the columns. 任务，默认由列名判断")] = None,
    metric: Annotated[list[str], typer.Option("--metric", help="Metric, repeatable; the first decides. 指标，可重复")] = [],
    column: Annotated[str | None, typer.Option("--text", help="Column of the text. 文本列")] = None,
    label: Annotated[str | None, typer.Option("--label", help="Column of what is right. 标准答案列")] = None,
    prediction: Annotated[str | None, typer.Option("--prediction", help="Column of the answers. 预测列")] = None,
    cluster: Annotated[
        str | None, typer.Option("--cluster", help="Column of what hangs together, such as a document. 分组列")
    ] = None,
    tags: Annotated[
        str, typer.Option("--tags", help="Names of numbered tags, from 0: O,B-PER,... 数字标注的名称，从 0 起")
    ] = "",
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="Training rows, for TF-IDF and for leaks. 训练数据，用于基线与泄漏检查")
    ] = None,
    seen: Annotated[
        list[Path], typer.Option("--seen", help="Texts that models learned from, to look for the rows in. 模型学过的文本")
    ] = [],
    positive: Annotated[str | None, typer.Option(help="Class that *_binary metrics are of. 正类")] = None,
    margin: Annotated[
        float | None, typer.Option(help="So much worse is not yet worse, in the metric's unit. 非劣效界值")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for all numbers, answers, disagreements. 输出目录")] = None,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.9999, help="Level of the intervals. 置信水平")] = 0.95,
    resamples: Annotated[int, typer.Option(min=100, max=100_000, help="Bootstrap resamples. 重抽次数")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resamples. 随机种子")] = 0,
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """Models or predictions scored on a file, beside baselines. 在文件上评测模型或预测，并与基线比较。"""
    place = Workspace(workspace)
    found = [(name, find_subject(place, name)) for name in subjects]
    from danlu.evaluate import show
    from danlu.evaluate.command import Request, measure
    from danlu.evaluate.data import Columns
    from danlu.evaluate.openings import LOG, earlier_openings, log_opening
    from danlu.evaluate.subjects import named

    texts = [*((str(path), path, None) for path in seen), *learned_from(place, [where for _, where in found])]
    names = tuple(name.strip() for name in tags.split(",")) if tags.strip() else ()
    columns = Columns(column, label, prediction, cluster, names)
    request = Request(
        named(found), on, split, task, metric, columns, baseline, texts, positive, margin, confidence, resamples, seed,
    )  # fmt: skip
    if out is not None:
        make_folder(out)
    measured = measure(request, progress_for_terminal())
    key = measured.data.table.key
    earlier, models = earlier_openings(place.path / LOG, key, measured.split)
    unlogged = ""
    try:
        log_opening(place.path / LOG, on, key, measured.split, len(measured.data), show.models(measured))
    except DanluError as error:
        unlogged = text(
            "evaluate.not-logged", path=error.where, reason=error.parameters.get("reason") or error.explain()["what"]
        )

    console = Console(width=None if sys.stdout.isatty() else WIDE)
    title = text("evaluate.title", file=on, rows=len(measured.data), task=measured.data.task)
    print_grids(console, title, show.main_grids(measured))
    print_grids(console, text("evaluate.parts", metric=measured.metrics[0]), show.part_grids(measured))
    for name, words in show.definitions(measured.metrics):
        say(f"{name}: {words}")
    for line in show.lines(measured):
        say(line)
    if earlier:
        say(text("evaluate.opened", earlier=earlier, models=models))
    if unlogged:
        say(unlogged)
    if out is not None:
        with disk_errors(out):
            show.write(measured, out)
        say(text("evaluate.written", path=out))
    last_line({**measured.to_json(), "earlier_openings": earlier}, json_line)


def print_grids(console: Console, title: str, grids: Iterable[Grid]) -> None:
    """The first of the tables, which show less and less, that fits the terminal; the last where none does."""
    table = None
    for grid in grids:
        table = _table(grid)
        if console.measure(table, options=console.options.update(max_width=WIDE)).maximum <= console.width:
            break
    if table is not None:
        console.print(title, style="italic", highlight=False, markup=False, soft_wrap=True)
        console.print(table)


def _table(grid: Grid) -> Table:
    table = Table(box=None)
    for place, name in enumerate(grid.columns):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    for row in grid.rows:
        table.add_row(*row)
    return table
