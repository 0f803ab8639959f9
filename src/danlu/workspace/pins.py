"""Pins: artifacts that `danlu gc` never frees. A pin is the file `pins/<artifact>`."""

from __future__ import annotations

import time
from dataclasses import dataclass

from danlu.workspace.artifact import Artifact, Workspace
from danlu.workspace.errors import DanluError
from danlu.workspace.files import disk_errors, is_temporary, read_json, write_json
from danlu.workspace.messages import listed

FOLDER = "pins"


@dataclass(frozen=True)
class Pin:
    """A pinned artifact: its name, the stage of a recipe that it was, when it was pinned (seconds since 1970)."""

    artifact: str
    node: str = ""
    pinned: float = 0.0


def read_pins(workspace: Workspace) -> list[Pin]:
    """All pins, by name. A pin counts by its name alone, so that nobody's hand or clock can undo it."""
    folder = workspace.path / FOLDER
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not is_temporary(path.name):
            try:
                note = read_json(path)
                found.append(Pin(path.name, str(note["node"]), float(note["pinned"])))
            except (ValueError, KeyError, TypeError):
                found.append(Pin(path.name))
    return found


def pin(workspace: Workspace, artifact: Artifact) -> Pin:
    """Pin an artifact. DanluError if it went meanwhile or the pin cannot be written."""
    with workspace.steady(), disk_errors(workspace.path):
        if workspace.find(artifact.stage, artifact.key) is None:
            raise DanluError("workspace.no-such-artifact", where=str(workspace.artifacts), name=artifact.path.name, count=0)
        made = Pin(artifact.path.name, artifact.manifest.get("node", ""), round(time.time(), 1))
        folder = workspace.path / FOLDER
        folder.mkdir(exist_ok=True)
        write_json(folder / made.artifact, {"node": made.node, "pinned": made.pinned})
    return made


def unpin(workspace: Workspace, name: str) -> list[Pin]:
    """Take back the pin of an artifact (or a part of its name that no other pin has), or all pins of a stage such as
    `pretrain.bert`; the pins taken back. DanluError if there is none."""
    pins = read_pins(workspace)
    found = [one for one in pins if name in (one.artifact, one.node)]
    if not found:
        found = [one for one in pins if name in one.artifact]
        if len(found) != 1:
            where = str(workspace.path / FOLDER)
            raise DanluError("gc.no-such-pin", where=where, name=name, count=len(found), pins=listed(p.artifact for p in pins))
    with disk_errors(workspace.path):
        for one in found:
            (workspace.path / FOLDER / one.artifact).unlink(missing_ok=True)
    return found
