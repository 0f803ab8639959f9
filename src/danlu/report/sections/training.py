"""Pretraining: what each model is, its loss as it read, and where it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from danlu.report.figures import Line, line_chart, thin
from danlu.report.sections.access import entries, part
from danlu.report.sections.growth import build_growth
from danlu.report.sections.tones import tones
from danlu.report.words import clip, count, duration, finite, general, known, number, plain, share, short
from danlu.workspace.messages import Language

MODELS = 12


def build(facts: Mapping[str, Any], language: Language) -> dict[str, Any] | None:
    """One panel for each pretrained model, one line of facts for each fine-tuned one."""
    trained, tuned = part(facts, "pretrain"), part(facts, "finetune")
    if not trained and not tuned:
        return None
    colours = tones(facts)
    models = [_model(language, name, entry, colours.get(name, 1)) for name, entry in list(trained.items())[:MODELS]]
    growths = [start for model in models for start in model["growth"]]
    return {
        "models": models,
        "writes": any(not start["truth"] for start in growths),
        "fills": any(start["truth"] for start in growths),
        "tuned": [_tuned(language, name, entry) for name, entry in list(tuned.items())[:40]],
    }


def _model(language: Language, name: str, entry: Mapping[str, Any], tone: int) -> dict[str, Any]:
    facts = part(entry, "facts")
    rows = [
        (key, value)
        for key, value in (
            ("architecture", facts.get("architecture") or facts.get("family")),
            ("parameters", short(language, facts["parameters"]) if finite(facts.get("parameters")) else None),
            ("tokens", short(language, facts["tokens"]) if finite(facts.get("tokens")) else None),
            ("passes", general(facts["epochs"]) if finite(facts.get("epochs")) else None),
            ("steps", count(facts["steps"]) if finite(facts.get("steps")) else None),
            ("batch", short(language, facts["batch_tokens"]) if finite(facts.get("batch_tokens")) else None),
            ("rate", f"{facts['learning_rate']:.2g}" if finite(facts.get("learning_rate")) else None),
            ("loss", number(facts["validation_loss"]) if finite(facts.get("validation_loss")) else None),
        )
        if value
    ]
    return {
        "name": clip(name, 80),
        "rows": [{"name": plain(language, f"report.training.{key}"), "key": key, "value": str(value)} for key, value in rows],
        "chart": _curve(language, name, facts, entries(entry, "metrics"), tone),
        "growth": build_growth(language, entries(entry, "metrics")),
        "reasons": _reasons(language, part(entry, "resolved", "pretrain").get("reasons")),
        "resolved": resolved(language, {**part(entry, "resolved"), **part(entry, "record")}),
    }


def _curve(language: Language, name: str, facts: Mapping[str, Any], metrics: list[dict[str, Any]], tone: int) -> str:
    """Loss over tokens: what it was trained on (thin, grey), text it never saw (coloured, with its last value)."""

    def points(kind: str) -> list[tuple[float, float]]:
        found = {
            float(row["tokens"]): float(row["loss"])
            for row in metrics
            if row.get("kind") == kind and finite(row.get("tokens")) and finite(row.get("loss"))
        }
        return sorted(found.items())  # a resumed run may have logged a step twice: the later line holds

    seen, unseen = points("train"), points("validation")
    lines = []
    for key, found, colour in (("train", seen, 0), ("validation", unseen, tone)):
        if found:
            label = plain(language, f"report.training.{key}")
            lines.append(Line(label, thin(found), tone=colour, markers=len(found) <= 2, end=f"{found[-1][1]:.2f}"))
    if not lines:
        return ""
    objective = str(facts.get("objective") or "")
    unit = f"report.training.unit-{objective}" if known(f"report.training.unit-{objective}") else "report.training.unit"
    return line_chart(
        lines,
        heading=name,
        title=plain(language, "report.training.chart-title", model=name),
        description="; ".join(f"{line.name}: {line.points[0][1]:.2f} → {line.end}" for line in lines),
        x_label=plain(language, "report.training.x"),
        y_label=plain(language, unit),
        x_format=lambda value: short(language, value),
        y_format=lambda value: f"{value:.1f}" if value < 10 else f"{value:.0f}",
    )


def resolved(language: Language, decisions: Mapping[str, Any]) -> list[dict[str, str]]:
    """What the machine decided, flat, one line each; known names in words."""
    lines = []

    def add(path: str, value: Any) -> None:
        if path.rpartition(".")[2] == "reasons":  # in words elsewhere
            return
        if isinstance(value, Mapping):
            for name, child in value.items():
                add(f"{path}.{name}" if path else str(name), child)
        elif path == "seconds" and finite(value):
            lines.append({"name": path, "value": duration(language, value)})
        else:
            words = (
                count(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10_000 else str(value)
            )
            words = f"{value:,.5g}" if isinstance(value, float) else words
            lines.append({"name": clip(path, 80), "value": clip(words, 200)})

    add("", decisions)
    return lines[:40]


def _reasons(language: Language, reasons: object) -> list[str]:
    """Why the machine decided so, in words."""
    found = reasons if isinstance(reasons, list) else []
    return [plain(language, key, **parameters) for key, parameters in found if known(key)]


def _tuned(language: Language, name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    facts = part(entry, "facts")
    start = part(facts, "start")
    sizes = [value for value in facts.get("trained_on") or [] if finite(value)]
    trainable, parameters = facts.get("trainable"), facts.get("parameters")
    return {
        "name": clip(name, 80),
        "start": plain(language, "report.training.from-nothing", model=clip(str(start.get("name") or "–"), 80))
        if facts.get("initial") == "random"
        else clip(str(start.get("name") or "–"), 80),
        "parameters": short(language, parameters) if parameters is not None and finite(parameters) else "–",
        "trainable": share(trainable / parameters) if finite(trainable) and finite(parameters) and parameters else "–",
        "labels": ", ".join(count(value) for value in sizes) or "–",
    }
