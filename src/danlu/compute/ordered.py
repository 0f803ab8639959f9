"""Work on one thing after another, several at a time, with the results in the order of the things."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Thing], Result],
    things: Iterable[Thing],
    threads: int,
    *,
    size: Callable[[Thing], int] = lambda thing: 1,
    most: int | None = None,
) -> Iterator[Result]:
    """`work` of every thing, in their order, by so many threads. Things are taken ahead of the results until their sizes sum to
    `most` (by default: `threads + 1` things).

    It is faster than a loop where work lets go of the interpreter's lock (kernels, Arrow, compression). An error comes where
    its result would; what was not begun by then is not done.
    """
    if threads < 2:
        yield from map(work, things)
        return
    most = threads + 1 if most is None else most
    waiting: deque[tuple[Future[Result], int]] = deque()
    held = 0
    with ThreadPoolExecutor(threads, "danlu-work") as pool:
        try:
            for thing in things:
                waiting.append((pool.submit(work, thing), size(thing)))
                held += waiting[-1][1]
                while held >= most:
                    future, its = waiting.popleft()
                    held -= its
                    yield future.result()
            while waiting:
                yield waiting.popleft()[0].result()
        finally:
            for future, _ in waiting:
                future.cancel()
