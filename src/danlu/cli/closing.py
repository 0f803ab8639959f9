"""The last words of a run: what was made and what could not be read, where the page is, how to try the model."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path

from danlu.cli.output import program, say, short
from danlu.compute.losses import set_aside
from danlu.pipeline.graph import MODELS
from danlu.pipeline.runner import RunResult
from danlu.recipe.load import LoadedRecipe
from danlu.workspace.artifact import Artifact
from danlu.workspace.files import read_json
from danlu.workspace.messages import listed, text

READ = {"collect": "card.json", "dataset": "facts.json"}
"""Stage that reads files -> where it counts what it could not read."""
EXAMPLES = {
    "classification": {"zh": "这本书非常好看，值得一读", "en": "This is well worth reading"},
    "bert": {"zh": "今天天气很[MASK]。", "en": "This is the [MASK] of the day."},
    "gpt": {"zh": "今天", "en": "This is the"},
}
"""What to try a model on, by its kind and the language that most of its data is in."""


def closing_words(result: RunResult, report: Path, loaded: LoadedRecipe) -> None:
    """What was made and set aside, where the report is, how to try the model, how to use one's own text."""
    memory = max((node.peak_memory_bytes or 0 for node in result.state.nodes.values()), default=0)
    say()
    say(text("cli.run.total", minutes=f"{result.state.seconds / 60:.1f}", memory=f"{memory / 1e6:,.0f}"))
    if "clean.decide" in result.artifacts:
        counts = result.artifacts["clean.decide"].manifest["counts"]
        said = "kept-all" if counts["kept"] == counts["documents"] else "kept"
        say(text(f"cli.run.{said}", kept=f"{counts['kept']:,}", documents=f"{counts['documents']:,}"))
    _tell_unread(result)
    if lost := units_set_aside(result):
        say(text("cli.run.quarantine", units=listed(f"{entry['stage']}: {entry['unit']}" for entry in lost)))
    models = {name.partition(".")[2]: made for name, made in result.artifacts.items() if made.stage in MODELS}
    for name, artifact in models.items():
        say(text("cli.run.model", name=name, path=short(artifact / "model")))
    if not models and not loaded.path:  # a command that makes one thing
        say(text("cli.run.artifact", path=short(list(result.artifacts.values())[-1].path)))
    say(text("cli.run.report", path=short(report)))
    home = result.workspace.path == Path(".danlu").absolute()
    place = "" if home else f" --workspace {shlex.quote(short(result.workspace.path))}"
    if models:
        chosen = next((name for name in loaded.recipe.finetune if name in models), next(iter(models)))
        say(
            text("cli.run.predict", command=f'echo "{example(result, loaded, chosen)}" | {program()} predict {chosen} -{place}')
        )
    if served := [name for name in loaded.recipe.serve.models if name in models]:
        say(text("cli.run.serve", command=f"{program()} serve {' '.join(served)}{place}"))
    if loaded.path and not loaded.resolved:
        say(text("cli.run.own", recipe=short(loaded.path)))


def example(result: RunResult, loaded: LoadedRecipe, model: str) -> str:
    """A text to try a model on, in the language that most of its data is in."""
    tuning = loaded.recipe.finetune.get(model)
    if tuning:
        kind, languages = "classification", _rows(result.artifacts[f"dataset.{tuning.dataset}"])
    else:
        kind = loaded.recipe.pretrain[model].model.family
        languages = read_json(result.artifacts["collect"] / "card.json")["languages"]
    amounts = Counter[bool]()
    for language, amount in languages.items():
        amounts[language.startswith("zh")] += amount
    return EXAMPLES[kind]["zh" if amounts[True] > amounts[False] else "en"]


def _rows(dataset: Artifact) -> dict[str, int]:
    return {language: entry["rows"] for language, entry in read_json(dataset / "facts.json")["by_language"].items()}


def _tell_unread(result: RunResult) -> None:
    """A line for each stage that could not read some of its input: how much, and where each is named with its reason."""
    for name, artifact in result.artifacts.items():
        if artifact.stage in READ and (found := read_json(artifact / READ[artifact.stage])["quarantine"]):
            count = f"{sum(found.values()):,}"
            say(text("cli.run.unread", stage=name, count=count, path=short(artifact / "quarantine.jsonl")))


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


def units_set_aside(result: RunResult) -> list[dict[str, object]]:
    """What the stages of a run have set aside because it killed whoever worked on it, with the stage of each."""
    return [{"stage": name, **entry} for name, artifact in result.artifacts.items() for entry in set_aside(artifact.manifest)]
