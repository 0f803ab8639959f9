"""The state of a run on disk: `runs/<recipe>/state.json`, written at each change, read by `danlu status` and `show`."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from danlu.pipeline.graph import MODELS
from danlu.recipe.kept import kept_in
from danlu.recipe.load import LoadedRecipe, load_recipe
from danlu.recipe.serve import ServeConfig
from danlu.workspace.artifact import Artifact, Workspace
from danlu.workspace.errors import DanluError
from danlu.workspace.files import disk_errors, read_json, write_atomic, write_new
from danlu.workspace.messages import listed

KEPT = "recipe.yaml"
STORES, STORE_HEADER = "tokenize.encode", "header.json"
"""The stage that makes token stores, and the file that each of them has."""
StateName = Literal["waiting", "running", "cached", "done", "failed", "skipped"]


@dataclass
class NodeState:
    """How far one node is. `seconds` is what it took when it was made, `planned` what the plan said (None: unknown)."""

    name: str
    stage: str
    state: StateName = "waiting"
    key: str | None = None
    seconds: float | None = None
    planned: float | None = None
    peak_memory_bytes: int | None = None


@dataclass
class RunState:
    """How far a run of a recipe is."""

    name: str
    recipe: str
    started: float = field(default_factory=time.time)
    state: Literal["running", "done", "failed", "interrupted"] = "running"
    seconds: float = 0.0
    nodes: dict[str, NodeState] = field(default_factory=dict)
    skipped: list[dict[str, Any]] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    """Names of artifacts of other runs that its nodes read: needed as long as this run is."""
    earlier: dict[str, NodeState] = field(default_factory=dict)
    """What the run before made of nodes that this one has still to make: it stands for them until then."""

    def standing(self, workspace: Workspace, name: str) -> NodeState | None:
        """The node of that name whose artifact is there: this run's, else the earlier one."""
        found = (nodes[name] for nodes in (self.nodes, self.earlier) if name in nodes)
        return next((node for node in found if artifact_of(workspace, node)), None)

    def save(self, workspace: Workspace) -> None:
        written = json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"  # the nodes in the order in which they run
        with disk_errors(workspace.path):
            write_atomic(run_folder(workspace, self.name) / "state.json", written)

    def keep_recipe(self, workspace: Workspace, loaded: LoadedRecipe) -> None:
        """Keep the whole recipe beside the state."""
        with disk_errors(workspace.path):
            write_atomic(run_folder(workspace, self.name) / KEPT, _kept(workspace, loaded))


def claim_name(workspace: Workspace, loaded: LoadedRecipe) -> bool:
    """Keep the recipe as that of a new run of its name; False where there is one of that name, which stays as it is."""
    with disk_errors(workspace.path):
        return write_new(run_folder(workspace, loaded.recipe.name) / KEPT, _kept(workspace, loaded))


def give_back_name(workspace: Workspace, name: str) -> None:
    """Undo `claim_name` where no run has come of it."""
    folder = run_folder(workspace, name)
    if not (folder / "state.json").exists():
        (folder / KEPT).unlink(missing_ok=True)
        with suppress(OSError):  # another waits in it to begin
            folder.rmdir()


def _kept(workspace: Workspace, loaded: LoadedRecipe) -> str:
    """The recipe's text for the folder of its run: what lies in one project with the workspace is named as seen from there."""
    project = loaded.base if workspace.path.is_relative_to(loaded.base) else workspace.path.parent
    return kept_in(loaded.text, run_folder(workspace, loaded.recipe.name), project)


def kept_recipe(workspace: Workspace, name: str) -> Path:
    """The recipe that a run did, whole; `danlu run` takes it too."""
    return workspace.path / "runs" / name / KEPT


