"""Splits, repeats, contradictions, limits; the held-out documents."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.collect.holdout import choose_holdout
from danlu.collect.splits import Rows, conflicts, decide, repeats_by_size, split_of
from danlu.recipe.datasets import DatasetConfig, SplitConfig
from danlu.text.canonical import canonical_digest, digest

SHARES = SplitConfig(validation=0.1, test=0.1)


def config(**more: object) -> DatasetConfig:
    return DatasetConfig.model_validate({"sources": [{"type": "python-docs"}], **more})


def make(pairs: list[tuple[str, str]], language: str = "en") -> Rows:
    texts = [text for text, _ in pairs]
    labels = [label for _, label in pairs]
    return Rows([canonical_digest(text) for text in texts], [digest(text) for text in texts], labels, [language] * len(pairs))


def test_shares_are_met() -> None:
    counts = Counter(split_of(digest(str(i)), SHARES) for i in range(20_000))
    assert counts["test"] == pytest.approx(2000, abs=150)
    assert counts["validation"] == pytest.approx(2000, abs=150)


def test_splits_are_fixed_forever() -> None:
    """Another split of the same text would put test items into training: this must never change."""
    expected = ["train"] * 7 + ["test"] + ["train"] * 3 + ["validation"]
    assert [split_of(digest(str(i)), SHARES) for i in range(12)] == expected


def test_a_text_with_two_labels_is_used_in_no_split() -> None:
    rows = make([("Good!", "a"), ("good", "b"), ("fine", "a"), ("!!", "a"), ("Fine.", "a"), ("??", "b")])
    found = decide(rows, config())
    assert found.dropped == ["conflict", "conflict", "", "empty", "repeat", "empty"]
    assert [bool(name) for name in found.split] == [not reason for reason in found.dropped]
    assert len(conflicts(rows.canonical, rows.labels)) == 1
    assert len(conflicts(rows.exact, rows.labels)) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "A!", "b", "c", "好", "好。", "d", "?"]), st.sampled_from("xy")), max_size=30))
def test_decisions_match_a_plain_definition(pairs: list[tuple[str, str]]) -> None:
    rows = make(pairs)
    found = decide(rows, config())
    groups = defaultdict(list)
    for index, key in enumerate(rows.canonical):
        groups[key].append(index)
    for key, members in groups.items():
        reasons = [found.dropped[index] for index in members]
        if key == digest(""):
            assert set(reasons) == {"empty"}
        elif len({rows.labels[index] for index in members}) > 1:
            assert set(reasons) == {"conflict"}
        else:
            assert reasons == ["", *["repeat"] * (len(members) - 1)]
            assert [found.split[index] for index in members] == [split_of(key, SHARES), *[""] * (len(members) - 1)]


def test_limits_choose_by_digest_whatever_the_order_of_rows() -> None:
    pairs = [(f"text {i}", "a") for i in range(500)]
    limited = config(most_train=50, most_heldout=10)

    def kept(order: list[tuple[str, str]]) -> dict[str, set[str]]:
        found = decide(make(order), limited)
        chosen: dict[str, set[str]] = defaultdict(set)
        for (text, _), split, reason in zip(order, found.split, found.dropped, strict=True):
            if not reason:
                chosen[split].add(text)
        return chosen

    forward, backward = kept(pairs), kept(pairs[::-1])
    assert forward == backward
    assert {name: len(texts) for name, texts in forward.items()} == {"train": 50, "validation": 10, "test": 10}
    smaller = decide(make(pairs), config(most_train=20))
    few = {
        text
        for (text, _), split, reason in zip(pairs, smaller.split, smaller.dropped, strict=True)
        if (split, reason) == ("train", "")
    }
    assert few < forward["train"]  # a smaller limit takes some of the same


def test_limits_are_a_language() -> None:
    english, chinese = make([(f"t{i}", "a") for i in range(100)]), make([(f"文{i}", "a") for i in range(100)], "zh-Hans")
    both = Rows(
        *(list(getattr(english, name)) + list(getattr(chinese, name)) for name in ("canonical", "exact", "labels", "languages"))
    )
    found = decide(both, config(most_train=7))
    used = Counter((both.languages[i], found.split[i]) for i in range(200) if not found.dropped[i])
    assert (used["en", "train"], used["zh-Hans", "train"]) == (7, 7)


def test_examples_are_the_most_repeated() -> None:
    rows = make([("a", "x"), ("b", "x"), ("A", "y"), ("a.", "x"), ("b", "x"), ("c", "x")])
    found = repeats_by_size(rows, lambda _: True, 5)
    assert [(text, dict(labels)) for text, labels, _ in found] == [(digest("a"), {"x": 2, "y": 1}), (digest("b"), {"x": 2})]
    assert len(repeats_by_size(rows, lambda _: True, 1)) == 1


def arrays(sources: list[int], order: list[int], sizes: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.array(sources, np.uint32), np.array(order, np.uint64), np.array(sizes, np.int64)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50), st.integers(1, 300)), max_size=200), st.integers(0, 5000))
def test_holdout_keeps_its_bounds(documents: list[tuple[int, int, int]], wanted: int) -> None:
    sources, order, sizes = arrays(*([list(column) for column in zip(*documents, strict=True)] if documents else [[], [], []]))
    held = choose_holdout(sources, order, sizes, wanted)
    assert sizes[held].sum() <= wanted
    for source in set(sources.tolist()):
        assert sizes[held & (sources == source)].sum() <= 0.1 * sizes[sources == source].sum()
    assert len(set(order[held].tolist())) == held.sum()  # a text is held out once


def test_holdout_is_in_proportion_and_independent_of_order() -> None:
    source = np.random.default_rng(0)
    sources = np.repeat([0, 1], [9000, 1000]).astype(np.uint32)
    order, sizes = source.integers(0, 2**63, 10_000).astype(np.uint64), source.integers(50, 150, 10_000)
    held = choose_holdout(sources, order, sizes, 50_000)
    assert sizes[held & (sources == 0)].sum() == pytest.approx(45_000, abs=400)
    assert sizes[held & (sources == 1)].sum() == pytest.approx(5_000, abs=200)
    shuffled = source.permutation(10_000)
    again = choose_holdout(sources[shuffled], order[shuffled], sizes[shuffled], 50_000)
    assert set(order[shuffled][again].tolist()) == set(order[held].tolist())


def test_no_holdout_from_one_document_or_when_none_is_wanted() -> None:
    assert not choose_holdout(*arrays([0], [1], [1_000_000]), 1000).any()
    assert not choose_holdout(*arrays([0] * 100, list(range(100)), [10] * 100), 0).any()
    assert not choose_holdout(*arrays([], [], []), 1000).any()
