"""Which labelled rows are used, and in which split: computed from digests and labels alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from danlu.recipe.datasets import DatasetConfig, SplitConfig
from danlu.text.canonical import digest

SPLITS = ("train", "validation", "test")
EMPTY = digest("")  # of a text without a letter, digit or Han


@dataclass(frozen=True)
class Rows:
    """Columns of all rows in source order: canonical and exact digest of the text, label, language."""

    canonical: Sequence[str]
    exact: Sequence[str]
    labels: Sequence[str]
    languages: Sequence[str]


@dataclass(frozen=True)
class Decision:
    """For each row its split and why it is dropped (both may be empty)."""

    split: list[str]
    dropped: list[str]


def split_of(canonical_digest: str, shares: SplitConfig) -> str:
    """The split of a text: a pure function of its canonical digest and the shares."""
    place = _fraction("split", canonical_digest)
    if place < shares.test:
        return "test"
    return "validation" if place < shares.test + shares.validation else "train"


def decide(rows: Rows, config: DatasetConfig) -> Decision:
    """Split and drop rows. Of a repeated text the first row stays; a text with two labels goes; limits take by digest.

    A row that is dropped has no split, so that no reader can use it by mistake; `split_of` tells where its text falls.
    """
    conflicting = conflicts(rows.canonical, rows.labels)
    split: list[str] = []
    dropped: list[str] = []
    seen: set[str] = set()
    for text in rows.canonical:
        reason = "empty" if text == EMPTY else "conflict" if text in conflicting else "repeat" if text in seen else ""
        dropped.append(reason)
        split.append("" if reason else split_of(text, config.split))
        seen.add(text)
    _limit(rows, config, split, dropped)
    return Decision(split, dropped)


def conflicts(digests: Iterable[str], labels: Iterable[str]) -> set[str]:
    """Digests that come with two labels or more (texts with nothing in them are not compared)."""
    first: dict[str, str] = {}
    found = set()
    for text, label in zip(digests, labels, strict=True):
        if text != EMPTY and first.setdefault(text, label) != label:
            found.add(text)
    return found


def repeats_by_size(rows: Rows, chosen: Callable[[str], bool], most: int) -> list[tuple[str, Counter[str], str]]:
    """(digest, rows by label, language) of the `chosen` texts with most rows, at most `most` of them a language."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    language: dict[str, str] = {}
    for text, label, tongue in zip(rows.canonical, rows.labels, rows.languages, strict=True):
        if text != EMPTY and chosen(text):
            counts[text][label] += 1
            language.setdefault(text, tongue)
    ordered = sorted((text for text in counts if counts[text].total() > 1), key=lambda text: (-counts[text].total(), text))
    taken: Counter[str] = Counter()
    found = []
    for text in ordered:
        taken[language[text]] += 1
        if taken[language[text]] <= most:
            found.append((text, counts[text], language[text]))
    return found


def _limit(rows: Rows, config: DatasetConfig, split: list[str], dropped: list[str]) -> None:
    """Drop rows beyond `most_train` and `most_heldout` a language; which ones stay depends on their digests alone."""
    limits = {"train": config.most_train, "validation": config.most_heldout, "test": config.most_heldout}
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, reason in enumerate(dropped):
        if not reason and limits[split[index]] is not None:
            groups[split[index], rows.languages[index]].append(index)
    for (name, _), members in groups.items():
        members.sort(key=lambda index: _fraction("limit", rows.canonical[index]))
        for index in members[limits[name] :]:
            dropped[index], split[index] = "limit", ""


def _fraction(purpose: str, canonical_digest: str) -> float:
    """A number in [0, 1) from a digest, of its own for each purpose: choices must not follow from each other."""
    return int(digest(f"{purpose}:{canonical_digest}")[:13], 16) / 2**52
