"""What the numbers mean and what would improve them, in one sentence: pure functions from numbers to messages.

A sentence is built of clauses, each a message with its parameters: the verdict beside the simple model, what pretraining
brought, where the label curves cross, what to do next. A clause is only said if a comparison whose whole interval is on
one side supports it; where the interval holds zero the clause says that nothing is shown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from danlu.evaluate.data import METRICS_OF
from danlu.metrics.words import amount
from danlu.workspace.sentences import Message, message

Facts = Mapping[str, Any]
Entry = Mapping[str, Any]
ENOUGH_TOKENS = 20  # a parameter, about where more parameters and more tokens pay the same (Hoffmann et al. 2022)
RISING = 0.01  # accuracy gained by the last step of the label curve from which on more labels are advised
SIMPLE = "tfidf"
TEXT_BASELINES = {"bits_per_byte": ("5-gram", "xz", "gzip"), "masked_nats": ("unigram",)}


def meaning(evaluation: Mapping[str, Sequence[Entry]], models: Mapping[str, Facts]) -> list[Message]:
    """One sentence for each dataset with fine-tuned models, then one for each pretrained model that has a simple rival.

    `evaluation` holds numbers, comparisons, curve and crossings of baselines and models together; `models` the facts of
    each model.
    """
    tuned = {name: facts for name, facts in models.items() if "start" in facts}
    by_dataset: dict[str, dict[str, Facts]] = {}
    for opening in evaluation["openings"]:
        if opening["model"] in tuned:
            by_dataset.setdefault(opening["dataset"], {})[opening["model"]] = tuned[opening["model"]]
    several = len({opening["dataset"] for opening in evaluation["openings"]}) > 1
    sentences = [
        classifier_meaning(evaluation, models, dataset if several else None, mine)
        for dataset, mine in sorted(by_dataset.items())
    ]
    sentences += [language_meaning(evaluation, name, facts) for name, facts in models.items() if "objective" in facts]
    return [sentence for sentence in sentences if sentence is not None]


def classifier_meaning(
    evaluation: Mapping[str, Sequence[Entry]], models: Mapping[str, Facts], dataset: str | None, tuned: Mapping[str, Facts]
) -> Message | None:
    """The recipe's own fine-tuned model (else the best) beside the linear model and beside itself without pretraining."""
    subject = _subject(evaluation, tuned, dataset)
    if subject is None:
        return None
    verdict = _find(evaluation["comparisons"], "accuracy", subject, SIMPLE, dataset)
    clauses = []
    if verdict is not None:
        clauses.append(_beside("evaluate.meaning.linear", subject, SIMPLE, verdict))
        if verdict["verdict"] != "better":
            clauses += _crossing(evaluation["crossings"], subject, dataset)
    else:
        number = _number(evaluation["numbers"], "accuracy", subject, dataset)
        if number is None:
            return None
        clauses.append(message("evaluate.meaning.alone", model=subject, value=amount(number["value"], "share")))
    clauses += _pretraining(evaluation["comparisons"], subject, tuned, dataset)
    start = models.get(str(tuned[subject]["start"].get("name")), {})
    clauses.append(_next_for_classifier(evaluation["curve"], subject, tuned[subject], start, verdict, dataset))
    return sentence(clauses)


def language_meaning(evaluation: Mapping[str, Sequence[Entry]], name: str, facts: Facts) -> Message | None:
    """A pretrained model beside the best simple model of text that was measured on the same documents."""
    metric = METRICS_OF[facts["objective"]][0]
    mine = _number(evaluation["numbers"], metric, name, None)
    rivals = [found for rival in TEXT_BASELINES[metric] if (found := _number(evaluation["numbers"], metric, rival, None))]
    if mine is None or not rivals:
        return None
    rival = min(rivals, key=lambda number: number["value"])
    compared = _find(evaluation["comparisons"], metric, name, rival["model"], None)
    if compared is not None:
        verdict = compared["verdict"]
    else:  # a compressor has no losses by document to pair with: its value must lie outside the model's interval
        low, high = mine["interval"] or (math.nan, math.nan)
        verdict = "better" if high < rival["value"] else "worse" if low > rival["value"] else "none"
    ahead = message(
        f"evaluate.meaning.text.{verdict}", model=name, rival=rival["model"], value=amount(mine["value"], mine["unit"]),
        other=amount(rival["value"], mine["unit"]), unit=message(f"metrics.unit.{mine['unit']}"),
    )  # fmt: skip
    return sentence([ahead, _next_for_pretraining(name, facts)])


def sentence(clauses: Sequence[Message]) -> Message:
    """The clauses as one sentence."""
    joined = clauses[0]
    for clause in clauses[1:]:
        joined = message("evaluate.meaning.and", first=joined, second=clause)
    return message("evaluate.meaning.sentence", clauses=joined)


