"""The server's parts: offsets, the worker, languages, the page."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.inference.load import Loaded
from danlu.serve.errors import ApiError
from danlu.serve.language import request_language
from danlu.serve.offsets import Offsets, label
from danlu.serve.page import render
from danlu.serve.served import Served, choose
from danlu.serve.worker import Worker
from danlu.workspace.messages import choose_language, table


@given(
    st.lists(
        st.one_of(st.binary(max_size=3), st.text(max_size=2).map(str.encode), st.sampled_from([b"\xe4", b"\xe4\xbd", b"\xa0"]))
    )
)
def test_offsets_of_any_bytes(pieces: list[bytes]) -> None:
    """The offset of a token is the count of characters before the one that its first byte belongs to."""
    data = b"".join(pieces)
    owners: list[int] = []  # for each byte, the character of the replacing decoder that it belongs to
    position, count = 0, 0
    while position < len(data):
        size = next(size for size in range(1, 5) if _one(data[position : position + size]))
        longest = max(
            size for size in range(size, 5) if position + size <= len(data) and _one(data[position : position + size])
        )
        owners += [count] * longest
        position, count = position + longest, count + 1
    counter, place = Offsets(), 0
    for piece in pieces:
        found = counter.next(piece)
        if piece:
            assert found == owners[place]
        place += len(piece)


def _one(data: bytes) -> bool:
    return len(data.decode("utf-8", "replace")) == 1


@pytest.mark.parametrize(
    "data, words", [(b"", "<|eos|>"), ("好".encode(), "好"), (b"\xe5\xa5", "bytes:\\xe5\\xa5"), (b" a", " a")]
)
def test_labels(data: bytes, words: str) -> None:
    assert label(data, "<|eos|>") == words


def collect(worker: Worker, *jobs: Iterator[object]) -> list[list[object]]:
    async def one(job: Iterator[object]) -> list[object]:
        return [item async for item in worker.stream(lambda: job)]

    async def all_of_them() -> list[list[object]]:
        return list(await asyncio.gather(*map(one, jobs)))

    return asyncio.run(all_of_them())


def test_jobs_take_turns_in_one_thread() -> None:
    seen: list[tuple[str, int]] = []

    def job(name: str) -> Iterator[object]:
        until = time.monotonic() + 30
        while not seen and worker.active < 2 and time.monotonic() < until:
            time.sleep(0.001)  # else the first may be done before the second has come
        for number in range(20):
            seen.append((name, threading.get_ident()))
            yield name, number

    worker = Worker()
    worker.start()
    first, second = collect(worker, job("a"), job("b"))
    worker.stop()
    assert first == [("a", number) for number in range(20)]
    assert second == [("b", number) for number in range(20)]
    assert len({thread for _, thread in seen}) == 1
    changes = sum(before != after for (before, _), (after, _) in pairwise(seen))
    assert changes > 10


def test_a_failing_job_leaves_the_worker_alive() -> None:
    def failing() -> Iterator[object]:
        yield 1
        raise ZeroDivisionError

    worker = Worker()
    worker.start()
    with pytest.raises(ZeroDivisionError):
        collect(worker, failing())
    assert collect(worker, iter([1, 2])) == [[1, 2]]
    worker.stop()
    with pytest.raises(ApiError, match="stopping"):
        collect(worker, iter([1]))


def test_too_many_jobs_are_refused() -> None:
    go = threading.Event()

    def waiting() -> Iterator[object]:
        go.wait(10)
        yield 1

    async def ask(worker: Worker) -> list[object]:
        first = asyncio.create_task(anext(worker.stream(waiting)))
        await asyncio.sleep(0.05)
        with pytest.raises(ApiError) as caught:
            await anext(worker.stream(lambda: iter([1])))
        go.set()
        await first
        return [caught.value.status, caught.value.parameters["count"]]

    worker = Worker(most=1)
    worker.start()
    assert asyncio.run(ask(worker)) == [429, 1]
    worker.stop()


@pytest.mark.parametrize(
    "header, asked, language",
    [
        ("", None, "en"), ("zh-CN,zh;q=0.9", None, "zh"), ("de, zh;q=0.5, en;q=0.7", None, "en"), ("en", "zh", "zh"),
        ("ZH-hant", None, "zh"), ("fr;q=x", "xx", "en"),
    ],
)  # fmt: skip
def test_languages(header: str, asked: str | None, language: str) -> None:
    choose_language("en")
    assert request_language({"accept-language": header}, asked) == language
    choose_language(None)


def test_a_model_need_not_be_named_where_one_fits(loaded: dict[str, Loaded]) -> None:
    served = {name: Served(name, model) for name, model in loaded.items()}
    assert choose(served, None, "/v1/completions").name == "gpt"
    two = served | {"other": Served("other", loaded["gpt"])}
    with pytest.raises(ApiError, match="gpt, other"):
        choose(two, None, "/v1/completions")
    with pytest.raises(ApiError) as caught:
        choose({"gpt": served["gpt"]}, None, "/v1/classify")
    assert caught.value.status == 404


class _Links(HTMLParser):
    """What a page loads, and the words in it."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.labels = self.fields = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.loads += [str(named["src"])] if "src" in named else []
        self.loads += [str(named["href"])] if tag == "link" else []
        self.labels += tag == "label"
        self.fields += tag in ("input", "select", "textarea")


@pytest.mark.parametrize(
    "language, words", [("en", ("Complete a text", "Classify a text", "Fill a mask")), ("zh", ("续写文本", "文本分类", "填空"))]
)
def test_the_page(loaded: dict[str, Loaded], language: str, words: tuple[str, ...]) -> None:
    page = render([Served(name, model) for name, model in loaded.items()], language, "http://localhost:8000")  # type: ignore[arg-type]
    assert all(word in page.html for word in (*words, "gpt", "bert", "sentiment", "negative"))
    found = _Links()
    found.feed(page.html)
    assert all(source.startswith("data:") for source in found.loads)  # nothing from elsewhere
    assert found.labels == found.fields
    assert "default-src 'none'" in page.policy
    assert "serve.page" not in page.html


def test_the_page_escapes_names(loaded: dict[str, Loaded]) -> None:
    name = "<script>alert(1)</script>'"
    assert "<script>alert" not in render([Served(name, loaded["gpt"])], "en", "http://x").html


def test_messages_have_both_languages() -> None:
    for key, words in table().items():
        if key.startswith(("serve.", "predict.")):
            assert set(words) == {"en", "zh"}, key
            assert bool(words["en"]) == bool(words["zh"]), key
