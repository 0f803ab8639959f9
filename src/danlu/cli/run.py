"""`danlu run` and `danlu plan`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Annotated, Any

import typer

from danlu.cli.closing import closing_words, summary
from danlu.cli.lock import AnywayOption, after_replay, before_replay
from danlu.cli.output import JsonOption, SetOption, WorkspaceOption, command, last_line, say
from danlu.compute.machine import Machine
from danlu.pipeline.alone import text_recipe
from danlu.pipeline.floor import warmed
from danlu.pipeline.lineage import read_manifests
from danlu.pipeline.needs import WATTS_A_CORE, kilowatt_hours
from danlu.pipeline.plan import Plan, make_plan
from danlu.pipeline.prepare import Prepared, fallback_words, prepare
from danlu.pipeline.reporting import report_of
from danlu.pipeline.rescore import changed_line_rules
from danlu.pipeline.runner import RunResult, run_plan
from danlu.pipeline.state import NodeState
from danlu.recipe.load import LoadedRecipe, recipe_from
from danlu.workspace.artifact import Artifact, Workspace
from danlu.workspace.messages import text
from danlu.workspace.progress import progress_for_terminal

RecipeArgument = Annotated[Path, typer.Argument(help="The recipe, a YAML file. 配方（YAML 文件）")]
UntilOption = Annotated[str | None, typer.Option("--until", help="Stop after this stage, such as clean. 到此阶段为止")]
HoursOption = Annotated[
    float | None, typer.Option("--hours", min=0.05, help="Spread so many hours over the pretrainings. 预训练总时长（小时）")
]
VariantOption = Annotated[
    list[str], typer.Option("--variant", help="Variant of the recipe; again for several, in order. 配方的变体，可写多个")
]


@command
def run(
    recipe: RecipeArgument,
    variant: VariantOption = [],
    set_: SetOption = [],
    until: UntilOption = None,
    hours: HoursOption = None,
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
    anyway: AnywayOption = False,
) -> None:
    """Build what is missing of a recipe, then write its report. 运行配方，补齐缺少的部分并生成报告。"""
    prepared = prepare_and_tell(recipe, set_, hours, variant)
    loaded = prepared.loaded
    result = run_and_tell(loaded, Workspace(workspace), until, before_replay(recipe, anyway))
    report = report_of(result)
    closing_words(result, report, loaded)
    outcome = after_replay(recipe, result)
    last_line(summary(result, report) | fallback_line(prepared) | ({"lock": outcome} if outcome else {}), json_line)
    if outcome and not outcome["equal"] and not anyway:
        raise typer.Exit(1)


@command
def plan(
    recipe: RecipeArgument,
    variant: VariantOption = [],
    set_: SetOption = [],
    until: UntilOption = None,
    hours: HoursOption = None,
    workspace: WorkspaceOption = Path(".danlu"),
    json_line: JsonOption = False,
) -> None:
    """What would run, what is there already, and for how long. 显示将要运行的内容与所需时间。"""
    prepared = prepare_and_tell(recipe, set_, hours, variant)
    made = make_plan(prepared.loaded, Workspace(workspace), until)
    print_plan(made)
    changed = changed_line_rules(made, read_manifests(Workspace(workspace)))
    for name, before, now in changed:
        limits = ("null" if limit is None else f"{limit:g}" for limit in (before, now))
        say(text("cli.plan.rescore", rule=name, **dict(zip(("before", "now"), limits, strict=True))))
    lines = [
        {
            "name": name, "state": line.state, "key": line.key, "seconds": round(line.estimate.seconds, 1),
            "memory_bytes": round(line.needs.memory_bytes), "disk_bytes": round(line.needs.disk_bytes),
        }
        for name, line in made.nodes.items()
    ]  # fmt: skip
    totals = {
        "seconds": round(made.seconds, 1), "memory_bytes": round(made.needs.memory_bytes),
        "disk_bytes": round(made.needs.disk_bytes),
        "kilowatt_hours": round(kilowatt_hours(made.seconds, Machine.probe().cores), 6),
    }  # fmt: skip
    rescored = {"rescored_for": [name for name, *_ in changed]} if changed else {}
    last_line(
        {"recipe": prepared.loaded.recipe.name, **totals, "nodes": lines, **rescored, **fallback_line(prepared)}, json_line
    )


def prepare_and_tell(recipe: Path, overrides: list[str], hours: float | None, variants: list[str] | None = None) -> Prepared:
    """The recipe to run; said aloud if it is not the one that was named."""
    prepared = prepare(recipe, overrides, hours, variants or ())
    for words in fallback_words(prepared):
        say(words)
    return prepared


def fallback_line(prepared: Prepared) -> dict[str, Any]:
    """What the last line says of it, if another recipe runs than the one that was named."""
    asked = prepared.asked
    return {"fallback": {"asked": asked.recipe.name, "left_out": list(prepared.left_out)}} if asked else {}


def run_and_tell(
    loaded: LoadedRecipe, workspace: Workspace, until: str | None = None, check: Callable[[Plan], None] = lambda made: None
) -> RunResult:
    """Plan, print the plan, run it with progress, and say what is skipped."""
    made = make_plan(loaded, workspace, until)
    check(made)
    with warmed(made) as ready:
        print_plan(made)
        for entry in made.skipped:
            say(text("cli.run.skipped", name=entry["name"], reason=text(f"{entry['reason_key']}.what", **entry["params"])))
        return run_plan(made, workspace, progress_for_terminal(), tell, ready)


def collect_and_tell(paths: list[Path], name: str, workspace: Workspace) -> Artifact:
    """The documents of files and folders, in the run `name`: one of its own, so that others of them stay as they are."""
    loaded = recipe_from({**text_recipe(paths, ""), "name": name}, Path.cwd(), [])
    return run_and_tell(loaded, workspace, "collect").artifacts["collect"]


@cache
def get_ready_to_report() -> None:
    """Import what writes the page while the first stage works, rather than when all wait for it."""
    Thread(target=import_module, args=("danlu.report.page",), daemon=True, name="danlu-report").start()


def tell(node: NodeState) -> None:
    """One line for each change of a node."""
    if node.state == "running":
        get_ready_to_report()
        say(text("cli.run.starts", stage=node.name))
    elif node.state == "cached":
        say(text("cli.run.cached", stage=node.name))
    elif node.state == "done":
        numbers = {
            "seconds": f"{node.seconds or 0:.0f}",
            "planned": f"{node.planned or 0:.0f}",
            "memory": f"{(node.peak_memory_bytes or 0) / 1e6:,.0f}",
        }
        say(text("cli.run.done", stage=node.name, **numbers))


def print_plan(made: Plan) -> None:
    """The plan as a table."""
    from rich.console import Console  # after the first stage's process has been started, which imports meanwhile
    from rich.table import Table

    machine = Machine.probe()
    table = Table(title=text("cli.plan.title", name=made.loaded.recipe.name), title_justify="left", box=None, pad_edge=False)
    for column in ("stage", "state"):
        table.add_column(text(f"cli.plan.{column}"))
    table.add_column(text("cli.plan.time"), justify="right")
    for name, line in made.nodes.items():
        seconds = "" if line.state == "cached" else f"{line.estimate.seconds:.0f} s"
        budget = f" {text('cli.plan.budget')}" if line.estimate.fixed and seconds else ""
        table.add_row(name, text(f"cli.plan.{line.state}"), seconds + budget)
    Console(stderr=True).print(table)
    if made.seconds:
        say(
            text(
                "cli.plan.total",
                minutes=f"{made.seconds / 60:.1f}",
                cores=machine.cores,
                memory=f"{machine.memory_bytes / 1e9:.0f}",
                needed=f"{made.needs.memory_bytes / 1e9:.1f}",
                disk=f"{made.needs.disk_bytes / 1e9:.1f}",
                energy=f"{kilowatt_hours(made.seconds, machine.cores):.3f}",
                watts=f"{WATTS_A_CORE:.0f}",
            )
        )
    else:
        say(text("cli.plan.nothing"))
