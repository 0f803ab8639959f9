"""One stage alone, on files: `danlu collect | clean | tokenize | pretrain | finetune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from danlu.cli.cleaning import check_format, tell_cleaning
from danlu.cli.closing import closing_words, summary
from danlu.cli.output import JsonOption, SetOption, WorkspaceOption, command, last_line
from danlu.cli.run import run_and_tell
from danlu.pipeline.alone import as_run, classifier, option, pretraining, text_recipe
from danlu.pipeline.reporting import report_of
from danlu.pipeline.subject import find_start
from danlu.workspace.artifact import Workspace
from danlu.workspace.files import refuse_taken

Paths = Annotated[list[Path], typer.Argument(help="Files or folders of text. 文本文件或目录")]
Data = Annotated[Path, typer.Option("--data", help="Labelled rows: csv, tsv, jsonl or parquet. 带标签的数据文件")]
BudgetOption = Annotated[str, typer.Option("--budget", help="10m, 2h, 20M tokens, 3 epochs or 500 steps. 预算")]


@command
def collect(
    paths: Paths, set_: SetOption = [], workspace: WorkspaceOption = Path(".danlu"), json_line: JsonOption = False
) -> None:
    """Read files into documents. 把文件读成文档。"""
    _run(text_recipe(paths, "collect"), "collect", set_, workspace, json_line)


@command
def clean(
    paths: Paths,
    out: Annotated[
        Path | None, typer.Option("--out", help="Also write documents, verdicts and the page to this new folder. 另写到此目录")
    ] = None,
    preset: Annotated[str | None, typer.Option("--preset", help="Rules and thresholds by name. 规则方案")] = None,
    form: Annotated[str, typer.Option("--format", help="Of the documents in --out: parquet or jsonl. 文档格式")] = "parquet",
    set_: SetOption = [],
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """Repair documents and drop bad ones and repeats. 修复文档，剔除劣质与重复文档。"""
    recipe = text_recipe(paths, "clean")
    if preset is not None:
        recipe["clean"] = {"preset": option("--preset", preset)}
    if out is not None:
        refuse_taken(out)
        recipe["collect"]["holdout"] = {"bytes": 0}  # what goes to a folder of the user's goes whole
    written_as = check_format(form)
    place = Workspace(workspace)
    with as_run(place, recipe, set_) as loaded:
        result = run_and_tell(loaded, place, "clean.decide")
        report = report_of(result)
        closing_words(result, report, loaded)
        made = tell_cleaning(result, out, written_as)
    last_line(summary(result, report) | made, json_line)


@command
def tokenize(
    paths: Paths, set_: SetOption = [], workspace: WorkspaceOption = Path(".danlu"), json_line: JsonOption = False
) -> None:
    """Train a tokenizer on files and encode them. 训练分词器并编码文本。"""
    _run(text_recipe(paths, "tokenize"), "tokenize.encode", set_, workspace, json_line)


@command
def pretrain(
    paths: Paths,
    family: Annotated[str, typer.Option(help="bert or gpt. 模型家族")] = "gpt",
    size: Annotated[str, typer.Option(help="nano, tiny, small or base. 规模")] = "tiny",
    budget: BudgetOption = "10m",
    set_: SetOption = [],
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """Train a model from nothing on files. 在您的文本上从零预训练模型。"""
    _run(pretraining(paths, family, size, budget), None, set_, workspace, json_line)


@command
def finetune(
    data: Data,
    model: Annotated[
        str, typer.Option("--from", help="A model: NAME, RUN/NAME, directory, package:NAME or owner/name. 起始模型")
    ],
    column: Annotated[str, typer.Option("--text", help="Column of the text. 文本列")] = "text",
    label: Annotated[str, typer.Option("--label", help="Column of the label. 标签列")] = "label",
    budget: BudgetOption = "3 epochs",
    set_: SetOption = [],
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """Make a classifier from labelled rows and a model. 用标注数据和模型训练分类器。"""
    start = find_start(Workspace(workspace), model)
    _run(classifier(data, start, column, label, budget), None, set_, workspace, json_line)


def _run(recipe: dict[str, Any], until: str | None, overrides: list[str], workspace: Path, json_line: bool) -> None:
    place = Workspace(workspace)
    with as_run(place, recipe, overrides) as loaded:
        result = run_and_tell(loaded, place, until)
        report = report_of(result)
        closing_words(result, report, loaded)
    last_line(summary(result, report), json_line)
