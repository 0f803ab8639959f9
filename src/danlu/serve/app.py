"""The application: OpenAI's API for completions, danlu's own beside it, and a page to try them."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from danlu.inference.load import Loaded
from danlu.serve import completions
from danlu.serve.answers import Answered, classify_texts, fill_texts
from danlu.serve.errors import ApiError, error_body
from danlu.serve.invalid import invalid_request
from danlu.serve.language import request_language
from danlu.serve.limits import LOCAL_HOSTS, MOST_BYTES, Guard
from danlu.serve.page import render
from danlu.serve.requests import ClassifyRequest, CompletionRequest, DetokenizeRequest, FillMaskRequest, TokenizeRequest
from danlu.serve.served import CLASSIFY, COMPLETE, FILL, Served, choose
from danlu.serve.tokenizing import detokenize, tokenize, tokenizer_info
from danlu.serve.worker import MOST_JOBS, Worker
from danlu.workspace.errors import DanluError

Item = TypeVar("Item")
LOG = logging.getLogger("danlu.serve")


def create_app(
    models: Mapping[str, Loaded],
    *,
    hosts: Collection[str] | None = LOCAL_HOSTS,
    most_bytes: int = MOST_BYTES,
    most_jobs: int = MOST_JOBS,
) -> FastAPI:
    """The application that serves `models` (name -> model).

    `hosts`: names that requests may call it by (None: any). `most_bytes`: largest body. `most_jobs`: requests under way.
    """
    served = {name: Served(name, loaded) for name, loaded in models.items()}
    worker = Worker(most_jobs)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        worker.start()
        try:
            yield
        finally:
            worker.stop()

    # FastAPI's own pages of documentation load scripts from elsewhere; the schema itself is at /openapi.json.
    app = FastAPI(title="danlu", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(Guard, hosts=hosts, most_bytes=most_bytes)
    _add_errors(app)
    _add_looks(app, served, worker)
    _add_completions(app, served, worker)
    _add_answers(app, served, worker)
    _add_tokenizers(app, served, worker)
    return app


def _add_looks(app: FastAPI, served: Mapping[str, Served], worker: Worker) -> None:
    created = int(time.time())

    @app.get("/", response_class=HTMLResponse)
    async def page(request: Request, lang: str = "") -> Response:
        """A page to look at the models and to try them."""
        language = request_language(request.headers, lang)
        made = render(list(served.values()), language, str(request.base_url).rstrip("/"))
        headers = {
            "Content-Security-Policy": made.policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        return HTMLResponse(made.html, headers=headers | {"Vary": "Accept-Language"})

    @app.get("/health")
    async def health() -> dict[str, Any]:
        """Whether the server answers, and how many requests are under way."""
        return {"status": "ok", "models": list(served), "requests": worker.active}

    @app.get("/v1/models")
    async def list_models() -> dict[str, Any]:
        """The models there are."""
        return {"object": "list", "data": [model.card(created) for model in served.values()]}

    @app.get("/v1/models/{name:path}")
    async def one_model(name: str) -> dict[str, Any]:
        """One model."""
        if name not in served:
            raise ApiError(
                "serve.unknown-model", 404, param="model", code="model_not_found", model=name, models=", ".join(served)
            )
        return served[name].card(created)


def _add_completions(app: FastAPI, served: Mapping[str, Served], worker: Worker) -> None:
    @app.post(COMPLETE)
    async def complete(request: Request, body: CompletionRequest) -> Response:
        """Continue texts; with `echo` and `logprobs`, say how likely they are."""
        model = choose(served, body.model, COMPLETE)
        start = lambda: completions.complete(model, body)  # noqa: E731
        created = int(time.time())
        head = {"id": f"cmpl-{secrets.token_hex(12)}", "object": "text_completion", "created": created, "model": model.name}
        if body.stream:
            pieces = worker.stream(start)
            # The first item comes once the request has been found good: before it, errors have a status of their own.
            ready = await anext(pieces)
            assert isinstance(ready, completions.Ready)
            return _EventStream(_events(pieces, head, body, ready.prompt_tokens, request))
        ready, *made = await _collect(request, worker, start)
        assert isinstance(ready, completions.Ready)
        choices = completions.join(piece for piece in made if isinstance(piece, completions.Piece))
        return JSONResponse(
            head
            | {
                "choices": [completions.choice_body(choice, logprobs=body.logprobs is not None) for choice in choices],
                "usage": completions.usage_body(ready.prompt_tokens, sum(choice.made for choice in choices)),
            }
        )


async def _events(
    pieces: AsyncIterator[completions.Ready | completions.Piece],
    head: Mapping[str, Any],
    body: CompletionRequest,
    prompt_tokens: int,
    request: Request,
) -> AsyncIterator[str]:
    """The pieces as server-sent events. A failure midway is an event too: the status has been sent already."""
    made = 0
    with_usage = body.stream_options is not None and body.stream_options.include_usage
    async with aclosing(pieces):  # type: ignore[type-var]
        try:
            async for piece in pieces:
                assert isinstance(piece, completions.Piece)
                made += piece.made
                if piece.text or piece.entries or piece.finish:
                    choice = completions.choice_body(piece, logprobs=body.logprobs is not None)
                    yield _event({**head, "choices": [choice], **({"usage": None} if with_usage else {})})
            if with_usage:
                yield _event({**head, "choices": [], "usage": completions.usage_body(prompt_tokens, made)})
            yield "data: [DONE]\n\n"
        except Exception as error:
            if not isinstance(error, DanluError):
                LOG.exception("a stream failed")
                error = ApiError("serve.internal", 500, detail=type(error).__name__)
            yield _event(error_body(error, request_language(request.headers))[1])


def _event(value: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


class _EventStream(StreamingResponse):
    """Server-sent events; however sending ends, the source is closed at once, so that a client who left costs nothing more."""

    def __init__(self, events: AsyncIterator[str]) -> None:
        super().__init__(
            events, media_type="text/event-stream", headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        )
        self.events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self.events):  # type: ignore[type-var]
            await super().__call__(scope, receive, send)


def _add_answers(app: FastAPI, served: Mapping[str, Served], worker: Worker) -> None:
    def listed(model: Served, answers: list[Answered]) -> JSONResponse:
        tokens = sum(answer.tokens for answer in answers)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return JSONResponse(
            {"object": "list", "model": model.name, "data": [answer.body for answer in answers], "usage": usage}
        )

    @app.post(CLASSIFY)
    async def classify(request: Request, body: ClassifyRequest) -> Response:
        """Labels of texts with their probabilities."""
        model = choose(served, body.model, CLASSIFY)
        return listed(model, await _collect(request, worker, lambda: classify_texts(model, body)))

    @app.post(FILL)
    async def fill_mask(request: Request, body: FillMaskRequest) -> Response:
        """The likeliest tokens for each `[MASK]` of texts."""
        model = choose(served, body.model, FILL)
        return listed(model, await _collect(request, worker, lambda: fill_texts(model, body)))


def _add_tokenizers(app: FastAPI, served: Mapping[str, Served], worker: Worker) -> None:
    """The tokenizer of a completion model, as vLLM offers it and lm-eval's remote tokenizer asks for it."""

    @app.get("/tokenizer_info")
    async def info(model: str | None = None) -> dict[str, Any]:
        """The tokenizer's special tokens."""
        return tokenizer_info(choose(served, model, COMPLETE))

    @app.post("/tokenize")
    async def to_tokens(request: Request, body: TokenizeRequest) -> Response:
        """Token ids of a text."""
        model = choose(served, body.model, COMPLETE)
        return JSONResponse((await _collect(request, worker, lambda: iter((tokenize(model, body),))))[0])

    @app.post("/detokenize")
    async def to_text(request: Request, body: DetokenizeRequest) -> Response:
        """The text of token ids."""
        model = choose(served, body.model, COMPLETE)
        return JSONResponse((await _collect(request, worker, lambda: iter((detokenize(model, body),))))[0])


