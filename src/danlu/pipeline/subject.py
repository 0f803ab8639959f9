"""What a person names to have it measured: a file of predictions, or a model wherever it is."""

from __future__ import annotations

from pathlib import Path

from danlu.models.locate import HUB_NAME, PACKAGE, locate_model
from danlu.pipeline.state import find_model
from danlu.workspace.artifact import Workspace
from danlu.workspace.errors import DanluError


def find_subject(workspace: Workspace, name: str) -> Path | str:
    """A file; else a model as `danlu predict` finds it (directory, `NAME`, `RUN/NAME`, artifact), `package:NAME`, or, where
    none of these is there, `owner/name` of a hub (a string). DanluError if it can be none of them."""
    if Path(name).is_file():
        return Path(name)
    if name.startswith(PACKAGE):
        return Path(locate_model(name, Path()).address)
    try:
        return find_model(workspace, name)
    except DanluError:
        if Path(name).suffix.lower() in (".jsonl", ".json", ".csv", ".tsv", ".parquet", ".txt"):
            raise DanluError("evaluate.no-file", where=name, name=name) from None
        if HUB_NAME.fullmatch(name):
            return name
        raise
