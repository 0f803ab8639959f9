"""`danlu tokenizers`: several tokenizers on the same texts, side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from danlu.cli.output import JsonOption, WorkspaceOption, command, last_line, say
from danlu.cli.run import collect_and_tell
from danlu.documents.store import read_documents
from danlu.pipeline.subject import find_artifact, find_tokenizer
from danlu.workspace.artifact import Artifact, Workspace
from danlu.workspace.files import check_file, disk_errors, write_atomic
from danlu.workspace.messages import current_language, text

WIDE = 500  # columns of a table that goes to a file: nothing is cut
EXAMPLES = 2  # texts that are shown cut into tokens, each in another language
LEAST = 30  # characters of such a text


@command
def tokenizers(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="TOKENIZER...",
            help="A model (name, RUN/NAME, directory, package:NAME, owner/name), tokenize.train or its artifact. 分词器或模型",
        ),
    ],
    on: Annotated[
        list[Path], typer.Option("--on", help="Texts to measure on; else those of the latest run. 用于测量的文本")
    ] = [],
    page: Annotated[
        Path | None, typer.Option("--page", help="Also a page to look at, in both languages: a file. 另存为网页（中英双语）")
    ] = None,
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """Compare tokenizers on your texts: how much text a token holds. 在您的文本上比较分词器。"""
    place = Workspace(workspace)
    found = [(name, find_tokenizer(place, name)) for name in names]
    if page is not None:
        check_file(page)
    documents = _documents(place, on)
    from danlu.report import tokenizers as report
    from danlu.tokenize.compare import measure
    from danlu.tokens.measure import RARE

    examples = _examples(documents)
    measured = [measure(name, where, lambda: _texts(documents), examples) for name, where in found]
    found_json = [one.to_json() for one in measured]
    console = Console(width=None if sys.stdout.isatty() else WIDE, markup=False)
    rows = report.measures(found_json, current_language())
    across = zip(names, *(row.cells for row in rows), strict=True)
    console.print(_table(text("tokenizers.title"), [text("tokenizers.name"), *(row.name for row in rows)], across))
    if by_source := report.sources(found_json):
        columns = [text("tokenizers.source"), *names]
        console.print(_table(text("tokenizers.by-source"), columns, [[row.name, *row.cells] for row in by_source]))
    for example in range(len(examples)):
        say()
        for one in measured:
            say(text("tokenizers.cut", name=one.name, tokens="|".join(one.examples[example][1])))
    say()
    for entry in found_json:
        if tokens := entry["unreachable_tokens"]:
            say(text("tokenizers.unreachable-named", name=entry["name"], tokens=" ".join(map(repr, tokens))))
    say(text("tokenizers.reading", rare=RARE))
    if page is not None:
        with disk_errors(page):
            write_atomic(page, report.render(found_json, current_language()))
        say(text("tokenizers.page.done", path=page))
    last_line({"documents": str(documents.path), "tokenizers": found_json, "page": page}, json_line)


def _documents(workspace: Workspace, on: list[Path]) -> Artifact:
    """The cleaned documents of the latest run, or all that are collected from `on`."""
    return collect_and_tell(on, "tokenizers", workspace) if on else find_artifact(workspace, "clean.decide")


def _texts(documents: Artifact) -> Iterator[Any]:
    from danlu.tokens.measure import Text

    for batch in read_documents(documents / "documents", ("text", "language", "source")):
        yield from map(Text, *(column.to_pylist() for column in batch.columns))


def _examples(documents: Artifact) -> list[Any]:
    """The first long enough document of each of the first languages."""
    found: dict[str, Any] = {}
    for each in _texts(documents):
        if len(each.text) >= LEAST and each.language not in found:
            found[each.language] = each
            if len(found) == EXAMPLES:
                break
    return list(found.values())


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left", box=None)
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place else "left", no_wrap=place == 0)
    for row in rows:
        table.add_row(*row)
    return table
