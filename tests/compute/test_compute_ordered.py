from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator

import pytest

from danlu.compute.ordered import in_order


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_order_and_things_are_not_taken_far_ahead(threads: int) -> None:
    taken: list[int] = []
    waits = random.Random(1)

    def things() -> Iterator[int]:
        for number in range(40):
            taken.append(number)
            yield number

    def work(number: int) -> int:
        time.sleep(waits.random() / 200)
        return number * number

    for place, result in enumerate(in_order(work, things(), threads)):
        assert result == place * place
        assert len(taken) <= place + threads + 1
    assert taken == list(range(40))


def test_several_are_at_work_at_once() -> None:
    both = threading.Barrier(2, timeout=20)
    assert list(in_order(lambda _: both.wait() >= 0, range(2), 2)) == [True, True]


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_comes_where_its_result_would(threads: int) -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 5:
            raise ValueError("five")
        return number

    results = in_order(work, range(1000), threads)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="five"):
        next(results)
    assert max(begun) <= 5 + threads + 1


@pytest.mark.parametrize(("sizes", "most", "expected"), [([5] * 12, 20, 4), ([0, 1, 30, 1, 1], 20, 3), ([50] * 4, 20, 1)])
def test_no_more_is_taken_than_its_size_allows(sizes: list[int], most: int, expected: int) -> None:
    """How many things are taken when the first result is there; one larger than all is still done."""
    taken: list[int] = []

    def things() -> Iterator[int]:
        for size in sizes:
            taken.append(size)
            yield size

    results = in_order(lambda size: size, things(), 2, size=lambda size: size, most=most)
    assert next(results) == sizes[0]
    assert len(taken) == expected
    assert [sizes[0], *results] == sizes
