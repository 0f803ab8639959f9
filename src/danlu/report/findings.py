"""What is surprising in a run: pure functions from facts to candidate sentences, each with a score of surprise.

A finding is true by construction: its numbers are read from the facts, never estimated. The score orders findings: about 1 for
what changes what a person believes of their data or result, about 0.1 for what is merely good to know. A score grows with
the size of what was found, so a run with a large leak opens with the leak, and one without opens with something else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from danlu.report.words import BASELINES, Value, finite

Facts = Mapping[str, Any]
CLEARLY_MORE = 1.5
SEEN = 0.01  # of the test texts: what fewer could change is within the interval of any score here


@dataclass(frozen=True)
class Finding:
    """A candidate: the message `key` with `parameters`, where it is shown in full (`section`), how surprising it is."""

    key: str
    surprise: float
    section: str
    parameters: dict[str, Value]


def find(facts: Facts) -> list[Finding]:
    """Every finding of the run, the most surprising first; never empty."""
    makers: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
        leak,
        heldout_in_training,
        seen_before,
        removed,
        repeated_documents,
        repaired,
        crossing,
        pretraining_pays,
        against_baselines,
        dominance,
        imbalance,
        tokens_by_language,
        nothing_removed,
        amount,
    )
    found = [finding for maker in makers for finding in maker(facts)]
    found.sort(key=lambda finding: (-finding.surprise, finding.key))
    return found or [Finding("report.finding.nothing-yet", 0.0, "reproduce", {})]


def choose(found: list[Finding], most: int = 4) -> list[Finding]:
    """The findings to show: the first, then others that speak of something else (no two of one kind)."""
    chosen: list[Finding] = []
    kinds: set[str] = set()
    for finding in found:
        kind = finding.key.removeprefix("report.finding.").partition("-")[0]
        if kind not in kinds and len(chosen) < most:
            chosen.append(finding)
            kinds.add(kind)
    return chosen


def leak(facts: Facts) -> Iterator[Finding]:
    """Repeats and contradictory labels in a dataset, and what they would have pretended."""
    for name, dataset in _mapping(facts, "datasets").items():
        language = _worst_language(facts, name, dataset)
        part = dataset["by_language"][language] if language else dataset
        rows, conflicts, share = part.get("rows", 0), part.get("conflicts", 0), _repeat_share(part)
        gap = _leak_gap(facts, name, language)
        values = {
            "dataset": Value("name", name),
            "share": Value("share", share),
            "n": Value("count", conflicts),
            "rows": Value("count", rows),
        }
        if gap and share >= 0.02:
            honest, claimed = gap
            values |= {"honest": Value("fine" if claimed - honest < 0.02 else "score", honest)}
            values |= {"claimed": Value("fine" if claimed - honest < 0.02 else "score", claimed)}
            key = "report.finding.leak-language" if language else "report.finding.leak"
            values |= {"language": Value("language", language)} if language else {}
            key += "-conflicts" if conflicts else ""
            yield Finding(key, 0.55 + min(share, 0.5) + min(8 * max(claimed - honest, 0.0), 0.6), "data", values)
        elif share >= 0.02:
            key = "report.finding.leak-repeats-conflicts" if conflicts else "report.finding.leak-repeats"
            yield Finding(key, 0.3 + min(share, 0.6), "data", values)
        elif conflicts:
            yield Finding("report.finding.conflicts", 0.25 + min(20 * conflicts / max(rows, 1), 0.4), "data", values)


def _repeat_share(part: Facts) -> float:
    rows = part.get("rows", 0)
    repeats = part.get("repeats", max(rows - part.get("distinct", 0), 0))
    return float(repeats / rows) if rows else 0.0


def _worst_language(facts: Facts, name: str, dataset: Facts) -> str | None:
    """The language whose rows repeat clearly more than all rows do, if the leak was measured in it: what surprises is there."""
    parts = dataset.get("by_language") or {}
    worst = max(sorted(parts), key=lambda tag: _repeat_share(parts[tag]), default=None)
    if worst is None or _repeat_share(parts[worst]) < CLEARLY_MORE * _repeat_share(dataset):
        return None
    return worst if _leak_gap(facts, name, worst) else None


def _leak_gap(facts: Facts, dataset: str, language: str | None = None) -> tuple[float, float] | None:
    """(accuracy, accuracy that a split with repeats left in claims) of one model; the widest gap, over the rows of
    `language` or over all rows."""
    numbers = _numbers(facts)
    pairs = []
    for leaked in numbers:
        place = leaked.get("slice") or {}
        if leaked.get("metric") != "leak_accuracy" or place.get("dataset", dataset) != dataset:
            continue
        for number in numbers:
            same = number.get("model") == leaked.get("model") and (number.get("slice") or {}) == place
            if number.get("metric") == "accuracy" and same and number["value"] < leaked["value"]:
                pairs.append((place.get("language"), number["value"], leaked["value"]))
    asked = [pair for pair in pairs if pair[0] == language] or ([] if language else pairs)
    return max(((low, high) for _, low, high in asked), key=lambda pair: pair[1] - pair[0], default=None)


def heldout_in_training(facts: Facts) -> Iterator[Finding]:
    """Held-out texts that stood in the training text."""
    for name, number in _mapping(facts, "decide", "leaked").items():
        if number:
            key = "report.finding.heldout-documents" if name == "holdout" else "report.finding.heldout"
            surprise = 0.5 + min(0.12 * math.log10(number + 1), 0.45)
            yield Finding(key, surprise, "removed", {"n": Value("count", number), "dataset": Value("name", name)})


def seen_before(facts: Facts) -> Iterator[Finding]:
    """Test rows or held-out documents that still stand in what is learned from: the worst of the searches."""
    searches = [entry for entry in _mapping(facts, "evaluation").get("overlaps") or [] if entry.get("split") != "validation"]
    worst: Facts = max(searches, key=_seen_share, default={})
    if (share := _seen_share(worst)) >= SEEN:
        values = {"n": Value("count", _seen(worst)), "rows": Value("count", worst["rows"])}
        if worst.get("dataset"):
            values["dataset"] = Value("name", worst["dataset"])
        key = "report.finding.seen" if worst.get("dataset") else "report.finding.seen-documents"
        yield Finding(key, 0.5 + min(2 * share, 0.6), "scores", values)


def _seen(search: Facts) -> int:
    return (search.get("exact") or 0) + (search.get("near") or 0)


def _seen_share(search: Facts) -> float:
    return _seen(search) / search["rows"] if search.get("rows") else 0.0


def removed(facts: Facts) -> Iterator[Finding]:
    """A large share of the documents taken out, with the commonest reason."""
    before, after = _in_and_kept(facts)
    reasons = {name: entry.get("documents", 0) for name, entry in _mapping(facts, "decide", "reasons").items()}
    if not before or not reasons or before == after:
        return
    share = 1 - after / before
    reason = max(sorted(reasons), key=lambda name: reasons[name])
    if share >= 0.005:
        yield Finding(
            "report.finding.removed",
            0.15 + 0.9 * share,
            "removed",
            {
                "share": Value("share", share),
                "reason": Value("reason", reason),
                "part": Value("share", reasons[reason] / max(sum(reasons.values()), 1)),
            },
        )


def repeated_documents(facts: Facts) -> Iterator[Finding]:
    """Documents that say what another document says."""
    before, _ = _in_and_kept(facts)
    repeats = _mapping(facts, "decide", "reasons", "repeat").get("documents", 0)
    if before and repeats / before >= 0.03:
        share = repeats / before
        yield Finding(
            "report.finding.repeats", 0.2 + share, "removed", {"share": Value("share", share), "n": Value("count", repeats)}
        )


def repaired(facts: Facts) -> Iterator[Finding]:
    """Mark-up and other characters that are not text, and how much of everything they were."""
    part = _mapping(facts, "normalise")
    before, after = part.get("characters_in", 0), part.get("characters_out", 0)
    if before and before - after > 0.01 * before:
        share = (before - after) / before
        yield Finding("report.finding.markup", 0.25 + 1.5 * min(share, 0.4), "removed", {"share": Value("share", share)})
    edited, documents = part.get("edited", 0), part.get("documents", 0)
    edits = part.get("edits") or {}
    if documents and edits and edited / documents >= 0.02:
        share = edited / documents
        reason = max(sorted(edits), key=lambda name: edits[name])
        values = {"share": Value("share", share), "reason": Value("reason", reason)}
        yield Finding("report.finding.edited", 0.15 + 0.3 * share, "removed", values)


def crossing(facts: Facts) -> Iterator[Finding]:
    """From how many labels on one model (`a` of the entry) is ahead of another (`b`) and stays so."""
    for entry in _mapping(facts, "evaluation").get("crossings") or []:
        winner, loser, tag = str(entry.get("a", "")), str(entry.get("b", "")), str(entry.get("language") or "all")
        if finite(entry.get("labels")) and entry["labels"] > 0 and "tfidf" in (winner, loser):
            values = {
                "winner": Value("model", winner),
                "loser": Value("model", loser),
                "labels": Value("about", entry["labels"]),
                "language": Value("language", tag),
            }
            key = "report.finding.crossing" if tag != "all" else "report.finding.crossing-all"
            yield Finding(key, 0.64 if loser in BASELINES else 0.68, "curve", values)


def pretraining_pays(facts: Facts) -> Iterator[Finding]:
    """A fine-tuned model beside the same model without pretraining."""
    tuned = _mapping(facts, "finetune")
    scratch = [name for name, part in tuned.items() if part.get("facts", {}).get("initial") == "random"]
    best = {name: value for table in _best(facts, "accuracy").values() for name, value in table.items() if name in tuned}
    for bare in scratch:
        for name in sorted(tuned):
            if name in scratch or name not in best or bare not in best or not _same_start(tuned[name], tuned[bare]):
                continue
            gap = best[name] - best[bare]
            key = "report.finding.pretraining" if gap > 0 else "report.finding.pretraining-not"
            values = {
                "model": Value("model", name),
                "bare": Value("model", bare),
                "points": Value("points", gap),
                "value": Value("fine", best[name]),
                "other": Value("fine", best[bare]),
            }
            lead = _lead(facts, name, bare)
            if lead and not lead[2]:
                ends = {"low": Value("signed", lead[0]), "high": Value("signed", lead[1])}
                yield Finding("report.finding.pretraining-unclear", 0.45, "scores", values | ends)
            elif abs(gap) >= 0.005:
                yield Finding(key, (0.35 if gap > 0 else 0.6) + min(2 * abs(gap), 0.3), "scores", values)


def _lead(facts: Facts, one: str, other: str) -> tuple[float, float, bool] | None:
    """The interval of the lead of `one` over `other` in accuracy over all rows, if they were compared, and whether it is shown:
    by the whole interval, and among all that was compared."""
    for entry in _mapping(facts, "evaluation").get("comparisons") or []:
        if entry.get("metric") == "accuracy" and "language" not in (entry.get("slice") or {}) and entry.get("interval"):
            low, high = entry["interval"]
            shown = not low <= 0 <= high and entry.get("verdict") != "none"
            if (entry.get("a"), entry.get("b")) == (one, other):
                return low, high, shown
            if (entry.get("a"), entry.get("b")) == (other, one):
                return -high, -low, shown
    return None


def _same_start(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(one.get("facts", {}).get("start", {}).get("name") == other.get("facts", {}).get("start", {}).get("name"))


def against_baselines(facts: Facts) -> Iterator[Finding]:
    """The best own model beside the best baseline, for the three headline metrics; most surprising where the baseline wins."""
    for metric, lower in (("bits_per_byte", True), ("accuracy", False), ("masked_nats", True)):
        for best in _best(facts, metric).values():
            own = {name: value for name, value in best.items() if name not in BASELINES}
            simple = {name: value for name, value in best.items() if name in BASELINES}
            if not own or not simple:
                continue
            pick = min if lower else max
            model, baseline = pick(sorted(own), key=own.__getitem__), pick(sorted(simple), key=simple.__getitem__)
            gain = (simple[baseline] - own[model]) * (1 if lower else -1)
            values = {
                "model": Value("model", model),
                "baseline": Value("model", baseline),
                "metric": Value("metric", metric),
                "value": Value("fine", own[model]),
                "other": Value("fine", simple[baseline]),
            }
            relative = abs(gain) / max(abs(simple[baseline]), 1e-9)
            if gain > 0:
                yield Finding("report.finding.better", 0.22 + min(0.4 * relative, 0.25), "scores", values)
            elif gain < 0:
                yield Finding("report.finding.worse", 0.6 + min(relative, 0.3), "scores", values)


def dominance(facts: Facts) -> Iterator[Finding]:
    """One source that is nearly all of the text."""
    sources = _mapping(facts, "collect").get("sources") or []
    total = sum(source.get("bytes", 0) for source in sources)
    if len(sources) > 1 and total:
        top = max(sources, key=lambda source: source.get("bytes", 0))
        share = top["bytes"] / total
        if share >= 0.6:
            values = {"name": Value("name", top["name"]), "share": Value("share", share), "n": Value("count", len(sources))}
            yield Finding("report.finding.dominance", 0.1 + 0.35 * share, "data", values)


def imbalance(facts: Facts) -> Iterator[Finding]:
    """One label that most rows carry: what a model that always says it would score."""
    for name, dataset in _mapping(facts, "datasets").items():
        labels = dataset.get("labels") or {}
        total = sum(labels.values())
        if total and len(labels) > 1:
            top = max(sorted(labels), key=lambda label: labels[label])
            share = labels[top] / total
            if share >= 0.65:
                values = {"dataset": Value("name", name), "label": Value("name", top), "share": Value("share", share)}
                yield Finding("report.finding.imbalance", 0.1 + 0.6 * share, "data", values)


def tokens_by_language(facts: Facts) -> Iterator[Finding]:
    """How many characters a token holds, by language; or over all."""
    fertility = {
        language: entry["characters_per_token"]
        for language, entry in _mapping(facts, "tokenizer", "fertility").items()
        if finite(entry.get("characters_per_token")) and entry["characters_per_token"] > 0
    }
    if len(fertility) >= 2:
        order = sorted(fertility, key=lambda language: (-fertility[language], language))
        most, least = order[0], order[-1]
        ratio = fertility[most] / fertility[least]
        values = {
            "most": Value("language", most),
            "least": Value("language", least),
            "many": Value("ratio", fertility[most]),
            "few": Value("ratio", fertility[least]),
        }
        yield Finding("report.finding.tokens", 0.12 + min(0.05 * ratio, 0.15), "tokenizer", values)
    elif fertility:
        language, value = next(iter(fertility.items()))
        values = {"language": Value("language", language), "many": Value("ratio", value)}
        yield Finding("report.finding.tokens-one", 0.12, "tokenizer", values)


def nothing_removed(facts: Facts) -> Iterator[Finding]:
    """Clean text: true and useful, and seldom so."""
    before, after = _in_and_kept(facts)
    if before and before == after:
        yield Finding("report.finding.clean", 0.3, "removed", {"n": Value("count", before)})


def amount(facts: Facts) -> Iterator[Finding]:
    """How much text there is, for a model of some size: always true, seldom known."""
    tokens = _mapping(facts, "encode", "train").get("tokens", 0)
    for name, part in _mapping(facts, "pretrain").items():
        parameters = part.get("facts", {}).get("parameters")
        if tokens and finite(parameters) and parameters > 0:
            passes = part["facts"].get("epochs")
            values = {
                "model": Value("model", name),
                "tokens": Value("short", tokens),
                "parameters": Value("short", parameters),
                "ratio": Value("ratio", tokens / parameters),
                "passes": Value("ratio", passes or 0.0),
            }
            yield Finding(
                "report.finding.amount-model" if finite(passes) else "report.finding.amount-parameters", 0.1, "training", values
            )
            break
    else:
        collected = _mapping(facts, "collect")
        if collected.get("documents"):
            values = {"n": Value("count", collected["documents"]), "bytes": Value("bytes", collected.get("bytes", 0))}
            yield Finding("report.finding.amount-text", 0.05, "data", values)
    for name, dataset in _mapping(facts, "datasets").items():
        if dataset.get("rows"):
            values = {
                "dataset": Value("name", name),
                "rows": Value("count", dataset["rows"]),
                "n": Value("count", dataset.get("distinct", 0)),
            }
            yield Finding("report.finding.rows", 0.06, "data", values)


def _mapping(facts: Facts, *path: str) -> dict[str, Any]:
    """The mapping at `path` of the facts, empty where a part is absent."""
    node: Any = facts
    for name in path:
        node = node.get(name) if isinstance(node, Mapping) else None
    return dict(node) if isinstance(node, Mapping) else {}


def _numbers(facts: Facts) -> list[dict[str, Any]]:
    return [number for number in _mapping(facts, "evaluation").get("numbers") or [] if finite(number.get("value"))]


def _best(facts: Facts, metric: str) -> dict[str, dict[str, float]]:
    """Dataset ("" where the numbers name none) -> model -> value over all languages."""
    best: dict[str, dict[str, float]] = {}
    for number in _numbers(facts):
        place = number.get("slice") or {}
        if number.get("metric") == metric and "language" not in place:
            best.setdefault(str(place.get("dataset", "")), {})[str(number["model"])] = number["value"]
    return best


def _in_and_kept(facts: Facts) -> tuple[int, int]:
    documents = _mapping(facts, "decide", "documents")
    return documents.get("in", 0), documents.get("kept", 0)
