"""The card of an artifact: what it is, what it was made from and may be used for, how good it is, what it cost, as Markdown.

It is rendered from lineage and evaluations whenever somebody asks, never stored: an evaluation that is made tomorrow stands
on tomorrow's card. The card of a model suits as the `README.md` of its folder on a hub.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from danlu.pipeline.graph import MODELS
from danlu.pipeline.keys import FORGOTTEN
from danlu.pipeline.lineage import Manifests, ancestors, payload_bytes
from danlu.workspace.artifact import Artifact, Workspace
from danlu.workspace.files import read_json
from danlu.workspace.messages import Language, current_language, listed, table, text
from danlu.workspace.sentences import say
from danlu.workspace.tombstones import forgotten

USUAL_TOKENS = 20
"""Tokens a parameter that a model is usually trained on (arXiv 2203.15556); with fewer it could have learned more."""
TASKS = {"clm": "text-generation", "mlm": "fill-mask", "classification": "text-classification"}

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Words:
    """The sentences of the card in one language."""

    language: Language

    def __call__(self, key: str, /, **parameters: object) -> str:
        return text(key, self.language, **parameters)


@dataclass(frozen=True)
class Card:
    """All that a card says, gathered from disk: facts by stage of what the artifact was made from, itself included."""

    artifact: Artifact
    manifest: Facts
    facts: Facts
    lineage: tuple[Facts, ...]
    sources: tuple[Facts, ...]
    datasets: tuple[Facts, ...]
    collected: Facts | None
    cleaned: Facts | None
    started: tuple[tuple[Facts, Facts], ...]
    numbers: tuple[Facts, ...]
    comparisons: tuple[Facts, ...]
    baselines: tuple[Facts, ...]
    forgotten_since: bool

    @property
    def name(self) -> str:
        """The model's, dataset's or node's own name."""
        node = str(self.manifest["node"])
        return node.partition(".")[2] if self.artifact.stage in (*MODELS, "dataset") else node

    @property
    def languages(self) -> list[str]:
        """Of the sources, the most text first."""
        sizes: dict[str, int] = {}
        for source in self.sources:
            for language, size in source["languages"].items():
                sizes[language] = sizes.get(language, 0) + size
        return sorted(sizes, key=lambda language: -sizes[language])


def gather(workspace: Workspace, manifests: Manifests, artifact: Artifact) -> Card:
    """The facts of a card from what lies in the workspace."""
    name = artifact.path.name
    chain = [other for other in ancestors(manifests, name) if other != name]
    facts = partial(_facts, workspace, manifests, [*chain, name])
    models = [other for other in chain if manifests[other]["stage"] in MODELS]
    collected = next(facts("collect", "card.json"), None)
    datasets = tuple(facts("dataset", "facts.json"))
    numbers, comparisons, baselines = _measured(workspace, manifests, name)
    return Card(
        artifact, manifests[name], _read(artifact / "facts.json") or {}, tuple(manifests[other] for other in [*chain, name]),
        _sources(collected, datasets),
        datasets, collected, next(facts("clean.decide", "facts.json"), None),
        tuple((manifests[other], _read(workspace.artifacts / other / "facts.json") or {}) for other in models),
        numbers, comparisons, baselines, _forgotten_since(workspace, [manifests[other] for other in [*chain, name]]),
    )  # fmt: skip


def _sources(collected: Facts | None, datasets: Iterable[Facts]) -> tuple[Facts, ...]:
    """What was read as documents, and of the datasets what is not among that already."""
    found = list(collected["sources"]) if collected else []
    names = {source["name"] for source in found}
    for data in datasets:
        found += [source for source in data["sources"] if f"{data['name']}/{source['name']}" not in names]
    return tuple(found)


def _facts(workspace: Workspace, manifests: Manifests, names: Sequence[str], stage: str, file: str) -> Iterator[Any]:
    for name in names:
        if manifests[name]["stage"] == stage and (found := _read(workspace.artifacts / name / file)) is not None:
            yield found


def _read(path: Path) -> Any | None:
    return read_json(path) if path.exists() else None


def _measured(
    workspace: Workspace, manifests: Manifests, name: str
) -> tuple[tuple[Facts, ...], tuple[Facts, ...], tuple[Facts, ...]]:
    """Numbers and comparisons of a model, and the numbers of the baselines beside them, by the newest evaluation of it."""
    evaluations = sorted(
        (other for other, manifest in manifests.items() if name in (manifest["inputs"].get("models") or {}).values()),
        key=lambda other: -manifests[other]["finished"],
    )
    for evaluation in evaluations:
        found = _read(workspace.artifacts / evaluation / "evaluation.json")
        label = next(label for label, model in manifests[evaluation]["inputs"]["models"].items() if model == name)
        if not found:
            continue
        numbers = tuple(number for number in found["numbers"] if number["model"] == label)
        beside = manifests[evaluation]["inputs"].get("baselines")
        known = (_read(workspace.artifacts / beside / "evaluation.json") if isinstance(beside, str) else None) or {}
        wanted = {(number["metric"], number["split"], str(number["slice"])) for number in numbers}
        baselines = (n for n in known.get("numbers", []) if (n["metric"], n["split"], str(n["slice"])) in wanted)
        comparisons = tuple(entry for entry in found.get("comparisons", []) if entry["a"] == label and not entry["slice"])
        return numbers, comparisons, tuple(baselines)
    return (), (), ()


