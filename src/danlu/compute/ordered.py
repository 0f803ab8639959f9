"""Work on one thing after another, several at a time, with the results in the order of the things."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")


def in_order(work: Callable[[Thing], Result], things: Iterable[Thing], threads: int) -> Iterator[Result]:
    """`work` of every thing, in their order, by so many threads; no more than `threads + 1` are taken ahead of the results.

    It is faster than a loop where work lets go of the interpreter's lock (kernels, Arrow, compression). An error comes where
    its result would; what was not begun by then is not done.
    """
    if threads < 2:
        yield from map(work, things)
        return
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, "danlu-work") as pool:
        try:
            for thing in things:
                waiting.append(pool.submit(work, thing))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
