"""Which reader reads which file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from danlu.collect.columns import Columns
from danlu.collect.locate import SourceFile, TextSource
from danlu.collect.readers.columnar import read_columns, read_parquet
from danlu.collect.readers.custom import read_custom
from danlu.collect.readers.delimited import read_csv
from danlu.collect.readers.docstrings import read_docstrings, read_module
from danlu.collect.readers.jsonl import read_jsonl
from danlu.collect.readers.pku import read_pku
from danlu.collect.readers.plain import read_text_lines, read_txt
from danlu.collect.records import Layout, Record, Rejected
from danlu.documents.compressed import bare_suffix
from danlu.recipe.sources import CustomSource, PythonDocsSource
from danlu.workspace.errors import DanluError

Reader = Callable[[SourceFile, Layout], Iterator[Record | Rejected]]

READERS: dict[str, Reader] = {
    "txt": read_txt,
    "lines": read_text_lines,
    "jsonl": read_jsonl,
    "csv": read_csv,
    "parquet": read_parquet,
    "pku": read_pku,
}
# Markdown and HTML are plain text here: cleaning takes the mark-up out, and can say what it took.
BY_NAME = {
    ".txt": "txt", ".text": "txt", ".md": "txt", ".html": "txt", ".htm": "txt",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet",
}  # fmt: skip


def format_of(source: TextSource, file: SourceFile) -> str:
    """The format that the recipe names, else the file name's; lines where the recipe gives all of a file one label."""
    if isinstance(source, PythonDocsSource):
        return "python-docs"
    if isinstance(source, CustomSource):
        return "custom"
    if source.format != "auto":
        return source.format
    found = BY_NAME.get(bare_suffix(file.path))
    if found is None:
        raise DanluError("collect.format-unknown", where=file.name, suffix=file.path.suffix or "-", formats=", ".join(READERS))
    return "lines" if found == "txt" and file.label is not None else found


def has_columns(format_name: str) -> bool:
    """Whether a format has named columns, one of which can be the label."""
    return format_name in ("jsonl", "csv", "parquet")


def read_documents_of(source: TextSource, file: SourceFile, base: Path = Path()) -> Iterator[Record | Columns | Rejected]:
    """The documents of a file of a source. `base` is the recipe's folder, where a function of the user's is looked for."""
    if isinstance(source, CustomSource):
        return read_custom(source, file, base, labelled=False)
    if isinstance(source, PythonDocsSource):
        return read_module(file, Layout("python-docs"))
    layout = Layout(format_of(source, file), source.text)
    return read_columns(file, layout) if layout.format == "parquet" else READERS[layout.format](file, layout)


def read_rows_of(source: TextSource, file: SourceFile, base: Path = Path()) -> Iterator[Record | Rejected]:
    """The labelled rows of a file of a source; a file that has one label for all is not asked for a column of them."""
    if isinstance(source, CustomSource):
        return read_custom(source, file, base, labelled=True)
    if isinstance(source, PythonDocsSource):
        return read_docstrings(file, Layout("python-docs"))
    label = source.label if file.label is None else None
    return READERS[format_of(source, file)](file, Layout(format_of(source, file), source.text, label))
