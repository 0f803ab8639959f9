"""Gathers what a run's artifacts say into the plain facts that the report page is rendered from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from danlu.compute.losses import set_aside
from danlu.pipeline.graph import MODELS
from danlu.pipeline.runner import RunResult, report_path
from danlu.pipeline.state import RunState, artifact_of, kept_recipe, read_state
from danlu.workspace.artifact import Artifact, Workspace
from danlu.workspace.events import read_json_lines
from danlu.workspace.files import disk_errors, read_json, write_atomic
from danlu.workspace.messages import Language, current_language

PARTS = (
    ("collect", "collect", "card.json"),
    ("normalise", "clean.normalise", "facts.json"),
    ("decide", "clean.decide", "facts.json"),
    ("tokenizer", "tokenize.train", "facts.json"),
    ("encode", "tokenize.encode", "facts.json"),
)
LISTS = ("numbers", "parts", "comparisons", "openings", "mistakes", "curve", "crossings", "meaning", "overlaps")


def write_report(result: RunResult, language: Language | None = None) -> Path:
    """Render the page of a run into the workspace and return its path."""
    from danlu.report.page import render  # brings a template engine, which `danlu plan` can do without

    kept = kept_recipe(result.workspace, result.state.name)
    recipe = result.state.recipe
    if recipe == result.state.name:  # a command on files: its recipe is the one that was kept
        recipe = kept.relative_to(result.workspace.path.parent).as_posix()
    path = report_path(result.workspace, result.state.name)
    page = render(
        gather(result.state, result.artifacts, kept.read_text(encoding="utf-8"), recipe), language or current_language()
    )
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, page)
    return path


def report_of(result: RunResult) -> Path:
    """The page of a run: the one that is there where nothing has changed, else a new one."""
    path = report_path(result.workspace, result.state.name)
    return path if path.exists() and not result.changed else write_report(result)


def stored_result(workspace: Workspace, name: str) -> RunResult:
    """A run as its state on disk tells it, with the artifacts that are there."""
    state = read_state(workspace, name)
    found = {node.name: artifact for node in state.nodes.values() if (artifact := artifact_of(workspace, node))}
    return RunResult(state, found, workspace)


def gather(state: RunState, artifacts: Mapping[str, Artifact], text: str, path: str) -> dict[str, Any]:
    """The facts of a run; parts that were not made are absent. `text` is the recipe's, `path` where one finds it."""
    artifacts = dict(sorted(artifacts.items()))  # a page made anew has the same order and colours
    manifests = {name: artifact.manifest for name, artifact in artifacts.items()}
    newest = max(manifests.values(), key=lambda manifest: manifest["finished"], default={})
    run = {
        "started": state.started,
        "seconds": sum(manifest["seconds"] for manifest in manifests.values()),
        "peak_memory_bytes": max((manifest["peak_memory_bytes"] for manifest in manifests.values()), default=0),
        "machine": newest.get("machine", {}),
        "versions": newest.get("versions", {}),
        "kwh": None,
        "nodes": [asdict(node) for node in state.nodes.values()],
        "skipped": state.skipped,
    }
    lost = [{"stage": name, **entry} for name, manifest in manifests.items() for entry in set_aside(manifest)]
    facts: dict[str, Any] = {"set_aside": lost, "recipe": {"name": state.name, "text": text, "path": path}, "run": run}
    for part, node, file in PARTS:
        if node in artifacts:
            facts[part] = read_json(artifacts[node] / file)
    facts["datasets"] = {
        _own(name): read_json(artifact / "facts.json") for name, artifact in artifacts.items() if artifact.stage == "dataset"
    }
    for stage in MODELS:
        facts[stage.partition(".")[0]] = {
            _own(name): {
                "facts": read_json(artifact / "facts.json"),
                **_decided(name, manifests),
                "metrics": read_json_lines(artifact / "metrics.jsonl"),
            }
            for name, artifact in artifacts.items()
            if artifact.stage == stage
        }
    evaluations = [
        read_json(artifacts[name] / "evaluation.json")
        for name in ("evaluate.baselines", "evaluate.models")
        if name in artifacts
    ]
    if evaluations:
        facts["evaluation"] = merge(evaluations)
    return facts


def _decided(name: str, manifests: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What was decided for a model and what it cost, in its trunk too where it has one."""
    made = [manifests[part] for part in (f"{name}.trunk", name) if part in manifests]
    found: dict[str, Any] = {
        "resolved": {key: value for manifest in made for key, value in manifest["resolved"].items()},
        "record": {key: value for manifest in made for key, value in manifest["facts"].items()},
    }
    for key in ("seconds", "training_seconds"):
        if key in found["record"]:
            found["record"][key] = round(sum(manifest["facts"].get(key, 0.0) for manifest in made), 1)
    return found


def merge(evaluations: list[dict[str, Any]]) -> dict[str, Any]:
    """One evaluation from several: lists are joined, samples are joined by kind."""
    merged: dict[str, Any] = {name: [entry for part in evaluations for entry in part.get(name, [])] for name in LISTS}
    kinds = {kind for part in evaluations for kind in part.get("samples", {})}
    merged["samples"] = {
        kind: [entry for part in evaluations for entry in part.get("samples", {}).get(kind, [])] for kind in sorted(kinds)
    }
    return merged


def _own(name: str) -> str:
    return name.partition(".")[2]
