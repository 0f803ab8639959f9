"""What a person names to have it measured: a file of predictions, or a model wherever it is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from danlu.models.locate import HUB_NAME, PACKAGE, locate_model
from danlu.pipeline.lineage import ancestors, read_manifests
from danlu.pipeline.state import artifact_of, find_model, read_state, run_names
from danlu.workspace.artifact import Artifact, Workspace
from danlu.workspace.errors import DanluError

TRAINED = "tokenize.train"
MOST_CHARACTERS = 50_000_000  # of one source that is looked through unasked: about a minute
TEXTS = {"clean.decide": "documents", "dataset": "rows.parquet"}
"""Stage -> where in its artifact the texts are that models learn from."""


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


def find_start(workspace: Workspace, name: str) -> str:
    """What `from` of a recipe says for a model that a person names to fine-tune: where `danlu predict` finds it,
    `package:NAME`, or, where there is no such model, `owner/name` of a hub. DanluError if it can be none of them."""
    if name.startswith(PACKAGE):
        return name
    try:
        return str(find_model(workspace, name).absolute())
    except DanluError:
        if HUB_NAME.fullmatch(name):
            return name
        raise


def find_tokenizer(workspace: Workspace, name: str) -> Path | str:
    """A tokenizer: a directory that holds one, the stage `tokenize.train` of the latest run or its artifact, or a model's."""
    if Path(name).is_dir():
        return Path(name)
    if name.startswith(TRAINED):
        return (find_artifact(workspace, name) if name == TRAINED else workspace.named(name)).path
    return find_subject(workspace, name)


def find_artifact(workspace: Workspace, stage: str) -> Artifact:
    """What the latest run made in a stage that there is one of. DanluError where there is no such run."""
    for run in run_names(workspace):
        node = read_state(workspace, run).standing(workspace, stage)
        if node is not None and (artifact := artifact_of(workspace, node)) is not None:
            return artifact
    raise DanluError("pipeline.not-made", where=str(workspace.path), stage=stage)


def learned_from(workspace: Workspace, places: Iterable[Path | str]) -> list[tuple[str, Path, int]]:
    """(artifact, its texts, how many characters of them to read at most) of all that the models of this workspace among
    `places` were made from; nothing is known of other models."""
    names = [place.parent.name for place in places if isinstance(place, Path) and _is_ours(workspace, place)]
    if not names:
        return []
    manifests = read_manifests(workspace)
    found = dict.fromkeys(one for name in names for one in ancestors(manifests, name))
    texts = [(name, workspace.artifacts / name / TEXTS[stage]) for name in found if (stage := name.rpartition("-")[0]) in TEXTS]
    return [(name, path, MOST_CHARACTERS) for name, path in texts if path.exists()]


def _is_ours(workspace: Workspace, place: Path) -> bool:
    return place.is_dir() and place.resolve().parent.parent == workspace.artifacts.resolve()
