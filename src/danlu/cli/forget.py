"""`danlu forget`: documents that must not come back."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from danlu.cli.output import JsonOption, WorkspaceOption, command, last_line, program, short
from danlu.pipeline import forget as forgetting
from danlu.pipeline.forget import Document, Hits, Reached, Rebuild
from danlu.pipeline.lineage import read_manifests
from danlu.workspace.artifact import Workspace
from danlu.workspace.errors import DanluError, RecipeError
from danlu.workspace.messages import text
from danlu.workspace.tombstones import Tombstone, add_tombstones, read_tombstones, undo

MOST_NAMED = 20


@command
def forget(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of documents. 文档 id")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="A file of ids, one a line. 每行一个 id 的文件")] = None,
    texts: Annotated[
        list[str] | None, typer.Option("--text", help="A file that holds the text of a document; - for standard input. 文本")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the date. 原因")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would mean. 只说明影响，不写入")] = False,
    list_: Annotated[bool, typer.Option("--list", help="List what is forgotten. 列出遗忘名单")] = False,
    undo_: Annotated[list[str] | None, typer.Option("--undo", help="Take an id off the list. 移出名单")] = None,
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """Leave documents out of everything made from now on, and say what holds them. 遗忘文档，并指出哪些产物含有它。"""
    place = Workspace(workspace)
    if list_:
        _list(place, json_line)
    elif undo_:
        forgetting.refuse_while_reading(place)
        stones = undo(place.path, undo_)
        for stone in stones:
            print(text("forget.words.undone", id=stone.handle))
        last_line({"undone": [stone.handle for stone in stones]}, json_line)
    else:
        named = [*(ids or ()), *_ids_in(file)]
        documents = [forgetting.document_of_text(_read(name)) for name in texts or ()]
        if not named and not documents:
            raise RecipeError("forget.nothing-named")
        _forget(place, named, documents, reason, dry_run, json_line)


def _forget(
    place: Workspace, ids: Sequence[str], documents: Sequence[Document], reason: str, dry: bool, json_line: bool
) -> None:
    if not dry:
        forgetting.refuse_while_reading(place)
    place.create()
    manifests = read_manifests(place)
    known = read_tombstones(place.path)
    hits = forgetting.find(place, manifests, set(ids), {document.digest for document in documents})
    for identity in ids:
        if identity not in hits.digests and identity not in {stone.id for stone in known}:
            raise DanluError("forget.unknown-id", where=str(place.path), name=identity)
    wanted = [*(Document(identity, hits.digests.get(identity, "")) for identity in dict.fromkeys(ids)), *documents]
    already = {(stone.id, stone.digest) for stone in known} | {(stone.id, "") for stone in known if stone.id}
    new = [document for document in wanted if not already & {(document.id, document.digest), (document.id or "?", "")}]
    reached = forgetting.reach(place, manifests, hits)
    rebuilds = forgetting.rebuilds(place, reached)
    for document in wanted:
        if document not in new:
            print(text("forget.words.already", id=document.id or document.digest))
    _tell(place, hits, reached, rebuilds)
    if dry:
        print(text("forget.words.dry"))
    elif new:
        now = round(time.time(), 1)
        add_tombstones(place.path, [Tombstone(document.id, document.digest, now, reason) for document in new])
        print(text("forget.words.written", count=len(new)))
    if reached:
        print(text("forget.words.still"))
    last_line(_json(hits, new, reached, rebuilds, dry), json_line)


def _tell(place: Workspace, hits: Hits, reached: Sequence[Reached], rebuilds: Sequence[Rebuild]) -> None:
    """Where the documents are, what learned from them, what making it all again would take."""
    found = sorted(hits.all_ids)
    if not found:
        print(text("forget.words.nowhere"))
        return
    print(text("forget.words.found", count=len(found)))
    for identity in found[:MOST_NAMED]:
        holders = ", ".join(name for name, ids in hits.ids.items() if identity in ids)
        print(f"  {text('forget.words.document', id=identity, artifacts=holders)}")
    if len(found) > MOST_NAMED:
        print(f"  ... +{len(found) - MOST_NAMED}")
    print(text("forget.words.reached"))
    for entry in reached:
        print(f"  {entry.name} ({entry.node}): {text(f'forget.role.{entry.role}')}")
    models = sorted({entry.node.partition(".")[2] for entry in reached if entry.role == "model"})
    print(text("forget.words.models", models=", ".join(models)) if models else text("forget.words.no-models"))
    option = "" if place.path == Path(".danlu").absolute() else f" --workspace {shlex.quote(short(place.path))}"
    for rebuild in rebuilds:
        numbers = {"count": len(rebuild.stages), "minutes": f"{rebuild.seconds / 60:.1f}"}
        print(text("forget.words.rebuild", run=rebuild.run, stages=", ".join(rebuild.stages), **numbers))
        for start in rebuild.starts:
            print(f"  {text('forget.words.start', start=start)}")
        if not rebuild.starts:  # else it would begin from the same model again
            print(f"  {program()} run {shlex.quote(short(rebuild.recipe.absolute()))}{option}")
    if left := forgetting.unfinished(place):
        print(text("forget.words.unfinished", count=len(left)))
    if pages := forgetting.reports(place, rebuilds):
        print(text("forget.words.reports", pages=", ".join(short(page) for page in pages)))


def _json(
    hits: Hits, new: Sequence[Document], reached: Sequence[Reached], rebuilds: Sequence[Rebuild], dry: bool
) -> dict[str, Any]:
    return {
        "dry_run": dry,
        "forgotten": [] if dry else [{"id": document.id, "digest": document.digest} for document in new],
        "documents": {name: sorted(ids) for name, ids in hits.ids.items()},
        "artifacts": [{"name": entry.name, "node": entry.node, "role": entry.role} for entry in reached],
        "models": sorted({entry.node.partition(".")[2] for entry in reached if entry.role == "model"}),
        "rebuild": [
            {
                "run": entry.run,
                "recipe": str(entry.recipe),
                "stages": entry.stages,
                "seconds": round(entry.seconds, 1),
                "starts": entry.starts,
            }
            for entry in rebuilds
        ],
    }


def _list(place: Workspace, json_line: bool) -> None:
    stones = read_tombstones(place.path)
    for stone in stones:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(stone.when))
        print(text("forget.words.entry", when=when, id=stone.handle, reason=stone.reason).rstrip())
    if not stones:
        print(text("forget.words.none"))
    last_line({"forgotten": [{"id": s.id, "digest": s.digest, "when": s.when, "reason": s.reason} for s in stones]}, json_line)


def _ids_in(file: Path | None) -> list[str]:
    """Ids, one a line; empty lines and those that begin with # are passed over."""
    lines = _read(str(file)).splitlines() if file else []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DanluError("forget.unreadable", where=name, reason=str(error)) from None
