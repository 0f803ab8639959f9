"""`danlu why`: what exactly makes a stage run again, and what has changed around one that does not.

A node is compared with the nearest earlier artifact of the same node in this workspace: the one with the fewest differences,
of those the newest. A changed input is followed to its own cause, so the answer names a key, a file, a version, never just
"an input".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from danlu.clean.preset import LINE_RULES
from danlu.pipeline.keys import FORGOTTEN
from danlu.pipeline.lineage import Manifests, artifact_at, inputs_of
from danlu.pipeline.plan import Standing
from danlu.pipeline.state import read_state, run_names
from danlu.workspace.artifact import Workspace
from danlu.workspace.digest import digest_json
from danlu.workspace.sentences import Message, message

MOST_FILES = 3
"""So many changed files of a node are named, the others counted."""
MOST_INPUTS = 3
MEMORY_DRIFT = 0.05
EVERYWHERE = ("why.cause.seed", "why.cause.forgotten", "why.cause.key")
"""Causes that are the same wherever they appear: a key stands in one place of the recipe, whatever stages it counts for."""
SECTIONS = {
    "dataset": "datasets",
    "tokenize.train": "tokenize",
    "tokenize.encode": "tokenize",
    "evaluate.baselines": "evaluate",
}
SECTIONS |= {"evaluate.models": "evaluate"}


@dataclass(frozen=True)
class Cause:
    """A difference. `chain` names the nodes between the one asked about and the one where it is: nearest first, empty if it
    is the node's own."""

    chain: tuple[str, ...]
    what: Message


@dataclass(frozen=True)
class Why:
    """The answer for a node. `artifact` is the one that is there, else the nearest earlier one, if there is any."""

    node: str
    state: Literal["cached", "runs", "waits"]
    artifact: str | None
    verdict: Message
    causes: tuple[Cause, ...] = ()
    drift: tuple[Message, ...] = ()


@dataclass(frozen=True)
class _Made:
    """What a node will be made of. `inputs` are nodes by label; `section` is the part of the recipe that its keys stand in,
    `aliases` are the names that some of them have there, `unsaid` are those that count only where they are no default."""

    version: int
    config: Mapping[str, Any]
    unsaid: Mapping[str, Any]
    seed: int
    external: Mapping[str, str]
    inputs: Mapping[str, str]
    section: str
    aliases: Mapping[str, str]


@dataclass
class _Past:
    """A recipe's standing beside all that was made in the workspace, with what was found out already."""

    standing: Standing
    manifests: Manifests
    workspace: Workspace
    seed: int
    payloads: dict[str, str] = field(default_factory=dict)
    known: dict[tuple[str, str], tuple[Cause, ...]] = field(default_factory=dict)

    def payload(self, name: str) -> str:
        if name not in self.payloads:
            self.payloads[name] = artifact_at(self.workspace, name).payload
        return self.payloads[name]


def explain(
    standing: Standing, manifests: Manifests, workspace: Workspace, seed: int, now: Mapping[str, Any]
) -> dict[str, Why]:
    """Why each node runs again, waits, or does not. `now` has the `versions` and the `machine` of this moment."""
    past = _Past(standing, manifests, workspace, seed)
    gone = _gone(workspace, manifests)
    return {name: _why(past, name, gone, now) for name in standing.nodes}


def _why(past: _Past, name: str, gone: Mapping[str, list[str]], now: Mapping[str, Any]) -> Why:
    node, key, state = past.standing.nodes[name], past.standing.keys[name], past.standing.state(name)
    artifact = past.standing.artifacts.get(name)
    if artifact:
        manifest = past.manifests[artifact.path.name]
        seconds = f"{manifest['seconds']:.1f}"
        verdict = message("why.verdict.cached", node=name, artifact=artifact.path.name, when=_date(manifest), seconds=seconds)
        return Why(name, state, artifact.path.name, verdict, drift=tuple(drift(manifest, now)))
    lost = gone.get(name, [])
    if key and f"{node.stage.name}-{key}" in lost:
        return Why(name, state, None, message("why.verdict.gone", node=name, artifact=f"{node.stage.name}-{key}"))
    nearest, causes = _nearest(past, name)
    if nearest is None and lost:
        return Why(name, state, None, message("why.verdict.gone", node=name, artifact=lost[0]))
    if key and past.workspace.partial(node.stage.name, key).exists():
        kind = "unfinished" if causes else "never-finished"
        return Why(name, state, nearest, message(f"why.verdict.{kind}", node=name), causes)
    if nearest is None:
        return Why(name, state, None, message("why.verdict.never", node=name))
    shown = {"node": name, "artifact": nearest, "when": _date(past.manifests[nearest])}
    if not causes and state == "runs":
        causes = (Cause((), message("why.cause.formula")),)
    if state == "runs" or any(not cause.chain for cause in causes):
        return Why(name, state, nearest, message("why.verdict.runs", **shown), causes)
    waiting = [need for need in dict.fromkeys(node.needs()) if need not in past.standing.there]
    kind = "waits" if causes else "same"
    return Why(name, state, nearest, message(f"why.verdict.{kind}", **shown, inputs=_some(waiting)), causes)


