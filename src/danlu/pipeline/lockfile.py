"""`danlu lock`: everything that decided a run in one file, and the replay of such a file.

A recipe says what was asked; a lock also says what came of it: the digest of every source, what the machine decided (steps of
a time budget, batch, precision, threads), the payload of every artifact, versions and machine. To run a lock is to ask for
the same bytes again and to be told in words if they are not the same.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from danlu.pipeline.graph import Node
from danlu.pipeline.keys import FORGOTTEN
from danlu.pipeline.plan import Standing
from danlu.recipe.load import LoadedRecipe, recipe_from
from danlu.workspace.artifact import Artifact, Workspace
from danlu.workspace.errors import DanluError, RecipeError
from danlu.workspace.files import disk_errors, write_atomic, write_json
from danlu.workspace.messages import listed, text
from danlu.workspace.run import RESOLVED
from danlu.workspace.sentences import Message

SUFFIX = ".lock.yaml"
FORMAT = 1
HEAD = "# Written by `danlu lock`: what a run read, decided and made. `danlu run` on this file does it again and compares.\n"


@dataclass(frozen=True)
class Lock:
    """A lock that was read: the recipe with what was resolved for it, and what is known of each node."""

    path: Path
    loaded: LoadedRecipe
    nodes: Mapping[str, Mapping[str, Any]]
    versions: Mapping[str, str]
    machine: Mapping[str, Any]

    def record(self, name: str) -> dict[str, Any]:
        """What a manifest says of how a node was made: versions, machine, resolved values."""
        node = self.nodes[name]
        return {
            "versions": node.get("versions", self.versions),
            "machine": node.get("machine", self.machine),
            "resolved": node["resolved"],
        }


@dataclass(frozen=True)
class Difference:
    """A payload that is not the locked one. `follows` if an input of it already differs; `sources` if it read something else;
    `otherwise` if it was here already, made with other resolved values; `elsewhere` says what else was not the same when it
    was made (versions, machine)."""

    node: str
    follows: bool
    sources: bool
    otherwise: bool
    elsewhere: tuple[Message, ...]


@dataclass(frozen=True)
class Outcome:
    """What a replay came to: nodes whose payload is equal, those that differ, those that were not made."""

    equal: tuple[str, ...]
    differs: tuple[Difference, ...]
    missing: tuple[str, ...]

    @property
    def same(self) -> bool:
        return not self.differs


def is_lock(path: Path) -> bool:
    return path.name.endswith(SUFFIX)


def lock_path(recipe: Path) -> Path:
    """Beside the recipe: quickstart.yaml -> quickstart.lock.yaml."""
    return recipe.with_name(f"{recipe.stem}{SUFFIX}")


def make_lock(loaded: LoadedRecipe, standing: Standing, base: str) -> dict[str, Any]:
    """The content of the lock of a finished run; `base` is the recipe's folder as seen from the lock. DanluError while a
    stage is not done."""
    missing = [name for name in standing.nodes if name not in standing.artifacts]
    if missing:
        raise DanluError("lock.not-finished", where=str(loaded.path or ""), stages=listed(missing[:5]), count=len(missing))
    manifests = {name: artifact.manifest for name, artifact in standing.artifacts.items()}
    nothing: dict[str, Any] = {"versions": {}, "machine": {}}
    newest = max(manifests.values(), key=lambda manifest: manifest["finished"], default=nothing)
    nodes = {}
    for name, manifest in manifests.items():
        node = {key: manifest[key] for key in ("stage", "version", "key")}
        node |= {
            "payload": standing.artifacts[name].payload,
            "external": manifest["external"],
            "resolved": manifest["resolved"],
        }
        node |= {key: manifest[key] for key in ("versions", "machine") if manifest[key] != newest[key]}
        nodes[name] = node
    return {
        "lock": FORMAT,
        "name": loaded.recipe.name,
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "base": base,
        "recipe": movable(loaded.text, loaded.base),
        "versions": newest["versions"],
        "machine": newest["machine"],
        "nodes": nodes,
    }


def movable(written: str, base: Path) -> str:
    """The text of a recipe with the paths below its folder as seen from there, and without the recipe to fall back on: a lock
    runs as it is or not at all."""
    data = yaml.safe_load(written)
    sections = [data.get("collect") or {}, *(data.get("datasets") or {}).values()]
    clean = data.get("clean") or {}
    learned = [clean.get("language_model") or {}, clean.get("classifier") or {}]
    before = copy.deepcopy(data)
    data.pop("fallback", None)
    read = [source for section in sections for source in section.get("sources") or ()]
    read += [source for section in learned for key in ("sample", "good", "bad") for source in section.get(key) or ()]
    for source in read:
        if "path" in source:
            source["path"] = _below(source["path"], base)
    for tuning in (data.get("finetune") or {}).values():
        tuning["from"] = _below(tuning["from"], base)
    return written if data == before else yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)


def _below(path: str, base: Path) -> str:
    full = Path(path).expanduser()
    return full.relative_to(base).as_posix() if full.is_absolute() and full.is_relative_to(base) else path


def write_lock(path: Path, content: Mapping[str, Any]) -> None:
    """Write a lock, the recipe in it readable as it was written."""
    with disk_errors(path):
        write_atomic(path, HEAD + yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


_Dumper.add_representer(str, _Dumper.represent_str)


def read_lock(path: Path, changes: Sequence[str] = ()) -> Lock:
    """A lock from its file. RecipeError if it is none, or if `changes` (options that change a recipe) came with it."""
    if changes:
        raise RecipeError("lock.changed", where=str(path), changes=", ".join(changes))
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if content["lock"] != FORMAT:
            raise RecipeError("lock.format", where=str(path), found=content["lock"], expected=FORMAT)
        data, nodes = yaml.safe_load(content["recipe"]), content["nodes"]
        resolved = {name: node["resolved"] for name, node in nodes.items()}
        base = (path.absolute().parent / content["base"]).resolve()
        versions, machine = content["versions"], content["machine"]
    except FileNotFoundError:
        raise RecipeError("recipe.missing", where=str(path)) from None
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise RecipeError("lock.unreadable", where=str(path), reason=f"{type(error).__name__}: {error}") from None
    loaded = replace(recipe_from(data, base), path=path, resolved=resolved)
    return Lock(path, loaded, nodes, versions, machine)


def base_from(path: Path, base: Path) -> str:
    """The recipe's folder as seen from the lock, so that both can be moved together."""
    return Path(os.path.relpath(base.absolute(), path.absolute().parent)).as_posix()


