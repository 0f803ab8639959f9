"""`danlu why`: what makes a stage run again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

import danlu
from danlu.cli.output import JsonOption, SetOption, WorkspaceOption, command, last_line
from danlu.cli.run import HoursOption, RecipeArgument, VariantOption, prepare_and_tell
from danlu.compute.machine import Machine
from danlu.pipeline.execute import versions
from danlu.pipeline.lineage import read_manifests
from danlu.pipeline.plan import stand
from danlu.pipeline.why import Cause, Why, explain
from danlu.workspace.artifact import Workspace
from danlu.workspace.errors import RecipeError
from danlu.workspace.messages import text
from danlu.workspace.sentences import say

NodeArgument = Annotated[str | None, typer.Argument(help="A stage, such as clean or pretrain.bert; else all that run. 阶段")]


@command
def why(
    recipe: RecipeArgument,
    node: NodeArgument = None,
    variant: VariantOption = [],
    set_: SetOption = [],
    hours: HoursOption = None,
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """Why a stage runs again, or what has changed around one that does not. 说明某个阶段为何重新运行。"""
    loaded = prepare_and_tell(recipe, set_, hours, variant).loaded
    place = Workspace(workspace)
    standing = stand(loaded, place)
    now = {"versions": {"danlu": danlu.__version__, **versions()}, "machine": Machine.probe().facts()}
    answers = explain(standing, read_manifests(place), place, loaded.recipe.seed, now)
    wanted = _wanted(node, answers)
    for name in wanted:
        for line in words(answers[name], whole=node is not None):
            print(line)
    if node is None:
        for line in closing(answers):
            print(line)
    last_line({"recipe": loaded.recipe.name, "stages": {name: as_json(answers[name]) for name in wanted or answers}}, json_line)


def _wanted(node: str | None, answers: Mapping[str, Why]) -> list[str]:
    """The stages to speak of: those named, else those that are not ready."""
    if node is None:
        return [name for name, answer in answers.items() if answer.state != "cached"]
    wanted = [name for name in answers if name == node or name.startswith(f"{node}.")]
    if not wanted:
        raise RecipeError("pipeline.no-such-stage", where=node, stages=", ".join(answers))
    return wanted


def words(answer: Why, *, whole: bool) -> list[str]:
    """The answer for a stage in sentences; `whole` also says what drifted."""
    lines = [say(answer.verdict), *(f"  - {because(cause)}" for cause in answer.causes)]
    if whole and answer.state == "cached":
        lines += [f"  {text('why.drift.title')}", *(f"  - {say(what)}" for what in answer.drift)]
        if not answer.drift:
            lines[-1] = f"  {text('why.drift.none')}"
    return lines


def because(cause: Cause) -> str:
    """A cause with the chain that leads to it: clean.decide changed, because ..."""
    sentence = say(cause.what)
    for node in reversed(cause.chain):
        sentence = text("why.chain", node=node, because=sentence)
    return sentence


def closing(answers: Mapping[str, Why]) -> list[str]:
    """What the ready ones drifted by, each thing once, and how many stages run."""
    ready = [answer for answer in answers.values() if answer.state == "cached"]
    nodes: dict[str, list[str]] = {}
    for answer in ready:
        for what in answer.drift:
            nodes.setdefault(say(what), []).append(answer.node)
    lines = [text("why.drift.title")] if nodes else []
    for sentence, names in nodes.items():
        of = text("why.drift.all") if len(names) == len(ready) else ", ".join(names)
        lines.append(f"  - {text('why.drift.of', what=sentence, nodes=of)}")
    runs = len(answers) - len(ready)
    return [*lines, text("why.summary.some", runs=runs, all=len(answers)) if runs else text("why.summary.nothing")]


def as_json(answer: Why) -> dict[str, Any]:
    """The answer as plain data, each sentence as its message and in words."""
    found = asdict(answer)
    found["words"] = words(answer, whole=True)
    return found