def run_folder(workspace: Workspace, name: str) -> Path:
    """Where the state, the recipe and the log of a run lie; made if it is not there."""
    folder = workspace.path / "runs" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def read_state(workspace: Workspace, name: str) -> RunState:
    """The state of the run `name`; DanluError if there is none."""
    path = workspace.path / "runs" / name / "state.json"
    if not path.exists():
        raise DanluError("pipeline.no-such-run", where=str(path.parent.parent), name=name, runs=listed(run_names(workspace)))
    data = read_json(path)
    for part in ("nodes", "earlier"):
        data[part] = {key: NodeState(**value) for key, value in data.get(part, {}).items()}
    return RunState(**data)


def run_names(workspace: Workspace) -> list[str]:
    """Names of all runs of a workspace, the latest first: by when they began, since copied files have other times."""
    found = {path.parent.name: _started(path) for path in (workspace.path / "runs").glob("*/state.json")}
    return sorted(found, key=lambda name: (-found[name], name))


def _started(path: Path) -> float:
    try:
        return float(read_json(path)["started"])
    except (OSError, ValueError, KeyError, TypeError):  # told of when it is read
        return 0.0


def find_model(workspace: Workspace, name: str) -> Path:
    """The directory of a model: `NAME` of the latest run that has it, `RUN/NAME`, an artifact, or a directory."""
    if Path(name).is_dir():
        return Path(name)
    run, slash, model = name.partition("/")
    known = []
    for candidate in [run] if slash else run_names(workspace):
        if candidate not in run_names(workspace):
            continue
        state = read_state(workspace, candidate)
        for node in (*state.nodes.values(), *state.earlier.values()):
            if node.stage in MODELS:
                own = node.name.partition(".")[2]
                known.append(own)
                if own == (model if slash else name) and (artifact := artifact_of(workspace, node)):
                    return artifact / "model"
    try:
        artifact = workspace.named(name)
    except DanluError:
        raise DanluError(
            "pipeline.no-such-model", where=str(workspace.path), name=name, models=listed(sorted(set(known)))
        ) from None
    return artifact / "model"


def find_stores(workspace: Workspace, name: str) -> tuple[dict[str, Path], Path | None]:
    """Token stores by name, and their tokenizer where it is known. `name` is `tokens` (those of the latest run with any), an
    artifact, or a folder that is a store or holds some. DanluError `export.no-stores` if there are none."""
    folder, tokenizer = Path(name), None
    if not _stores_in(folder):
        try:
            artifact = _latest(workspace, STORES) if name in ("tokens", STORES) else workspace.named(name)
        except DanluError:
            artifact = None
        if artifact is None or artifact.stage != STORES:
            raise DanluError("export.no-stores", where=name)
        folder, tokenizer = artifact.path, workspace.artifacts / str(artifact.manifest["inputs"]["tokenizer"])
    return {path.resolve().name: path for path in _stores_in(folder)}, tokenizer if tokenizer and tokenizer.is_dir() else None


def _stores_in(folder: Path) -> list[Path]:
    """The folder itself if it is a token store, else those in it."""
    if (folder / STORE_HEADER).exists():
        return [folder]
    return sorted(path.parent for path in folder.glob(f"*/{STORE_HEADER}"))


def _latest(workspace: Workspace, stage: str) -> Artifact | None:
    """The artifact of a stage in the latest run that has it."""
    for run in run_names(workspace):
        state = read_state(workspace, run)
        for node in (*state.nodes.values(), *state.earlier.values()):
            if node.stage == stage and (artifact := artifact_of(workspace, node)):
                return artifact
    return None


def serve_section(workspace: Workspace) -> ServeConfig:
    """What is said of serving by the recipe of the latest run that says anything; the defaults where none does."""
    for name in run_names(workspace):
        section = load_recipe(kept_recipe(workspace, name)).recipe.serve
        if section != ServeConfig():
            return section
    return ServeConfig()


def artifact_of(workspace: Workspace, node: NodeState) -> Artifact | None:
    return workspace.find(node.stage, node.key) if node.key else None
