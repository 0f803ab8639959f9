"""Tests of difference: exact values, error rates by simulation, Holm's correction."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from danlu.metrics.bootstrap import generator
from danlu.metrics.items import Sums, mean, mean_of
from danlu.metrics.measure import items_of
from danlu.metrics.significance import holm, mcnemar, permutation


def test_mcnemar_by_enumeration() -> None:
    """All ways in which the items that tell could have fallen, each as likely."""
    for ahead, behind in ((0, 1), (3, 1), (5, 2), (4, 4), (7, 0)):
        ways = [sum(way) for way in product((0, 1), repeat=ahead + behind)]
        likely = {count: ways.count(count) for count in set(ways)}
        expected = sum(many for many in likely.values() if many <= likely[ahead])  # tails at most as likely as what was seen
        total = sum(many * (likely[count] <= likely[ahead]) for count, many in likely.items())
        assert total == expected
        a = [1] * ahead + [0] * behind + [1, 1, 0]
        b = [0] * ahead + [1] * behind + [1, 1, 0]
        assert mcnemar(a, b) == pytest.approx(expected / len(ways))
        assert mcnemar(b, a) == pytest.approx(expected / len(ways))
    assert mcnemar([1, 0], [1, 0]) == 1


def test_permutation_close_to_all_swaps() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=10), random.normal(0.8, size=10)
    gaps = a - b
    all_swaps = [abs(np.mean(gaps * signs)) for signs in product((1, -1), repeat=10)]
    exact = np.mean(np.array(all_swaps) >= abs(gaps.mean()) - 1e-12)
    found = permutation(mean_of(a, {}), mean_of(b, {}), generator(0), permutations=20_000)
    assert found == pytest.approx(exact, abs=0.01)


def test_permutation_of_a_metric_of_sums_and_of_kinds() -> None:
    """A metric that is no mean, on kinds of items and on items one by one: the same distribution."""
    random = np.random.default_rng(1)
    truth = random.integers(0, 3, 200)
    a, b = (np.where(random.random(200) < share, truth, random.integers(0, 3, 200)) for share in (0.7, 0.55))
    left, right = (items_of("f1_macro", truth, predicted, classes=3) for predicted in (a, b))
    by_kind = permutation(left, right, generator(0), permutations=5000)
    one_by_one = [Sums(items.rows(), items.statistic) for items in (left, right)]
    assert permutation(*one_by_one, generator(0), permutations=5000) == pytest.approx(by_kind, abs=0.02)
    assert by_kind < 0.2
    assert permutation(left, left, generator(0)) == 1


def test_error_rates_hold_where_models_are_alike() -> None:
    random = np.random.default_rng(5)
    shown = {"mcnemar": 0, "permutation": 0}
    for trial in range(400):
        hard = random.random(60)
        a, b = random.random(60) > hard, random.random(60) > hard  # alike, and right on the same items
        shown["mcnemar"] += mcnemar(a, b) <= 0.05
        skewed = [random.lognormal(size=25) + hard[:25] for _ in range(2)]
        shown["permutation"] += permutation(*(mean_of(x, {}) for x in skewed), generator(trial), permutations=199) <= 0.05
    most = stats.binom.ppf(0.999, 400, 0.05)  # 34 of 400
    assert shown["mcnemar"] <= most
    assert 5 <= shown["permutation"] <= most


def test_clusters_hold_the_error_rate_that_items_break() -> None:
    """Ten questions a document, whose luck they share: swapping questions finds differences that are none."""
    random = np.random.default_rng(6)
    documents = np.repeat(np.arange(20), 10)
    shown = {"items": 0, "clusters": 0}
    for trial in range(150):
        a, b = (random.normal(size=20)[documents] + random.normal(size=200) for _ in range(2))
        left, right = mean_of(a, {}), mean_of(b, {})
        shown["items"] += permutation(left, right, generator(trial), permutations=99) <= 0.05
        shown["clusters"] += permutation(left, right, generator(trial), clusters=documents, permutations=99) <= 0.05
    assert shown["items"] > 40
    assert shown["clusters"] <= stats.binom.ppf(0.999, 150, 0.05)


def test_power() -> None:
    random = np.random.default_rng(7)
    hard = random.normal(size=100)
    a, b = mean_of(hard + random.normal(0.3, 0.3, 100), {}), mean_of(hard + random.normal(0, 0.3, 100), {})
    found = permutation(a, b, generator(0))
    z = abs((a.each() - b.each()).sum()) / np.sqrt(((a.each() - b.each()) ** 2).sum())
    assert found < 1e-6
    assert found == pytest.approx(2 * 3.18 * stats.norm.sf(z), rel=0.9)  # the spread is that of 1,000 swaps
    assert permutation(a, b, generator(0), permutations=50) < 1e-5


def test_beyond_the_swaps_p_is_no_smaller_than_the_truth() -> None:
    """All swaps of 16 items, of which one in thousands is as large: what 200 of them say is at least the exact p."""
    random = np.random.default_rng(8)
    signs = np.array(list(product((1, -1), repeat=16)))
    small = 0
    for trial in range(60):
        gaps = random.normal(1.2, 1, 16) * random.choice([1, 5], 16, p=[0.8, 0.2])
        exact = (np.abs(signs @ gaps) >= abs(gaps.sum()) - 1e-9).mean()
        found = permutation(mean_of(gaps, {}), mean_of(np.zeros(16), {}), generator(trial), permutations=200)
        if exact < 0.001:
            small += 1
            assert exact <= found <= 1 / 201
    assert small >= 10
    for items in (14, 16, 20):  # the coins of so few items cannot show less
        assert permutation(mean_of(np.ones(items), {}), mean_of(np.zeros(items), {}), generator(0)) >= 2 / 2**items


def test_a_family_of_75_finds_what_is_there_and_nothing_else() -> None:
    """Five models whose chrF differs by tens of points, three parts of the data, five baselines: none was found, for
    p had a floor of 1/1001. And where all models are alike, hardly ever is one called better than another."""
    random = np.random.default_rng(9)
    hard = random.normal(size=60)
    found = [
        permutation(mean_of(hard + random.normal(1, 1, 60), {}), mean_of(hard + random.normal(0, 1, 60), {}), generator(trial))
        for trial in range(75)
    ]
    assert sum(p <= 0.05 for p in holm(found)) >= 60
    wrong = 0
    for trial in range(60):
        gaps = random.standard_t(3, (75, 40))  # heavy tails
        alike = [
            permutation(mean_of(row, {}), mean_of(np.zeros(40), {}), generator(trial, str(place)), permutations=250)
            for place, row in enumerate(gaps)
        ]
        wrong += min(holm(alike)) <= 0.05
    assert wrong <= stats.binom.ppf(0.999, 60, 0.05)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1, 1])
    assert holm([]) == []


def test_holm_rejects_what_the_steps_reject() -> None:
    """By the procedure's words: from the smallest p on, stop at the first above level / (tests left)."""
    random = np.random.default_rng(0)
    for _ in range(200):
        p = (random.random(6) ** 3).tolist()
        rejected: set[int] = set()
        for rank, place in enumerate(sorted(range(6), key=p.__getitem__)):
            if p[place] > 0.05 / (6 - rank):
                break
            rejected.add(place)
        assert {place for place, adjusted in enumerate(holm(p)) if adjusted <= 0.05} == rejected


def test_a_statistic_that_is_not_defined_counts_against_a_difference() -> None:
    rows = np.array([[1.0, 1.0], [0.0, 0.0]])
    assert permutation(Sums(rows, mean), Sums(rows[::-1], mean), generator(0), permutations=50) == 1