def _some(names: Sequence[str]) -> str | Message:
    """The first few names and how many more there are."""
    shown = ", ".join(names[:MOST_INPUTS])
    return shown if len(names) <= MOST_INPUTS else message("why.some", names=shown, count=len(names) - MOST_INPUTS)


def _nearest(past: _Past, name: str) -> tuple[str | None, tuple[Cause, ...]]:
    """The earlier artifact of a node with the fewest differences, of those the newest, and why it will not do."""
    node, new = past.standing.nodes[name], _planned(past, name)
    found = [
        (len(_own(manifest, new)) + len(list(_inputs(past, manifest, new))), -manifest["finished"], other)
        for other, manifest in past.manifests.items()
        if manifest["node"] == name and manifest["stage"] == node.stage.name
    ]
    if not found:
        return None, ()
    other = min(found)[2]
    return other, _causes(past, other, name)


def _causes(past: _Past, old: str, name: str) -> tuple[Cause, ...]:
    """What differs between the artifact `old` and the node `name` as it is planned, each cause by its shortest chain."""
    if (old, name) not in past.known:
        past.known[old, name] = _differences(past, past.manifests[old], _planned(past, name))
    return past.known[old, name]


def _differences(past: _Past, old: Mapping[str, Any], new: _Made) -> tuple[Cause, ...]:
    found = [Cause((), what) for what in _own(old, new)]
    for label, node, before in _inputs(past, old, new):
        if node is None:
            found.append(Cause((), message("why.cause.input-gone", label=label)))
        elif before is None:
            found.append(Cause((), message("why.cause.input-new", label=label, node=node)))
        elif node in past.standing.given:
            found.append(Cause((), message("why.cause.input-other", label=label, old=before, new=node)))
        elif before not in past.manifests:
            found.append(Cause((node,), message("why.cause.earlier-gone", artifact=before)))
        else:
            deeper = _causes(past, before, node) or (Cause((), message("why.cause.other-result")),)
            found += [Cause((node, *cause.chain), cause.what) for cause in deeper]
    shortest: dict[str, Cause] = {}
    for cause in sorted(found, key=lambda cause: len(cause.chain)):
        at = [] if str(cause.what["key"]).startswith(EVERYWHERE) else cause.chain[-1:]
        shortest.setdefault(digest_json([at, cause.what]), cause)
    return tuple(shortest.values())


def _inputs(past: _Past, old: Mapping[str, Any], new: _Made) -> Iterator[tuple[str, str | None, str | None]]:
    """(label, node, earlier artifact) of the inputs that differ; the node is None if it is no longer read, the artifact if
    it was not read before."""
    before = dict(inputs_of(old))
    for label, node in new.inputs.items():
        if label not in before:
            yield label, node, None
        elif not _same(past, before[label], node):
            yield label, node, before[label]
    yield from ((label, None, other) for label, other in before.items() if label not in new.inputs)


def _same(past: _Past, old: str, node: str) -> bool:
    """Whether the artifact `old` is what the node `node` gives, as far as can be told before that has run."""
    artifact, key = past.standing.there.get(node), past.standing.keys.get(node)
    if artifact:
        there = old in past.manifests
        return old == artifact.path.name or (there and past.payload(old) == past.payload(artifact.path.name))
    if key:
        return old == f"{past.standing.nodes[node].stage.name}-{key}"
    return old in past.manifests and not _causes(past, old, node)


def _planned(past: _Past, name: str) -> _Made:
    node = past.standing.nodes[name]
    inputs: dict[str, str] = {}
    for argument, value in node.inputs.items():
        if isinstance(value, str):
            inputs[argument] = value
        else:
            inputs |= {f"{argument}.{own}": other for own, other in (value or {}).items()}
    section = SECTIONS.get(node.stage.name, node.stage.name.partition(".")[0])
    fields = type(node.config).model_fields
    aliases = {field: info.alias for field, info in fields.items() if info.alias}
    config, whole = node.config.identity(), node.config.model_dump(mode="json")
    unsaid = {name: value for name, value in whole.items() if name not in config}
    return _Made(
        node.stage.version, config, unsaid, past.seed, past.standing.external[name], inputs,
        f"{section}.{node.own}" if node.own else section, aliases,
    )  # fmt: skip


def _own(old: Mapping[str, Any], new: _Made) -> list[Message]:
    """What differs in the node itself: version, seed, keys, what it reads from outside."""
    found = []
    if old["version"] != new.version:
        found.append(message("why.cause.version", old=old["version"], new=new.version))
    if old["seed"] != new.seed:
        found.append(message("why.cause.seed", old=old["seed"], new=new.seed))
    before, after = _flat(old["config"], new.aliases), _flat(new.config, new.aliases)
    unsaid = _flat(new.unsaid, new.aliases)
    after |= {key: value for key, value in unsaid.items() if key in before}
    for key in dict.fromkeys([*after, *before]):
        shown = {"setting": f"{new.section}.{key}"}
        if before.get(key) == after.get(key) or _emptied(key, before, after):
            continue
        if key not in before:
            cause = message("why.cause.key-new", **shown, new=after[key])
        elif key not in after:
            cause = message("why.cause.key-gone", **shown, old=before[key])
        else:
            cause = message("why.cause.key", **shown, old=before[key], new=after[key])
        line_rule = new.section == "clean" and key.removeprefix("rules.") in LINE_RULES
        found.append(message("why.cause.line-rule", change=cause) if line_rule else cause)
    return found + _outside(old["external"], new.external)


