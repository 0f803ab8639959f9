"""A cleaning as a person names it: its page, a page of two of them, and its outcome as files of one's own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from danlu.clean.account import account
from danlu.clean.compare import VERDICTS, Side, compare
from danlu.clean.judged import Cleaning
from danlu.documents.store import document_parts, read_documents
from danlu.pipeline.lineage import artifact_at
from danlu.pipeline.runner import report_path
from danlu.pipeline.state import artifact_of, read_state, run_names
from danlu.recipe.clean import CleanConfig
from danlu.recipe.run_name import as_name
from danlu.workspace.artifact import Artifact, Workspace
from danlu.workspace.errors import DanluError
from danlu.workspace.files import disk_errors, whole_folder, write_atomic, write_json
from danlu.workspace.messages import current_language

STAGE = "clean.decide"
LEARNED = ("language_model", "classifier")
PAGE, ABOUT = "report.html", "cleaning.json"
EDITS = "edits.parquet"
"""Where lines or paragraphs went out of documents that stay."""
Format = Literal["parquet", "jsonl"]


def find_cleaning(workspace: Workspace, name: str) -> Artifact:
    """The decision of a run, by the run's name, or the artifact of that name. DanluError if it is none."""
    if name in run_names(workspace):
        node = read_state(workspace, name).standing(workspace, STAGE)
        if node is not None and (artifact := artifact_of(workspace, node)) is not None:
            return artifact
        raise DanluError("pipeline.not-made", where=str(workspace.path), stage=f"{name}/{STAGE}")
    return workspace.named(name)


def write_page(workspace: Workspace, decided: Artifact, name: str, path: Path | None = None) -> Path:
    """Write the page of a cleaning, by default beside the page of the run of that name; returns where it is."""
    from danlu.report.cleaning import render  # brings a template engine

    path = path or report_path(workspace, name).with_name("cleaning.html")
    return _write(path, render(account(cleaning_of(workspace, decided, name)), current_language()))


def write_comparison(workspace: Workspace, names: tuple[str, str], path: Path | None = None) -> tuple[Path, Mapping[str, Any]]:
    """Write the page of two cleanings; returns where it is, and the facts on it."""
    from danlu.report.compared import render

    first, second = (_side(workspace, name) for name in names)
    facts = compare(first, second)
    path = path or workspace.path / "reports" / "cleanings" / f"{'-and-'.join(as_name(name) for name in names)}.html"
    return _write(path, render(facts, current_language())), facts


def cleaning_of(workspace: Workspace, decided: Artifact, name: str) -> Cleaning:
    """Where all that belongs to a decision lies. DanluError if what it was made from is gone."""
    manifest = decided.manifest
    documents, scores = (artifact_at(workspace, manifest["inputs"][role]) for role in ("documents", "scores"))
    for input_ in (documents, scores):
        if not input_.path.exists():
            raise DanluError("cleaning.gone", where=str(decided.path), artifact=input_.path.name)
    made = scores.manifest["inputs"]
    learned = {role: artifact_at(workspace, made[role]).path for role in LEARNED if made.get(role)}
    config = CleanConfig.model_validate(manifest["config"])
    there = {role: path for role, path in learned.items() if path.exists()}
    return Cleaning(name, decided.path, documents.path, scores.path, config, there)


def write_out(decided: Artifact, name: str, page: Path, target: Path, form: Format) -> None:
    """Write what a cleaning made to a folder of its own, which is there whole or not at all: the documents that stay (and
    those held out, if there are), the verdicts on all, the edits, its page (a copy of `page`), and what it was made by."""
    manifest = decided.manifest
    with whole_folder(target) as folder:
        for part in ("documents", "holdout"):
            if part == "documents" or document_parts(decided / part):
                _write_documents(decided / part, folder / part, form)
        for table in (VERDICTS, EDITS):
            if (decided / table).exists():
                shutil.copyfile(decided / table, folder / table)
        about = {
            "name": name,
            "artifact": decided.path.name,
            "config": manifest["config"],
            "versions": manifest["versions"],
            **manifest["counts"],
        }
        write_json(folder / ABOUT, about)
        shutil.copyfile(page, folder / PAGE)


def _write_documents(source: Path, target: Path, form: Format) -> None:
    target.mkdir()
    if form == "parquet":
        for path in document_parts(source):
            shutil.copyfile(path, target / path.name)
        return
    with (target / "part-00000.jsonl").open("w", encoding="utf-8") as file:
        for batch in read_documents(source):
            for row in batch.to_pylist():
                row["meta"] = json.loads(row["meta"])
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _side(workspace: Workspace, name: str) -> Side:
    """A cleaning to compare: a folder that has verdicts, a run, or an artifact."""
    folder = Path(name)
    if folder.is_dir() and name not in run_names(workspace):
        return Side(folder.absolute().name, folder)
    return Side(name, find_cleaning(workspace, name).path)


def _write(path: Path, page: str) -> Path:
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, page)
    return path