def _forgotten_since(workspace: Workspace, lineage: Iterable[Facts]) -> bool:
    """Whether the list of forgotten documents is another than when the data was read."""
    now = forgotten(workspace.path)
    readers = [manifest for manifest in lineage if manifest["stage"] in ("collect", "dataset")]
    return bool(now) and any(manifest["external"].get(FORGOTTEN) != now.digest for manifest in readers)


def render(card: Card, language: Language | None = None) -> str:
    """The card in Markdown."""
    words = Words(language or current_language())
    is_model = card.artifact.stage in MODELS
    parts = [
        _front_matter(card) if is_model else [],
        [f"# {card.name}", "", *_what(card, words)],
        _section(words("card.data"), _data(card, words)),
        _section(words("card.splits"), _splits(card, words)),
        _section(words("card.scores"), _scores(card, words)) if is_model else [],
        _section(words("card.use"), _use(card, words)) if is_model else [],
        _section(words("card.limits"), [f"- {line}" for line in _limits(card, words)]),
        _section(words("card.cost"), _cost(card, words)),
        _section(words("card.made"), _made(card, words)),
    ]
    return "\n".join(line for part in parts if part for line in [*part, ""]).rstrip() + "\n"


def _section(title: str, lines: list[str]) -> list[str]:
    return [f"## {title}", "", *lines] if lines else []


def _front_matter(card: Card) -> list[str]:
    """What a hub reads: library, task, languages, licence (`other`: the sources' own, listed below)."""
    task = TASKS.get(str(card.facts.get("objective") or card.facts.get("task") or ""))
    head: dict[str, Any] = {"library_name": "transformers"}
    if task:
        head["pipeline_tag"] = task
    if tags := list(dict.fromkeys(tag.partition("-")[0] for tag in card.languages if tag != "und")):
        head["language"] = tags
    head["license"] = "other"
    head["tags"] = ["danlu"]
    return ["---", *yaml.safe_dump(head, sort_keys=False).splitlines(), "---"]


def _what(card: Card, words: Words) -> list[str]:
    """One paragraph: what this is."""
    facts, stage = card.facts, card.artifact.stage
    languages = _names(card.languages, words)
    if stage == "pretrain.trunk":
        steps = {"steps": f"{facts['steps']:,}", "total": f"{facts['total_steps']:,}"}
        return [words("card.what.trunk", architecture=facts["architecture"], parameters=_count(facts["parameters"]), **steps)]
    if stage == "pretrain.decay":
        shown = {"parameters": _count(facts["parameters"]), "length": facts["length"], "languages": languages}
        return [words(f"card.what.{facts['objective']}", architecture=facts["architecture"], **shown)]
    if stage == "finetune":
        shown = {"parameters": _count(facts["parameters"]), "trainable": _count(facts["trainable"])}
        labels = listed(f"`{label}`" for label in facts["labels"])
        sentences = [words("card.what.classifier", labels=labels, languages=languages, length=facts["length"], **shown)]
        start = facts["start"]
        random = "random" if facts.get("initial") == "random" else "weights"
        sentences.append(words(f"card.what.start-{random}", start=start["name"], version=start["version"]))
        return [words("card.join", first=sentences[0], second=sentences[1])]
    if stage == "dataset":
        return [
            words("card.what.dataset", rows=f"{facts['kept']:,}", read=f"{facts['rows']:,}", labels=listed(facts["labels"]))
        ]
    if stage == "collect" and card.collected:
        numbers = {"documents": f"{card.collected['documents']:,}", "megabytes": _megabytes(card.collected["bytes"])}
        return [words("card.what.collect", languages=languages, **numbers)]
    return [words("card.what.other", stage=stage, megabytes=_megabytes(payload_bytes(card.artifact.path)))]