def _emptied(key: str, before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Whether a section had no key and has some now, or the other way round: these say so themselves."""
    some, none = (after, before) if key in before else (before, after)
    return key not in some and none[key] == "{}" and any(name.startswith(f"{key}.") for name in some)


def _flat(config: Mapping[str, Any], aliases: Mapping[str, str]) -> dict[str, str]:
    """Dotted key -> value as written in a recipe."""
    found: dict[str, str] = {}

    def walk(value: Any, at: str) -> None:
        if isinstance(value, dict) and set(value) == {"amount", "unit"}:  # a budget
            found[at] = f"{value['amount']:g}{'s' if value['unit'] == 'seconds' else ' ' + value['unit']}"
        elif isinstance(value, dict) and value:
            for key, inner in value.items():
                walk(inner, f"{at}.{key}")
        elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
            for number, inner in enumerate(value):
                walk(inner, f"{at}.{number}")
        else:
            found[at] = _written(value)

    for key, value in config.items():
        walk(value, aliases.get(key, key))
    return found


def _written(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_written(inner) for inner in value)}]"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return "{}"
    return {None: "null", True: "true", False: "false"}.get(value, str(value)) if not isinstance(value, str) else value


def _outside(old: Mapping[str, str], new: Mapping[str, str]) -> list[Message]:
    """Changed files, packages and the list of forgotten documents. Of a package with another version the files go unsaid."""
    found, files = [], []
    for name in dict.fromkeys([*new, *old]):
        if old.get(name) == new.get(name):
            continue
        if name == FORGOTTEN:
            found.append(message("why.cause.forgotten"))
        elif name.endswith(" version") and name in old and name in new:
            shown = name.removesuffix(" version").removeprefix("package:")
            found.append(message("why.cause.package", name=shown, old=old[name], new=new[name]))
        elif not name.endswith(" version"):
            kind = "file-new" if name not in old else "file-gone" if name not in new else "file"
            files.append(message(f"why.cause.{kind}", name=name))
    more = len(files) - MOST_FILES
    return found + files[:MOST_FILES] + ([message("why.cause.files-more", count=more)] if more > 0 else [])


def _gone(workspace: Workspace, manifests: Manifests) -> dict[str, list[str]]:
    """Node -> artifacts that runs of this workspace made or read of it and that are no longer there, latest run first."""
    found: dict[str, list[str]] = {}
    for run in run_names(workspace):
        for node in read_state(workspace, run).nodes.values():
            name = f"{node.stage}-{node.key}"
            if node.key and node.state in ("done", "cached") and name not in manifests:
                found.setdefault(node.name, []).append(name)
    return found


def drift(manifest: Mapping[str, Any], now: Mapping[str, Any]) -> list[Message]:
    """What has changed since an artifact was made without being part of its key: a new one might come out otherwise."""
    then, found = manifest["machine"], []
    for package, old in manifest["versions"].items():
        new = now["versions"].get(package)
        if new != old:
            kind = "version" if new else "version-gone"
            found.append(message(f"why.drift.{kind}", name=package, old=old, new=new or ""))
    same: Callable[[Any, Any], bool] = lambda old, new: old == new  # noqa: E731
    near: Callable[[Any, Any], bool] = lambda old, new: abs(old - new) <= MEMORY_DRIFT * old  # noqa: E731
    for name, equal in (("processor", same), ("cores", same), ("memory_bytes", near)):
        old, new = then.get(name), now["machine"].get(name)
        if old is not None and new is not None and not equal(old, new):
            shown = [f"{value / 1e9:.0f}" if name == "memory_bytes" else value for value in (old, new)]
            found.append(message(f"why.drift.{name.replace('_', '-')}", old=shown[0], new=shown[1]))
    if then.get("bf16") is not None and then["bf16"] != now["machine"].get("bf16"):
        precision = next(_find(manifest["resolved"], "precision"), "fp32")
        found.append(message(f"why.drift.bf16-{'gone' if then['bf16'] else 'new'}", precision=precision))
    if bool(then.get("compiler")) != bool(now["machine"].get("compiler")):
        found.append(message(f"why.drift.compiler-{'gone' if then.get('compiler') else 'new'}"))
    threads = next(_find(manifest["resolved"], "threads"), None)
    if threads is not None and threads != now["machine"].get("cores") and then.get("cores") == now["machine"].get("cores"):
        found.append(message("why.drift.threads", old=threads, new=now["machine"]["cores"]))
    return found


def _find(value: Any, key: str) -> Iterator[Any]:
    """Values of a key anywhere in what was resolved."""
    if isinstance(value, Mapping):
        if key in value:
            yield value[key]
        for inner in value.values():
            yield from _find(inner, key)


def _date(manifest: Mapping[str, Any]) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(manifest["finished"]))
