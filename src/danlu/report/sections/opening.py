"""The head of the page: the one sentence, some more, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from danlu.report.findings import choose, find
from danlu.report.sections.access import entries, part, recipe_file
from danlu.report.words import count, duration, plain, say
from danlu.workspace.messages import Language

UNFINISHED = ("failed", "waiting", "running")


def build(facts: Mapping[str, Any], language: Language, sections: frozenset[str]) -> dict[str, Any]:
    """The opening: `first` and `more` findings, commands to try, states that need attention."""
    chosen = choose(find(facts))
    said = [
        {
            "text": say(language, finding.key, **finding.parameters),
            "section": finding.section if finding.section in sections else "",
        }
        for finding in chosen
    ]
    return {
        "first": said[0],
        "more": said[1:],
        "steps": _next(facts, language),
        "unfinished": [entry.get("name", "") for entry in entries(facts, "run", "nodes") if entry.get("state") in UNFINISHED][
            :12
        ],
        "line": _line(facts, language),
    }


def _line(facts: Mapping[str, Any], language: Language) -> str:
    """When, how long, on what: one line."""
    run = part(facts, "run")
    pieces = []
    if isinstance(run.get("started"), int | float):
        pieces.append(_day(run["started"]))
    elif run.get("started"):
        pieces.append(str(run["started"])[:10])
    if run.get("seconds"):
        pieces.append(plain(language, "report.page.took", duration=duration(language, run["seconds"])))
    cores = part(facts, "run", "machine").get("cores")
    if cores:
        pieces.append(plain(language, "report.page.cores", n=int(cores), cores=count(cores)))
    return " · ".join(pieces)


def _day(seconds: float) -> str:
    """The UTC day of a time, so that the page does not depend on where it is rendered."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def _next(facts: Mapping[str, Any], language: Language) -> list[dict[str, Any]]:
    """Commands to try, with a sentence each; only for models that this run made."""
    recipe = recipe_file(facts)
    tuned = [name for name, entry in part(facts, "finetune").items() if entry.get("facts", {}).get("initial") != "random"]
    trained = list(part(facts, "pretrain"))
    decoders = [name for name in trained if part(facts, "pretrain", name, "facts").get("family") == "gpt"]
    steps: list[dict[str, Any]] = []

    def add(key: str, command: str, **parameters: object) -> None:
        steps.append({"text": say(language, f"report.next.{key}", **parameters), "command": command})

    unfinished = any(entry.get("state") in UNFINISHED for entry in entries(facts, "run", "nodes"))
    if unfinished:
        add("resume", f"danlu run {recipe}")
    if tuned:
        add("predict", f"danlu predict {tuned[0]} texts.txt", model=tuned[0])
    served = [*tuned[:1], *decoders[:1]] or trained[:1]
    if served:
        add("serve", f"danlu serve {' '.join(served)}")
    if part(facts, "decide"):
        add("change", f"danlu run {recipe} --set clean.preset=none")
    elif trained or tuned:
        add("plan", f"danlu plan {recipe}")
    if not steps:
        add("resume", f"danlu run {recipe}")
    return steps
