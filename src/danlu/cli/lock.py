"""`danlu lock`, and what `danlu run` says of a lock."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from danlu.cli.output import JsonOption, SetOption, WorkspaceOption, command, last_line, say
from danlu.pipeline.lockfile import (
    Difference,
    Outcome,
    base_from,
    changed_sources,
    compare,
    is_lock,
    lock_path,
    make_lock,
    read_lock,
    require_sources,
    write_lock,
)
from danlu.pipeline.plan import Plan, stand
from danlu.pipeline.prepare import prepare
from danlu.pipeline.runner import RunResult
from danlu.pipeline.starts import of_runs
from danlu.workspace.artifact import Workspace
from danlu.workspace.errors import RecipeError
from danlu.workspace.messages import listed, text
from danlu.workspace.sentences import say as words_of

AnywayOption = Annotated[
    bool, typer.Option("--anyway", help="For a lock: go on where a source or a result is not the locked one. 锁文件：仍然继续")
]


@command
def lock(
    recipe: Annotated[Path, typer.Argument(help="The recipe, a YAML file. 配方（YAML 文件）")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Else beside the recipe. 默认写在配方旁边")] = None,
    set_: SetOption = [],
    hours: Annotated[float | None, typer.Option("--hours", min=0.05, help="As it was run. 与运行时相同")] = None,
    variant: Annotated[list[str] | None, typer.Option("--variant", help="As it was run. 与运行时相同")] = None,
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """Write down all that decided a finished run, so that it can be done again. 把一次完成的运行锁定成文件。"""
    if is_lock(recipe):
        raise RecipeError("lock.of-a-lock", where=str(recipe))
    place = Workspace(workspace)
    loaded = of_runs(prepare(recipe, set_, hours, variant or ()).loaded, place)
    standing = stand(loaded, place)
    path = output or lock_path(loaded.path or recipe)
    if not is_lock(path):
        raise RecipeError("lock.name", where=str(path))
    content = make_lock(loaded, standing, base_from(path, loaded.base))
    write_lock(path, content)
    print(path)
    say(text("lock.written", count=len(content["nodes"]), command=f"danlu run {shlex.quote(str(path))}"))
    last_line({"lock": str(path), "payloads": {name: node["payload"] for name, node in content["nodes"].items()}}, json_line)


def before_replay(recipe: Path, anyway: bool) -> Callable[[Plan], None]:
    """What looks at the sources of a plan before it runs: of a lock, each must be what it was."""

    def check(plan: Plan) -> None:
        if not is_lock(recipe):
            return
        found = read_lock(recipe)
        if not anyway:
            require_sources(found, plan.external)
        elif changed := changed_sources(found, plan.external):
            say(text("lock.outcome.sources", sources=listed(changed)))

    return check


def after_replay(recipe: Path, result: RunResult) -> dict[str, Any] | None:
    """Say whether the payloads are the locked ones; the same as plain data. None if it was no lock that ran."""
    if not is_lock(recipe):
        return None
    found = read_lock(recipe)
    outcome = compare(found, result.artifacts, stand(found.loaded, result.workspace).nodes)
    for line in outcome_words(outcome):
        say(line)
    return {
        "equal": outcome.same,
        "same": list(outcome.equal),
        "differs": [entry.node for entry in outcome.differs],
        "missing": list(outcome.missing),
    }


def outcome_words(outcome: Outcome) -> list[str]:
    """The outcome of a replay in sentences."""
    if outcome.same:
        lines = [text("lock.outcome.equal", count=len(outcome.equal))]
    else:
        lines = [text("lock.outcome.differs", count=len(outcome.differs), equal=len(outcome.equal))]
    for entry in outcome.differs:
        lines.append(f"  - {_difference(entry)}")
    if outcome.missing:
        lines.append(text("lock.outcome.missing", stages=", ".join(outcome.missing)))
    return lines


def _difference(entry: Difference) -> str:
    if entry.follows:
        return text("lock.outcome.follows", node=entry.node)
    if entry.sources:
        return text("lock.outcome.read-other", node=entry.node)
    if entry.otherwise:
        return text("lock.outcome.otherwise", node=entry.node)
    if not entry.elsewhere:
        return text("lock.outcome.unexplained", node=entry.node)
    return text("lock.outcome.elsewhere", node=entry.node, what=" ".join(words_of(what) for what in entry.elsewhere))