def _data(card: Card, words: Words) -> list[str]:
    """The table of sources, then what cleaning did and how much was learned from."""
    lines = []
    if card.sources:
        titles = [words(f"card.column.{name}") for name in ("source", "languages", "amount", "licence", "origin")]
        lines += [_row(titles), _row(["---"] * len(titles))]
        for source in card.sources:
            version = f" {source['version']}" if source.get("version") else ""
            licence = source.get("licence") or words("card.undeclared")
            languages, origin = _names(source["languages"], words), source.get("origin") or words("card.undeclared")
            lines.append(_row([f"{source['name']}{version}", languages, _amount(source, words), licence, origin]))
        lines.append("")
    if card.collected and card.cleaned and card.artifact.stage != "collect":
        done = card.cleaned["documents"]
        leaked = sum(card.cleaned.get("leaked", {}).values())
        dropped = f"{done['in'] - done['kept']:,}"
        lines.append(words("card.cleaned", kept=f"{done['kept']:,}", read=f"{done['in']:,}", dropped=dropped, leaked=leaked))
    gone = sum(manifest["counts"].get("forgotten", 0) for manifest in card.lineage)
    if gone:
        lines.append(words("card.forgotten", count=gone))
    for manifest, facts in [*card.started, (card.manifest, card.facts)]:
        if manifest["stage"] in ("pretrain.trunk", "pretrain.decay"):
            numbers = {"tokens": f"{facts['tokens']:,}", "steps": f"{facts['steps']:,}", "epochs": f"{facts['epochs']:.2f}"}
            lines.append(words("card.learned", name=_own(manifest), **numbers))
            if mixture := facts.get("mixture"):
                lines.append(_mixture(mixture, words))
        elif manifest["stage"] == "finetune":
            most = max(facts.get("trained_on") or [0])
            lines.append(words("card.labels", name=_own(manifest), rows=f"{most:,}", dataset=manifest["config"]["dataset"]))
    return lines


def _mixture(mixture: Mapping[str, Facts], words: Words) -> str:
    """Of each source, its share of what was read and how often it was read through."""
    sources = (
        words("card.mixture-source", name=name, share=f"{100 * read['share']:.3g}", epochs=f"{read['epochs']:.2f}")
        for name, read in mixture.items()
    )
    return words("card.mixture", sources=listed(sources))


def _amount(source: Facts, words: Words) -> str:
    if "documents" in source:
        return words("card.amount.documents", count=f"{source['documents']:,}", megabytes=_megabytes(source["bytes"]))
    return words("card.amount.rows", count=f"{source['rows']:,}")


def _splits(card: Card, words: Words) -> list[str]:
    """How data was divided before anything was cleaned."""
    lines = []
    for data in card.datasets:
        splits = {name: f"{count:,}" for name, count in data["splits"].items()}
        repeats = {"repeats": f"{data['repeats']:,}", "conflicts": f"{data['conflicts']:,}"}
        lines.append(f"- {words('card.split', dataset=data['name'], **splits, **repeats)}")
    if card.collected and card.collected["holdout"]["documents"]:
        held = card.collected["holdout"]
        documents = f"{held['documents']:,}"
        lines.append(f"- {words('card.holdout', documents=documents, megabytes=_megabytes(held['bytes']))}")
    return lines


def _scores(card: Card, words: Words) -> list[str]:
    """Every number with its interval, the baselines beside it, and the comparisons in sentences."""
    if not card.numbers:
        return [words("card.unmeasured")]
    percent = _confidence(card.numbers)
    titles = [
        words(f"card.column.{name}", percent=percent) for name in ("metric", "where", "model", "value", "interval", "count")
    ]
    lines = [_row(titles), _row(["---"] * 3 + ["---:"] * 3)]
    for number in card.numbers:
        same = [n for n in card.baselines if all(n[key] == number[key] for key in ("metric", "split", "slice"))]
        for entry in [number, *same]:
            metric = _word(words, f"metrics.{entry['metric']}.name", entry["metric"])
            model = f"**{entry['model']}**" if entry is number else entry["model"]
            interval = " – ".join(_value(entry, bound) for bound in entry["interval"] or ())
            cells = [metric, _where(entry, words), model, _value(entry, entry["value"]), interval, f"{entry['count']:,}"]
            lines.append(_row(cells))
    sentences = [say(entry["sentence"], words.language) for entry in card.comparisons if "sentence" in entry]
    return [*lines, "", *(f"- {sentence}" for sentence in sentences)]


def _use(card: Card, words: Words) -> list[str]:
    task = TASKS.get(str(card.facts.get("objective") or card.facts.get("task") or ""), "feature-extraction")
    example = {"text-generation": '"The"', "fill-mask": 'f"A {use.tokenizer.mask_token} day"'}.get(task, '"Well worth reading"')
    code = ["from transformers import pipeline", "", f'use = pipeline("{task}", model="model")', f"print(use({example}))"]
    return ["```python", *code, "```", "", words("card.use-danlu", name=card.name)]


