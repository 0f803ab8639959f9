"""Label-curve subsets: nested, balanced, independent of the order of the rows."""

from __future__ import annotations

import random
from collections import Counter

from danlu.tasks.subset import nested_subsets


def _rows(count: int, rare: int = 0) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [
        {"digest": f"{index:032x}", "label": ("negative", "positive")[index % 2], "language": ("en", "zh-Hans")[index // 2 % 2]}
        for index in range(count)
    ]
    return rows + [{"digest": f"r{index}", "label": "positive", "language": "ja"} for index in range(rare)]


def test_each_set_holds_the_smaller_ones() -> None:
    subsets = nested_subsets(_rows(1000), (500, 100, 100, 5000), seed=3)
    assert list(subsets) == [100, 500, 1000]
    assert subsets[500][:100] == subsets[100]
    assert sorted(subsets[1000]) == list(range(1000))


def test_classes_and_languages_are_equal() -> None:
    rows = _rows(1000)
    for size in (4, 100, 102):
        counts = Counter((rows[index]["label"], rows[index]["language"]) for index in nested_subsets(rows, (size,))[size])
        assert len(counts) == 4
        assert max(counts.values()) - min(counts.values()) <= 1


def test_unequal_classes_are_balanced_as_far_as_they_go() -> None:
    rows = [{"digest": str(index), "label": "a" if index < 10 else "b", "language": "zh-Hans"} for index in range(200)]
    chosen = Counter(rows[index]["label"] for index in nested_subsets(rows, (100,))[100])
    assert chosen == {"a": 10, "b": 90}


def test_the_order_of_rows_does_not_matter_and_the_seed_does() -> None:
    rows = _rows(400)
    mixed = random.Random(1).sample(rows, len(rows))
    digests = [{rows[i]["digest"] for i in nested_subsets(rows, (50,), seed)[50]} for seed in (0, 1)]
    assert digests[0] == {mixed[i]["digest"] for i in nested_subsets(mixed, (50,), 0)[50]}
    assert digests[0] != digests[1]


def test_a_rare_language_takes_no_equal_share() -> None:
    rows = _rows(1000, rare=20)
    languages = Counter(rows[index]["language"] for index in nested_subsets(rows, (100,))[100])
    assert languages["ja"] <= 8
    assert languages["en"] > 40
    assert languages["zh-Hans"] > 40


def test_no_rows_and_no_sizes() -> None:
    assert nested_subsets([], (100,)) == {}
    assert list(nested_subsets(_rows(8), ())) == [8]
