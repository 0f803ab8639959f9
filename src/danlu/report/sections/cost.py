"""What the run cost: time by stage, memory, energy where it was measured; and what was skipped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from danlu.report.figures import Bar, bar_chart
from danlu.report.sections.access import entries, part
from danlu.report.words import clip, count, duration, finite, message_or_key, number, plain, share, size
from danlu.workspace.messages import Language

NODES = 14


def build(facts: Mapping[str, Any], language: Language) -> dict[str, Any] | None:
    """Bars of seconds, the machine in a table, the skipped models with their reasons."""
    run = part(facts, "run")
    if not run:
        return None
    nodes = [node for node in entries(facts, "run", "nodes") if finite(node.get("seconds")) and node["seconds"] >= 0]
    nodes.sort(key=lambda node: (-node["seconds"], str(node.get("name"))))
    total = sum(node["seconds"] for node in nodes)
    bars = [
        Bar(str(node.get("name")), node["seconds"], _seconds(language, node["seconds"], total), tone=2, strong=False)
        for node in nodes[:NODES]
    ]
    rest = sum(node["seconds"] for node in nodes[NODES:])
    if rest:
        words = plain(language, "report.cost.rest", n=len(nodes) - NODES, count=count(len(nodes) - NODES))
        bars.append(Bar(words, rest, _seconds(language, rest, total)))
    title = plain(language, "report.cost.chart-title")
    return {
        "chart": bar_chart(bars, title=title, description="; ".join(f"{bar.name}: {bar.text}" for bar in bars))
        if total
        else "",
        "rows": [{"name": plain(language, f"report.cost.{key}"), "value": value} for key, value in _rows(facts, language)],
        "no_energy": not finite(run.get("kwh")),
        "skipped": [
            {"name": clip(str(entry.get("name", "")), 80), "reason": _skip(language, entry)}
            for entry in entries(facts, "run", "skipped")[:20]
        ],
    }


def _seconds(language: Language, seconds: float, total: float) -> str:
    return f"{duration(language, seconds)} ({share(seconds / total)})" if total else duration(language, seconds)


def _rows(facts: Mapping[str, Any], language: Language) -> list[tuple[str, str]]:
    run, machine = part(facts, "run"), part(facts, "run", "machine")
    rows = []
    if finite(run.get("seconds")):
        rows.append(("time", duration(language, run["seconds"])))
    if run.get("peak_memory_bytes"):
        rows.append(("memory", size(run["peak_memory_bytes"])))
    if finite(run.get("kwh")):
        rows.append(("energy", f"{number(run['kwh'])} kWh"))
    if machine.get("processor"):
        rows.append(("processor", clip(str(machine["processor"]), 120)))
    if machine.get("cores"):
        rows.append(("cores", count(machine["cores"])))
    if machine.get("memory_bytes"):
        rows.append(("machine-memory", size(machine["memory_bytes"])))
    if machine.get("gpu"):
        rows.append(("gpu", clip(str(machine["gpu"]), 120)))
    if "bf16" in machine:
        rows.append(("bf16", plain(language, "report.page.have" if machine["bf16"] else "report.page.have-not")))
    if "compiler" in machine:
        compiler = str(machine["compiler"] or "").replace("\\", "/").rpartition("/")[2]
        rows.append(("compiler", clip(compiler, 60) or plain(language, "report.page.have-not")))
    return rows


def _skip(language: Language, entry: Mapping[str, Any]) -> str:
    """Why a part was skipped: the error's first sentence."""
    key, parameters = str(entry.get("reason_key", "")), part(entry, "params")
    found = message_or_key(language, f"{key}.what", parameters)
    return found if found != f"{key}.what" else message_or_key(language, key, parameters)
