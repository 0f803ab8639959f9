"""What came from what: the manifests of a workspace as a graph, from any artifact back to its sources or on to what was
made of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danlu.workspace.artifact import Artifact, Workspace, read_payload

Manifests = Mapping[str, Mapping[str, Any]]


def read_manifests(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Artifact name (stage-key) -> manifest, of every finished artifact of the workspace."""
    return {artifact.path.name: artifact.manifest for artifact in workspace.finished()}


def artifact_at(workspace: Workspace, name: str) -> Artifact:
    """The artifact of that name, there or not."""
    stage, _, key = name.rpartition("-")
    return Artifact(stage, key, workspace.artifacts / name)


def inputs_of(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(argument or argument.name, artifact name) of everything that an artifact was made from."""
    for argument, value in manifest["inputs"].items():
        if isinstance(value, str):
            yield argument, value
        else:
            yield from ((f"{argument}.{name}", other) for name, other in (value or {}).items())


def ancestors(manifests: Manifests, name: str) -> list[str]:
    """`name` and all it was made from, as far as it is there, what was made first before what was made of it."""
    found: list[str] = []

    def visit(one: str) -> None:
        if one in manifests and one not in found:
            for _, other in inputs_of(manifests[one]):
                visit(other)
            found.append(one)

    visit(name)
    return found


def made_from(manifests: Manifests, names: Collection[str]) -> set[str]:
    """Artifacts of which one of `names` is an input."""
    return {one for one, manifest in manifests.items() if any(other in names for _, other in inputs_of(manifest))}


@dataclass(frozen=True)
class Branch:
    """A line of a lineage tree: `guide` draws the branches before it, `role` is what it was to the line above.

    `seen` if it stands further up with all its own branches; `source` if it is no artifact but a file or package, and then
    `digest` tells which.
    """

    guide: str
    role: str
    name: str
    seen: bool = False
    source: bool = False
    digest: str = ""


def tree(manifests: Manifests, name: str) -> list[Branch]:
    """The lineage of an artifact back to the sources, each shared ancestor spelled out once."""
    shown: set[str] = set()

    def grow(one: str, role: str, guide: str, below: str) -> Iterator[Branch]:
        again = one in shown
        yield Branch(guide, role, one, seen=again)
        if again or one not in manifests:
            return
        shown.add(one)
        inputs = list(inputs_of(manifests[one]))
        sources = sorted(manifests[one].get("external", {}).items())
        for number, (argument, other) in enumerate(inputs, 1):
            last = number == len(inputs) + len(sources)
            yield from grow(other, argument, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "))
        for number, (source, digest) in enumerate(sources, 1):
            guide = below + ("└─ " if number == len(sources) else "├─ ")
            yield Branch(guide, "", source, source=True, digest=digest)

    return list(grow(name, "", "", ""))


def payload_bytes(path: Path) -> int:
    """Bytes of the payload of an artifact."""
    return sum((path / file).stat().st_size for file in read_payload(path))