def _subject(evaluation: Mapping[str, Sequence[Entry]], tuned: Mapping[str, Facts], dataset: str | None) -> str | None:
    """The model the sentence is about: the best of those that start from this recipe's own pretraining, else of all."""
    own = [name for name in tuned if tuned[name]["start"].get("kind") == "recipe" and tuned[name].get("initial") == "weights"]
    values = {
        name: number["value"] for name in own or tuned if (number := _number(evaluation["numbers"], "accuracy", name, dataset))
    }
    return max(sorted(values), key=lambda name: values[name]) if values else None


def _beside(key: str, subject: str, other: str, comparison: Entry) -> Message:
    """`key`.better, .worse or .none with the gain's interval in points, turned so that it speaks of whoever is ahead."""
    low, high = comparison["interval"]
    if comparison["verdict"] == "worse":
        low, high = -high, -low
    return message(
        f"{key}.{comparison['verdict']}", model=subject, other=other, low=amount(low, "share"), high=amount(high, "share")
    )


def _pretraining(comparisons: Sequence[Entry], subject: str, tuned: Mapping[str, Facts], dataset: str | None) -> list[Message]:
    """What pretraining brought: the subject beside the same model that started from random weights."""
    start = tuned[subject]["start"].get("name")
    twins = [name for name, facts in tuned.items() if facts.get("initial") == "random" and facts["start"].get("name") == start]
    found = [
        entry for twin in sorted(twins) if twin != subject and (entry := _find(comparisons, "accuracy", subject, twin, dataset))
    ]
    return [_beside("evaluate.meaning.pretraining", subject, found[0]["b"], found[0])] if found else []


def _crossing(crossings: Sequence[Entry], subject: str, dataset: str | None) -> list[Message]:
    """With how few labels the subject is ahead of the linear model that wins in the end."""
    for entry in crossings:
        if (entry["a"], entry["b"], entry["language"]) == (SIMPLE, subject, "all") and entry.get("dataset") == dataset:
            return [message("evaluate.meaning.crossing", model=subject, labels=entry["labels"])]
    return []


def _next_for_classifier(
    curve: Sequence[Entry], subject: str, facts: Facts, start: Facts, verdict: Entry | None, dataset: str | None
) -> Message:
    """What would improve it: more pretraining where it saw few tokens, more labels where the curve still rises, else text."""
    own = facts["start"].get("name")
    if verdict is not None and verdict["verdict"] != "better" and _hungry(start):
        return _next_for_pretraining(str(own), start)
    line = sorted(
        (point["labels"], point["value"])
        for point in curve
        if (point["model"], point["language"], point["metric"]) == (subject, "all", "accuracy")
        and point.get("dataset") == dataset
    )
    if len(line) > 1 and line[-1][1] - line[-2][1] >= RISING:
        gain = amount(line[-1][1] - line[-2][1], "share")
        return message("evaluate.meaning.next.labels", fewer=line[-2][0], more=line[-1][0], gain=gain)
    if _hungry(start):
        return _next_for_pretraining(str(own), start)
    return message("evaluate.meaning.next.flat" if len(line) > 1 else "evaluate.meaning.next.unknown")


def _hungry(start: Facts) -> bool:
    return "tokens" in start and start["tokens"] < ENOUGH_TOKENS * start["parameters"]


def _next_for_pretraining(name: str, facts: Facts) -> Message:
    """A longer budget where the model saw few tokens for its size; more text where it saw the same text many times."""
    ratio = facts["tokens"] / facts["parameters"]
    if facts.get("epochs", 0) > 4:  # repeats beyond about four bring little (Muennighoff et al. 2023)
        return message("evaluate.meaning.next.text", model=name, epochs=f"{facts['epochs']:.0f}")
    key = "budget" if ratio < ENOUGH_TOKENS else "larger"
    return message(f"evaluate.meaning.next.{key}", model=name, ratio=f"{ratio:.1f}", enough=ENOUGH_TOKENS)


def _slice_of(dataset: str | None) -> dict[str, str]:
    return {"dataset": dataset} if dataset else {}


def _find(comparisons: Sequence[Entry], metric: str, a: str, b: str, dataset: str | None) -> Entry | None:
    """The comparison of `a` against `b` over all languages, turned if it was made the other way round."""
    for entry in comparisons:
        if entry["metric"] == metric and entry["slice"] == _slice_of(dataset) and {entry["a"], entry["b"]} == {a, b}:
            return entry if entry["a"] == a else _turned(entry)
    return None


def _turned(entry: Entry) -> Entry:
    interval = entry["interval"] and [-bound for bound in reversed(entry["interval"])]
    verdict = {"better": "worse", "worse": "better", "none": "none"}[entry["verdict"]]
    turned = {
        "a": entry["b"],
        "b": entry["a"],
        "difference": -entry["difference"],
        "interval": interval,
        "verdict": verdict,
    }
    return {**entry, **turned}


def _number(numbers: Sequence[Entry], metric: str, model: str, dataset: str | None) -> Entry | None:
    """The number over all languages."""
    for entry in numbers:
        if (entry["metric"], entry["model"]) == (metric, model) and entry["slice"] == _slice_of(dataset):
            return entry
    return None