def put_resolved(workspace: Workspace, node: Node, key: str, loaded: LoadedRecipe) -> None:
    """Before a node of a replay starts: what was decided then, unless something is decided already."""
    partial = workspace.partial(node.stage.name, key)
    values = loaded.resolved.get(node.name)
    if values and not (partial / RESOLVED).exists():
        with disk_errors(partial):
            partial.mkdir(parents=True, exist_ok=True)
            write_json(partial / RESOLVED, values)


def changed_sources(lock: Lock, external: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Names, for people, of the files, packages and lists that are not what they were, each once."""
    found = []
    for name, node in lock.nodes.items():
        now, then = external.get(name, {}), node["external"]
        if name in external:
            found += [source for source in dict.fromkeys([*then, *now]) if then.get(source) != now.get(source)]
    return [text("why.source.forgotten") if source == FORGOTTEN else source for source in dict.fromkeys(found)]


def require_sources(lock: Lock, external: Mapping[str, Mapping[str, str]]) -> None:
    """DanluError that names what changed among the sources."""
    if changed := changed_sources(lock, external):
        more = f" (+{len(changed) - 5})" if len(changed) > 5 else ""
        raise DanluError("lock.source-changed", where=str(lock.path), sources=listed(changed[:5]) + more)


def compare(lock: Lock, artifacts: Mapping[str, Artifact], nodes: Mapping[str, Node]) -> Outcome:
    """Each payload beside the locked one."""
    from danlu.pipeline.why import drift  # which only a replay needs, and every run imports this module

    equal = [name for name in lock.nodes if name in artifacts and artifacts[name].payload == lock.nodes[name]["payload"]]
    made = {name for name in lock.nodes if name in artifacts}
    differs = []
    for name in nodes:
        if name in made and name not in equal:
            manifest = artifacts[name].manifest
            differs.append(
                Difference(
                    name,
                    follows=any(need in made and need not in equal for need in nodes[name].needs()),
                    sources=artifacts[name].key != lock.nodes[name]["key"],
                    otherwise=manifest["resolved"] != lock.nodes[name]["resolved"],
                    elsewhere=tuple(drift(lock.record(name), manifest)),
                )
            )
    return Outcome(tuple(equal), tuple(differs), tuple(name for name in lock.nodes if name not in made))