def _limits(card: Card, words: Words) -> list[str]:
    """What must not be expected of it, each for a reason that stands in its facts."""
    lines = []
    if card.artifact.stage in MODELS:
        if card.numbers:
            lines.append(words("card.limit.same-source"))
        lines.append(words("card.limit.languages", languages=_names(card.languages, words)))
        lines.append(words("card.limit.length", length=card.facts["length"]))
        for manifest, facts in [*card.started, (card.manifest, card.facts)]:
            if manifest["stage"] == "pretrain.decay" and facts["tokens"] < USUAL_TOKENS * facts["parameters"]:
                ratio = f"{facts['tokens'] / facts['parameters']:.1f}"
                lines.append(words("card.limit.tokens", name=_own(manifest), ratio=ratio, usual=USUAL_TOKENS))
        if card.facts.get("objective") == "clm":
            lines.append(words("card.limit.invents"))
        if outside := [name for manifest in card.lineage for name in manifest["external"] if manifest["stage"] == "finetune"]:
            lines.append(words("card.limit.start", start=listed(outside)))
        lines.append(words("card.limit.unmeasured"))
    if any(source.get("origin") for source in card.sources):
        lines.append(words("card.limit.licence"))
    if card.forgotten_since:
        lines.append(words("card.limit.forgotten"))
    return lines


def _cost(card: Card, words: Words) -> list[str]:
    """Time and memory of the last stage and of all that it rests on, and the machine."""
    machine, all_seconds = card.manifest["machine"], sum(manifest["seconds"] for manifest in card.lineage)
    numbers = {
        "minutes": f"{card.manifest['seconds'] / 60:.1f}",
        "all": f"{all_seconds / 60:.1f}",
        "stages": len(card.lineage),
        "memory": f"{max(manifest['peak_memory_bytes'] for manifest in card.lineage) / 1e6:,.0f}",
    }
    lines = [words("card.spent", **numbers)]
    where = {"processor": machine["processor"], "cores": machine["cores"], "memory": f"{machine['memory_bytes'] / 1e9:.0f}"}
    lines.append(
        words("card.machine", **where) if not machine.get("gpu") else words("card.machine-gpu", gpu=machine["gpu"], **where)
    )
    starts = ((manifest["node"], manifest["facts"].get("goes_on_from")) for manifest in card.lineage)
    lines += [
        words("card.goes-on", node=node, artifact=one["artifact"], step=f"{one['step']:,}") for node, one in starts if one
    ]
    if flops := card.manifest["facts"].get("flops"):
        lines.append(words("card.flops", flops=f"{flops:.1e}"))
    return lines


def _made(card: Card, words: Words) -> list[str]:
    """The settings, versions and digests that it can be made again from."""
    manifest = card.manifest
    when = time.strftime("%Y-%m-%d", time.gmtime(manifest["finished"]))
    versions = ", ".join(f"{name} {version}" for name, version in manifest["versions"].items())
    lines = [words("card.made-by", node=manifest["node"], when=when, seed=manifest["seed"], versions=versions)]
    lines += ["", "```yaml", *yaml.safe_dump(manifest["config"], allow_unicode=True).rstrip().splitlines(), "```", ""]
    lines.append(words("card.digest", artifact=card.artifact.path.name, payload=card.artifact.payload))
    external = {name: digest for entry in card.lineage for name, digest in entry["external"].items()}
    lines += [f"- `{name}` {digest[:16]}" for name, digest in sorted(external.items())]
    return lines


def _own(manifest: Facts) -> str:
    return str(manifest["node"]).partition(".")[2]


def _names(languages: Iterable[str], words: Words) -> str:
    names = dict.fromkeys(_word(words, f"metrics.language.{tag}", tag) for tag in languages)
    return ("、" if words.language == "zh" else ", ").join(names) or listed(())


def _word(words: Any, key: str, otherwise: str) -> str:
    """The word of another area's table, or what has none."""
    return text(key, words.language) if key in table() else otherwise


def _confidence(numbers: Iterable[Facts]) -> str:
    """Of the intervals, in percent, as their signatures say."""
    parts = (part.partition(":") for number in numbers for part in number["signature"].split("|"))
    return next((f"{100 * float(value):g}" for name, _, value in parts if name == "confidence"), "95")


def _where(entry: Facts, words: Words) -> str:
    language, split = entry["slice"].get("language"), str(entry["split"])
    named = _word(words, f"metrics.language.{language or 'all'}", str(language))
    return words("card.cell", split=_word(words, f"card.where.{split}", split), named=named)


def _value(entry: Facts, value: float) -> str:
    return f"{100 * value:.1f}%" if entry["unit"] == "share" else f"{value:.3f}"


def _count(number: float) -> str:
    return f"{number / 1e6:.1f}M" if number >= 1e5 else f"{number:,}"


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.1f}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(str(cell).replace('|', '¦').replace(chr(10), ' ') for cell in cells)} |"