async def _collect(request: Request, worker: Worker, start: Callable[[], Iterator[Item]]) -> list[Item]:
    """All items of a job; if the client goes away before, the job is stopped."""

    async def items() -> list[Item]:
        async with aclosing(worker.stream(start)) as stream:  # type: ignore[type-var]
            return [item async for item in stream]

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    work, leaving = asyncio.create_task(items()), asyncio.create_task(gone())
    try:
        await asyncio.wait((work, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise ApiError("serve.left", 499)
        return work.result()
    finally:
        work.cancel()
        leaving.cancel()


def _add_errors(app: FastAPI) -> None:
    def answer(request: Request, error: DanluError) -> JSONResponse:
        status, body = error_body(error, request_language(request.headers))
        return JSONResponse(body, status, headers={"Retry-After": "1"} if status in (429, 503) else None)

    @app.exception_handler(DanluError)
    async def known(request: Request, error: DanluError) -> Response:
        return answer(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return answer(request, invalid_request(error.errors(), request.url.path, request_language(request.headers)))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if error.status_code in (404, 405):
            return answer(request, ApiError("serve.not-found", error.status_code, method=request.method, path=request.url.path))
        return answer(request, ApiError("serve.bad-json", error.status_code, detail=str(error.detail)))

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> Response:
        return answer(request, ApiError("serve.internal", 500, detail=type(error).__name__))
