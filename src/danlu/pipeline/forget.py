"""`danlu forget`: which artifacts and models hold a document or learned from it, and what it costs to make them without it.

A document is named by its id, or by its text; every other document with the same canonical text (case, width, space and
punctuation do not count) is forgotten with it. The text itself is written nowhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from danlu.pipeline.graph import MODELS, Node
from danlu.pipeline.lineage import Manifests, ancestors, inputs_of
from danlu.pipeline.plan import make_plan
from danlu.pipeline.state import RunState, kept_recipe, read_state, run_names
from danlu.recipe.load import load_recipe
from danlu.text.canonical import canonical_digest, digest
from danlu.workspace.artifact import LOCK, Workspace
from danlu.workspace.errors import DanluError
from danlu.workspace.lock import holder

EMPTY = digest("")
"""The canonical digest of every text without a letter, digit or Han: it names no document."""
READERS = ("collect", "dataset")
PARTS = ("documents", "holdout")

Role = Literal["holds", "dropped", "tokens", "tokenizer", "model", "evaluation", "made-from"]


@dataclass(frozen=True)
class Document:
    """What is to be forgotten: id (empty if only the text was given), digest of the canonical text (empty if it has none)."""

    id: str
    digest: str


@dataclass
class Hits:
    """Where forgotten documents were found: ids by artifact; `used` are datasets in which one of them stands in a split."""

    ids: dict[str, set[str]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def all_ids(self) -> set[str]:
        return {identity for found in self.ids.values() for identity in found}


@dataclass(frozen=True)
class Reached:
    """An artifact that holds the document or was made from it. The text goes on to what reads it, if `passes`."""

    name: str
    node: str
    role: Role
    passes: bool = True


@dataclass(frozen=True)
class Rebuild:
    """What a run must make again, in order, and about how many seconds that takes. `recipe` is what to run; `starts` are models
    of other runs (`RUN/NAME`) that it begins from and that learned from the document: those come first."""

    run: str
    recipe: Path
    stages: tuple[str, ...]
    seconds: float
    starts: tuple[str, ...] = ()


def document_of_text(text: str) -> Document:
    """The document that a text is, whatever its id. DanluError for a text that has nothing to know it by."""
    found = canonical_digest(text)
    if found == EMPTY:
        raise DanluError("forget.empty-text")
    return Document("", found)


def refuse_while_reading(workspace: Workspace) -> None:
    """DanluError while a run reads documents in this workspace: what it is told now would come too late or half."""
    for stage in READERS:
        for lock in sorted(workspace.artifacts.glob(f"{stage}-*.partial/{LOCK}")):
            if holder(lock):
                raise DanluError("forget.running", where=str(lock.parent))


def find(workspace: Workspace, manifests: Manifests, ids: Collection[str], digests: Collection[str]) -> Hits:
    """Every document of the workspace with one of the ids, or with the canonical text of one of them or of `digests`.

    Reads all that was collected, batch by batch: first the ids, for the texts of those that are named, then every text.
    """
    places = [workspace.artifacts / name for name, manifest in manifests.items() if manifest["stage"] in READERS]
    named = {row.digest for path in places for row in _rows(path, {}, ids)} if ids else set()
    wanted = (named | set(digests)) - {EMPTY}
    canonical: dict[str, str] = {}
    hits = Hits()
    for path in places:
        for row in _rows(path, canonical):
            if row.id in ids or row.digest in wanted:
                hits.ids.setdefault(path.name, set()).add(row.id)
                hits.digests[row.id] = "" if row.digest == EMPTY else row.digest
                if row.used:
                    hits.used.add(path.name)
    return hits


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    digest: str
    used: bool


def _rows(path: Path, canonical: dict[str, str], only: Collection[str] | None = None) -> Iterator[_Row]:
    """Id and canonical digest of every row, or of those whose id is in `only`. `canonical` keeps the digests of texts seen
    before, by their exact digest."""
    from danlu.documents.rows import read_rows
    from danlu.documents.store import read_documents

    if (path / "rows.parquet").exists():
        for batch in read_rows(path / "rows.parquet", ("id", "digest", "split"), batch_rows=65_536):
            for row in batch.to_pylist():
                if only is None or row["id"] in only:
                    yield _Row(row["id"], row["digest"], bool(row["split"]))
    for part in PARTS:
        for batch in read_documents(path / part, ["id", "digest", "text"]):
            exact, texts = batch.column("digest").to_pylist(), batch.column("text")
            for number, (identity, known) in enumerate(zip(batch.column("id").to_pylist(), exact, strict=True)):
                if only is None or identity in only:
                    if known not in canonical:
                        canonical[known] = canonical_digest(texts[number].as_py())
                    yield _Row(identity, canonical[known], True)


def reach(workspace: Workspace, manifests: Manifests, hits: Hits) -> list[Reached]:
    """All artifacts that hold one of the documents or were made from one, in the order in which they were made.

    Where cleaning dropped a document, what was made of the rest did not see it.
    """
    found: dict[str, Reached] = {}
    ids = hits.all_ids

    def made(entry: tuple[str, Mapping[str, Any]]) -> tuple[Any, ...]:
        """When; of what was finished in one moment, what the other was made from comes first."""
        name, manifest = entry
        return manifest["finished"], len(ancestors(manifests, name)), name

    for name, manifest in sorted(manifests.items(), key=made):
        node, stage = str(manifest["node"]), str(manifest["stage"])
        if name in hits.ids:
            found[name] = Reached(name, node, "holds", passes=stage != "dataset" or name in hits.used)
            continue
        if stage in READERS:
            continue
        path = workspace.artifacts / name
        parents = [found[other] for _, other in inputs_of(manifest) if other in found and found[other].passes]
        if (path / PARTS[0]).is_dir():
            if any(manifests[parent.name]["stage"] != "dataset" for parent in parents):
                holds = _holds(path, ids)
                found[name] = Reached(name, node, "holds" if holds else "dropped", passes=holds)
        elif parents:
            found[name] = Reached(name, node, _role(stage))
    return list(found.values())


def _holds(path: Path, ids: set[str]) -> bool:
    """Whether an artifact of documents still has one of them."""
    from danlu.documents.store import read_documents

    return any(
        not ids.isdisjoint(batch.column("id").to_pylist())
        for part in PARTS
        for batch in read_documents(path / part, ["id"], batch_rows=65_536)
    )


def _role(stage: str) -> Role:
    roles: dict[str, Role] = {"tokenize.train": "tokenizer", "tokenize.encode": "tokens", "pretrain.trunk": "model"}
    roles |= dict.fromkeys(MODELS, "model")
    return roles.get(stage, "evaluation" if stage.startswith(("evaluate", "explain")) else "made-from")


def rebuilds(workspace: Workspace, reached: Sequence[Reached]) -> list[Rebuild]:
    """What each run of the workspace that made or used one of the artifacts has to make again, the latest run first; but after
    the others those that start from a model of another run, which has to be there anew before."""
    found = []
    states = [read_state(workspace, run) for run in run_names(workspace)]
    models = {
        f"{node.stage}-{node.key}": f"{state.name}/{node.name.partition('.')[2]}"
        for state in states
        for node in (*state.earlier.values(), *state.nodes.values())
        if node.stage in MODELS
    }
    gone = {entry.name for entry in reached}
    for state in states:
        nodes = {f"{node.stage}-{node.key}": node.name for node in (*state.earlier.values(), *state.nodes.values())}
        touched = list(dict.fromkeys(nodes[entry.name] for entry in reached if entry.name in nodes))
        if touched:
            starts = tuple(models.get(name, name) for name in state.reads if name in gone)
            found.append(replace(_rebuild(workspace, state, touched), starts=starts))
    return [*(one for one in found if not one.starts), *(one for one in reversed(found) if one.starts)]


def _rebuild(workspace: Workspace, state: RunState, touched: Sequence[str]) -> Rebuild:
    """By the bill of the recipe; where its sources are not here now, by what the stages took when they ran."""
    kept = kept_recipe(workspace, state.name)
    recipe = Path(state.recipe) if Path(state.recipe).is_file() else kept
    try:
        plan = make_plan(load_recipe(kept), workspace)
        stages = _downstream({name: line.node for name, line in plan.nodes.items()}, touched)
        return Rebuild(state.name, recipe, stages, sum(plan.nodes[name].estimate.seconds for name in stages))
    except DanluError:
        nodes = {**state.earlier, **state.nodes}
        seconds = sum(nodes[name].seconds or 0.0 for name in touched)
        return Rebuild(state.name, recipe, tuple(touched), seconds)


def _downstream(nodes: Mapping[str, Node], touched: Collection[str]) -> tuple[str, ...]:
    """`touched`, all that read documents, and all that comes after what is touched."""
    again: set[str] = set()
    for name, node in nodes.items():
        if name in touched or node.stage.name in READERS or any(need in again & set(touched) for need in node.needs()):
            again.add(name)
    return tuple(name for name in nodes if name in again)


def unfinished(workspace: Workspace) -> list[Path]:
    """Directories of work that was begun and not finished: what was read for it lies there until `danlu gc --partial`."""
    return sorted(workspace.artifacts.glob("*.partial"))


def reports(workspace: Workspace, found: Sequence[Rebuild]) -> list[Path]:
    """Pages of the runs: they may quote the document until the run writes them anew."""
    pages = [workspace.path / "reports" / entry.run / "index.html" for entry in found]
    return [page for page in pages if page.exists()]
