"""`danlu status`, `danlu show`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from danlu.cli.output import JsonOption, WorkspaceOption, command, last_line, say
from danlu.compute.losses import set_aside
from danlu.pipeline.card import gather, render
from danlu.pipeline.graph import MODELS
from danlu.pipeline.keys import FORGOTTEN
from danlu.pipeline.lineage import Branch, Manifests, payload_bytes, read_manifests, tree
from danlu.pipeline.state import RunState, artifact_of, read_state, run_names
from danlu.workspace.artifact import Artifact, Workspace, read_payload
from danlu.workspace.lock import holder
from danlu.workspace.messages import text

RunArgument = Annotated[str | None, typer.Argument(help="Name of the run; else the latest. 运行名称，默认最近一次")]


@command
def status(name: RunArgument = None, workspace: WorkspaceOption = Path(".danlu"), json_line: JsonOption = False) -> None:
    """A run's stages and their state. 显示一次运行各阶段的状态。"""
    place = Workspace(workspace)
    names = run_names(place)
    if not names and name is None:
        say(text("cli.status.none", path=place.path))
        last_line({"runs": []}, json_line)
        return
    state = read_state(place, name or names[0])
    Console().print(status_table(state, place))
    if others := [other for other in names if other != state.name]:
        say(text("cli.status.others", names=", ".join(others)))
    nodes = {node.name: {"state": node.state, "key": node.key, "seconds": node.seconds} for node in state.nodes.values()}
    last_line({"run": state.name, "state": state.state, "runs": names, "nodes": nodes}, json_line)


def status_table(state: RunState, workspace: Workspace) -> Table:
    """The table that `status` prints."""
    gone = state.state == "running" and not any(map(holder, workspace.artifacts.glob("*.partial/lock.json")))
    overall = "interrupted" if gone else state.state
    table = Table(
        title=text("cli.status.title", name=state.name, state=text(f"cli.status.states.{overall}")),
        title_justify="left",
        box=None,
    )
    for column in ("cli.plan.stage", "cli.plan.state", "cli.status.key"):
        table.add_column(text(column))
    for column in ("cli.status.seconds", "cli.status.memory"):
        table.add_column(text(column), justify="right")
    for node in state.nodes.values():
        seconds = "" if node.seconds is None else f"{node.seconds:.1f}"
        memory = "" if node.peak_memory_bytes is None else f"{node.peak_memory_bytes / 1e6:,.0f}"
        table.add_row(
            node.name, text(f"cli.status.states.{node.state}"), f"{node.stage}-{node.key}" if node.key else "", seconds, memory
        )
    for entry in state.skipped:
        table.add_row(entry["name"], text("cli.status.states.skipped"), "", "", "")
    return table


@command
def show(
    name: Annotated[
        str, typer.Argument(help="A stage of the latest run (pretrain.bert), or an artifact (stage-key). 阶段名或产物名")
    ],
    card: Annotated[bool, typer.Option("--card", help="Only its card, as Markdown. 只输出卡片（Markdown）")] = False,
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """An artifact: what made it, from what, what is in it, its card. 显示一个产物的来历、内容与卡片。"""
    place = Workspace(workspace)
    artifact = find_artifact(place, name)
    manifests = read_manifests(place)
    manifest = manifests[artifact.path.name]
    if card:
        words = render(gather(place, manifests, artifact))
        print(words, end="")
        last_line({"path": str(artifact.path), "card": words}, json_line)
        return
    print(artifact.path)
    print(f"{text('cli.show.made-by')}: {manifest['node']} v{manifest['version']}, {manifest['seconds']:.1f} s")
    branches = tree(manifests, artifact.path.name)
    print(text("card.show.title"))
    for branch in branches:
        print(f"  {lineage_line(place, manifests, branch)}")
    for part in ("configuration", "resolved", "counts"):
        value = manifest["config" if part == "configuration" else part]
        if value:
            print(f"{text(f'cli.show.{part}')}:")
            print("  " + json.dumps(value, ensure_ascii=False, indent=1).replace("\n", "\n  "))
    if lost := set_aside(manifest):
        print(f"{text('cli.show.quarantine')}:")
        for entry in lost:
            print(f"  {entry['unit']} ({entry['count']}): {text(entry['reason'] + '.cause', **entry['params'])}")
    print(f"{text('cli.show.files')}:")
    for file in read_payload(artifact.path):
        print(f"  {(artifact.path / file).stat().st_size:>12,}  {file}")
    if artifact.stage in (*MODELS, "dataset", "collect"):
        say(text("card.show.hint", name=name))
    made_from = [{"role": branch.role, "name": branch.name, "source": branch.source} for branch in branches if not branch.seen]
    last_line({"path": str(artifact.path), "payload": artifact.payload, "manifest": manifest, "lineage": made_from}, json_line)


def find_artifact(workspace: Workspace, name: str) -> Artifact:
    """By stage (`pretrain.bert`) or by a model's own name (`bert`) of the latest run that has it, or of the run before a slash
    (`quickstart/bert`), else by the name of the artifact."""
    before, slash, after = name.partition("/")
    for run in [before] if slash else run_names(workspace):
        state = read_state(workspace, run)
        wanted = after if slash else name
        for candidate in (wanted, f"finetune.{wanted}", f"pretrain.{wanted}", f"dataset.{wanted}"):
            node = state.standing(workspace, candidate)
            if node and (found := artifact_of(workspace, node)):
                return found
    return workspace.named(name)


def lineage_line(workspace: Workspace, manifests: Manifests, branch: Branch) -> str:
    """A line of the tree: what it was to the line above, its name, what it took and how large it is."""
    if branch.source:
        name = text("why.source.forgotten") if branch.name == FORGOTTEN else branch.name
        return f"{branch.guide}{name} ({branch.digest[:12]})"
    role = f"{branch.role}: " if branch.role else ""
    if branch.seen:
        return f"{branch.guide}{role}{branch.name} {text('card.show.seen')}"
    if branch.name not in manifests:
        return f"{branch.guide}{role}{branch.name} {text('card.show.gone')}"
    size = payload_bytes(workspace.artifacts / branch.name)
    numbers = text("card.show.line", seconds=f"{manifests[branch.name]['seconds']:.1f}", megabytes=f"{size / 1e6:,.1f}")
    return f"{branch.guide}{role}{branch.name} ({numbers})"
