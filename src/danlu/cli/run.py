"""`danlu run` and `danlu plan`."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Annotated, Any

import typer

from danlu.cli.lock import AnywayOption, after_replay, before_replay
from danlu.cli.output import JsonOption, SetOption, WorkspaceOption, command, last_line, say
from danlu.compute.losses import set_aside
from danlu.compute.machine import Machine
from danlu.pipeline.floor import warmed
from danlu.pipeline.graph import MODELS
from danlu.pipeline.needs import WATTS_A_CORE, kilowatt_hours
from danlu.pipeline.plan import Plan, make_plan
from danlu.pipeline.prepare import Prepared, fallback_words, prepare
from danlu.pipeline.reporting import report_of
from danlu.pipeline.runner import RunResult, run_plan
from danlu.pipeline.state import NodeState
from danlu.recipe.load import LoadedRecipe
from danlu.workspace.artifact import Workspace
from danlu.workspace.messages import listed, text
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
    last_line({"recipe": prepared.loaded.recipe.name, **totals, "nodes": lines, **fallback_line(prepared)}, json_line)


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


def closing_words(result: RunResult, report: Path, loaded: LoadedRecipe) -> None:
    """Where the report is, how to try the model, how to use one's own text."""
    memory = max((node.peak_memory_bytes or 0 for node in result.state.nodes.values()), default=0)
    say()
    say(text("cli.run.total", minutes=f"{result.state.seconds / 60:.1f}", memory=f"{memory / 1e6:,.0f}"))
    tell_set_aside(result)
    say(text("cli.run.report", path=short(report)))
    models = [name for name, artifact in result.artifacts.items() if artifact.stage in MODELS]
    place = (
        ""
        if result.workspace.path == Path(".danlu").absolute()
        else f" --workspace {shlex.quote(short(result.workspace.path))}"
    )
    first = next((name.partition(".")[2] for name in models if name.startswith("finetune.")), None)
    served = [name for name in loaded.recipe.serve.models if any(node.endswith(f".{name}") for node in models)]
    if first:
        say(text("cli.run.predict", command=f'echo "{example(loaded, first)}" | {program()} predict {first} -{place}'))
    elif models:
        say(text("cli.run.predict", command=f'echo "This is the" | {program()} predict {models[0].partition(".")[2]} -{place}'))
    if served:
        say(text("cli.run.serve", command=f"{program()} serve {' '.join(served)}{place}"))
    if loaded.path and not loaded.resolved:
        say(text("cli.run.own", recipe=short(loaded.path)))


def example(loaded: LoadedRecipe, task_model: str) -> str:
    """A text to try a task model on, in a language of its data."""
    data = loaded.recipe.datasets[loaded.recipe.finetune[task_model].dataset]
    chinese = any((getattr(source, "language", None) or "").startswith("zh") for source in data.sources)
    return "这本书非常好看，值得一读" if chinese else "This is well worth reading"


def program() -> str:
    """How this command is called from here: by its name if the shell finds it, else by its path."""
    return "danlu" if shutil.which("danlu") or not sys.argv[0].endswith("danlu") else short(Path(sys.argv[0]).absolute())


def short(path: Path) -> str:
    """A path as seen from here, if that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)


def summary(result: RunResult, report: Path | None) -> dict[str, object]:
    """The last line of `danlu run --json`."""
    return {
        "recipe": result.state.name,
        "state": result.state.state,
        "seconds": result.state.seconds,
        "report": str(report) if report else None,
        "artifacts": {name: str(artifact.path) for name, artifact in result.artifacts.items()},
        "payloads": {name: artifact.payload for name, artifact in result.artifacts.items()},
        "set_aside": units_set_aside(result),
        "skipped": result.state.skipped,
    }


def tell_set_aside(result: RunResult) -> None:
    """One line that names what the stages of a run have set aside, if anything."""
    if lost := units_set_aside(result):
        say(text("cli.run.quarantine", units=listed(f"{entry['stage']}: {entry['unit']}" for entry in lost)))


def units_set_aside(result: RunResult) -> list[dict[str, object]]:
    """What the stages of a run have set aside because it killed whoever worked on it, with the stage of each."""
    return [{"stage": name, **entry} for name, artifact in result.artifacts.items() for entry in set_aside(artifact.manifest)]
