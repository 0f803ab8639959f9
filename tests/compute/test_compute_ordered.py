from __future__ import annotations

import random
import threading
from collections.abc import Iterator

import pytest

from danlu.compute.ordered import in_order


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_things(threads: int) -> None:
    waits = [random.Random(0).choice((0, 0.002)) for _ in range(60)]

    def slow(number: int) -> int:
        threading.Event().wait(waits[number])
        return -number

    assert list(in_order(slow, range(60), threads)) == [-number for number in range(60)]
    assert list(in_order(slow, [], threads)) == []


@pytest.mark.parametrize(("sizes", "most", "expected"), [([1] * 12, None, 3), ([5] * 12, 20, 4), ([0, 1, 30, 1, 1], 20, 3)])
def test_no_more_is_taken_than_was_said(sizes: list[int], most: int | None, expected: int) -> None:
    """How many things are taken when the first result is there."""
    taken: list[int] = []

    def things() -> Iterator[int]:
        for size in sizes:
            taken.append(size)
            yield size

    results = in_order(lambda size: size, things(), 2, size=lambda size: size if most else 1, most=most)
    next(results)
    assert len(taken) == expected
    assert [sizes[0], *results] == sizes


def test_an_error_comes_where_its_result_would() -> None:
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 3:
            raise ValueError("three")
        return number

    results = in_order(work, range(100), 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert max(begun) < 10
