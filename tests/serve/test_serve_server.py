"""The server as a process: limits, clients that leave, shutdown, ports."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import httpx
import pytest

from danlu.serve.limits import MOST_BYTES

LONG = {"model": "gpt", "prompt": "好", "max_tokens": 90, "n": 100, "seed": 0}


def busy(url: str) -> int:
    with urlopen(f"{url}/health") as answer:  # httpx.get takes longer than a short answer does
        return int(json.load(answer)["requests"])


def wait_idle(url: str, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while busy(url):
        assert time.monotonic() < end, "the generation goes on"
        time.sleep(0.05)


def test_a_client_who_leaves_a_stream_stops_it(server: str) -> None:
    with httpx.stream("POST", f"{server}/v1/completions", json=LONG | {"stream": True}) as answer:
        received = answer.iter_bytes()  # to drop the iterator would close the connection
        next(received)
        assert busy(server) == 1
    wait_idle(server)


def test_a_client_who_leaves_a_plain_request_stops_it(server: str) -> None:
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server}/v1/completions", json=LONG, timeout=0.5)
    wait_idle(server)


def test_a_short_request_does_not_wait_for_a_long_one(server: str) -> None:
    with httpx.stream("POST", f"{server}/v1/completions", json=LONG | {"stream": True}) as answer:
        received = answer.iter_bytes()  # to drop the iterator would close the connection
        next(received)
        assert httpx.post(f"{server}/v1/classify", json={"input": "好"}).status_code == 200
        assert busy(server) >= 1  # the long one is still at work
    wait_idle(server)


def test_bodies_over_the_limit(server: str) -> None:
    def parts() -> Iterator[bytes]:
        yield b'{"model": "gpt", "prompt": "'
        for _ in range(MOST_BYTES // 65536 + 1):
            yield b"a" * 65536
        yield b'"}'

    whole = httpx.post(f"{server}/v1/completions", content=b"a" * (MOST_BYTES + 1))
    chunked = httpx.post(f"{server}/v1/completions", content=parts(), headers={"Content-Type": "application/json"})
    for answer in (whole, chunked):
        assert answer.status_code == 413
        assert f"{MOST_BYTES} bytes" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"Host": "evil.example"}, 403), ({"Host": "evil.example:80"}, 403), ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "localhost:9"}, 200), ({"Host": "LOCALHOST"}, 200), ({"Host": "[::1]:9"}, 200),
        ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403),
    ],
)  # fmt: skip
def test_foreign_hosts_and_pages_are_refused(server: str, headers: dict[str, str], status: int) -> None:
    answer = httpx.get(f"{server}/v1/models", headers=headers)
    assert answer.status_code == status
    assert ("error" in answer.json()) == (status == 403)
    assert "access-control-allow-origin" not in answer.headers


def test_the_servers_own_page_may_call(server: str) -> None:
    assert httpx.post(f"{server}/v1/classify", json={"input": "好"}, headers={"Origin": server}).status_code == 200


def test_openapi_names_every_endpoint(server: str) -> None:
    paths = httpx.get(f"{server}/openapi.json").json()["paths"]
    assert {"/v1/completions", "/v1/classify", "/v1/fill-mask", "/v1/models", "/health"} <= set(paths)
    assert httpx.get(f"{server}/docs").status_code == 404


def test_sigterm_stops_it_in_order(launch: Callable[..., Any], model_paths: dict[str, Path]) -> None:
    """What is under way is answered; the process ends with 0 and says so. SIGINT: see the fixture."""
    process = launch({"gpt": model_paths["gpt"]}).ready()
    assert f"1 model(s) at {process.url}" in process.lines[-1]
    answers: list[httpx.Response] = []
    client = threading.Thread(target=lambda: answers.append(httpx.post(f"{process.url}/v1/completions", json=LONG, timeout=60)))
    client.start()
    while not busy(process.url):
        assert client.is_alive(), "answered before it was seen at work"
        time.sleep(0.01)
    process.process.send_signal(signal.SIGTERM)
    status, out, err = process.finish()
    client.join()
    assert status == 0, err
    assert out.rstrip().endswith("stopped")
    assert "Traceback" not in err
    assert [answer.status_code for answer in answers] == [200]
    assert len(answers[0].json()["choices"]) == LONG["n"]


def test_a_taken_port_is_told_before_models_load(launch: Callable[..., Any], model_paths: dict[str, Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, out, err = launch({"gpt": model_paths["gpt"]}, port=port).finish()
    assert status == 1
    assert f"Port {port} of 127.0.0.1 is taken." in out
    assert f"--port {port + 1}" in out
    assert "loading" not in out
    assert "Traceback" not in err


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_that_is_not_ours(launch: Callable[..., Any], host: str) -> None:
    status, out, err = launch(host=host).finish()
    assert status == 1
    assert f"Cannot listen on {host}" in out
    assert "Traceback" not in err
