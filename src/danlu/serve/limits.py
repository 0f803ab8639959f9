"""What a request may be before it is read: how large, for which host, from which page."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from danlu.serve.errors import ApiError, error_body
from danlu.serve.language import request_language

MOST_BYTES = 4 << 20
LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")


class Guard:
    """ASGI middleware in front of the application.

    A browser on this machine can be made to call a local server by any page it shows. So the host must be one we answer for
    (a foreign name that resolves to 127.0.0.1 is refused), and a request that a page of another origin makes is refused.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None, most_bytes: int = MOST_BYTES) -> None:
        self.app = app
        self.hosts = None if hosts is None else frozenset(hosts)
        self.most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if refused := self._refuse(headers):
            await _answer(refused, headers, send)
            return
        received = 0
        started = False

        async def limited() -> Message:
            # A body without a length may grow over the limit while it is read: for the application the client is gone.
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return {"type": "http.disconnect"} if received > self.most_bytes else message

        async def watched(message: Message) -> None:
            nonlocal started
            if started or received <= self.most_bytes:
                started = True
                await send(message)

        with suppress(ClientDisconnect):
            await self.app(scope, limited, watched)
        if received > self.most_bytes and not started:
            await _answer(self._too_large(), headers, send)

    def _refuse(self, headers: Headers) -> ApiError | None:
        host = headers.get("host", "")
        if self.hosts is not None and _name(host) not in self.hosts:
            return ApiError("serve.host", 403, host=host, hosts=", ".join(sorted(self.hosts)))
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return ApiError("serve.origin", 403, origin=origin)
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self.most_bytes:
            return self._too_large()
        return None

    def _too_large(self) -> ApiError:
        return ApiError("serve.too-large", 413, limit=self.most_bytes)


def _name(host: str) -> str:
    """The host of a `Host` header without its port, in lower case."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


async def _answer(error: ApiError, headers: Headers, send: Send) -> None:
    status, body = error_body(error, request_language(headers))
    data = json.dumps(body, ensure_ascii=False).encode()
    fields = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": data})
