"""Completions: continue prompts, and say how likely each token was."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from danlu.inference.generate import Step, end_ids, generate, prompt_ids
from danlu.inference.nats import causal_nats
from danlu.inference.pieces import pieces_of
from danlu.serve.errors import ApiError
from danlu.serve.offsets import Offsets, label, text_of
from danlu.serve.requests import MOST_CHOICES, CompletionRequest
from danlu.serve.served import Served

DEFAULT_TOKENS = 16
Pairs = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Prompt:
    """A prompt: its text, the ids that the model reads, and how many of these (a BOS before a text) are not the client's."""

    text: str
    ids: tuple[int, ...]
    hidden: int


@dataclass(frozen=True)
class Entry:
    """What `logprobs` says of one token; `logprob` None where nothing comes before it. `offset` in characters."""

    token: str
    logprob: float | None
    top: dict[str, float] | None
    offset: int


@dataclass(frozen=True)
class Piece:
    """A part of one choice: its new text, the entries of the tokens that begin in it, tokens made, and how it ended."""

    index: int
    text: str
    entries: tuple[Entry, ...]
    made: int = 0
    finish: Literal["stop", "length"] | None = None


@dataclass(frozen=True)
class Ready:
    """Comes before all pieces, once the request has been found good: the prompts' tokens."""

    prompt_tokens: int


def complete(served: Served, request: CompletionRequest) -> Iterator[Ready | Piece]:
    """All choices of a request, one after another, a token at a time."""
    if request.max_tokens is None:
        request = request.model_copy(update={"max_tokens": DEFAULT_TOKENS})
    prompts = read_prompts(served, request)
    yield Ready(sum(len(prompt.ids) for prompt in prompts))
    copies = request.n or 1
    seed = secrets.randbits(32) if request.seed is None else request.seed
    for number, prompt in enumerate(prompts):
        echoed: tuple[Entry, ...] = ()
        if request.echo and request.logprobs is not None:
            echoed = score_prompt(served, prompt, request.logprobs)
        for copy in range(copies):
            index = number * copies + copy
            if request.echo or not request.max_tokens:
                yield Piece(index, prompt.text if request.echo else "", echoed, finish=None if request.max_tokens else "length")
            if request.max_tokens:
                yield from _continue(served, request, prompt, index, seed + copy)


def read_prompts(served: Served, request: CompletionRequest) -> list[Prompt]:
    """The request's prompts as token ids; an error if one is empty, too long, or has ids that the model lacks."""
    given = request.prompt
    several = isinstance(given, list) and not isinstance(given[0], int)
    prompts: list[Any] = list(given) if several else [given]
    count = len(prompts) * (request.n or 1)
    if count > MOST_CHOICES:
        raise ApiError("serve.too-many", param="n", prompts=len(prompts), n=request.n, count=count, limit=MOST_CHOICES)
    return [_read_prompt(served, prompt, request.max_tokens or 0) for prompt in prompts]


def _read_prompt(served: Served, given: str | Sequence[int], most: int) -> Prompt:
    tokenizer, vocabulary = served.loaded.tokenizer, served.loaded.model.config.get_text_config().vocab_size
    if isinstance(given, str):
        ids = prompt_ids(tokenizer, given)
        prompt = Prompt(given, tuple(ids), int(bool(ids) and ids[0] == tokenizer.bos_token_id))
    else:
        if wrong := [token for token in given if not 0 <= token < vocabulary]:
            raise ApiError("serve.token-id", param="prompt", token=wrong[0], model=served.name, vocabulary=vocabulary)
        data = pieces_of(tokenizer).data
        prompt = Prompt(text_of(b"".join(data[token] for token in given if token < len(data))), tuple(given), 0)
    if not prompt.ids:
        raise ApiError("serve.empty-prompt", param="prompt")
    if (over := len(prompt.ids) + most - served.limit) > 0:
        raise ApiError(
            "serve.context", param="max_tokens" if len(prompt.ids) < served.limit else "prompt", code="context_length_exceeded",
            model=served.name, limit=served.limit, tokens=len(prompt.ids), asked=most, over=over,
        )  # fmt: skip
    return prompt


def score_prompt(served: Served, prompt: Prompt, top: int) -> tuple[Entry, ...]:
    """The log-probability of each token of a prompt, given those before it: one pass of the model, no window.

    A text is read after BOS, so its first token has a log-probability as well; with ids, the first has none.
    """
    best: dict[int, Pairs] = {}

    def visit(_: int, first: int, logs: torch.Tensor) -> None:
        found = logs.topk(min(max(1, top), logs.shape[1]))
        for place, (names, values) in enumerate(
            zip(found.indices.tolist(), found.values.tolist(), strict=True), start=first + 1
        ):
            best[place] = list(zip(names, values, strict=True))[:top]

    rest = np.array(prompt.ids[1:], np.int64)
    logprobs: list[float | None] = [None]
    if len(rest):
        nats = causal_nats(served.loaded.model, [rest], bos=prompt.ids[0], length=served.limit, visit=visit)[0]
        logprobs += [-float(value) for value in nats]
    shown = range(prompt.hidden, len(prompt.ids))
    offsets = _prompt_offsets(served, prompt)
    return tuple(
        _entry(served, prompt.ids[place], logprobs[place], best.get(place, ()), offset)
        for place, offset in zip(shown, offsets, strict=True)
    )


def _prompt_offsets(served: Served, prompt: Prompt) -> list[int]:
    """Character offsets of the prompt's shown tokens in its text."""
    tokenizer = served.loaded.tokenizer
    data = pieces_of(tokenizer).data
    pieces = [data[token] if token < len(data) else b"" for token in prompt.ids[prompt.hidden :]]
    if text_of(b"".join(pieces)) != prompt.text:  # the tokenizer changes texts (case, spaces, special tokens): it knows where
        found = tokenizer(prompt.text, return_offsets_mapping=True, add_special_tokens=False)["offset_mapping"]
        if len(found) == len(pieces):
            return [start for start, _ in found]
    counter = Offsets()
    return [min(counter.next(piece), len(prompt.text)) for piece in pieces]


def _continue(served: Served, request: CompletionRequest, prompt: Prompt, index: int, seed: int) -> Iterator[Piece]:
    """Generate after a prompt. An entry goes out with the text that its token begins in: a stop text may yet take it back."""
    loaded = served.loaded
    stop = (request.stop,) if isinstance(request.stop, str) else tuple(request.stop or ())
    start = len(prompt.text) if request.echo else 0
    offsets, length, held = Offsets(start), start, list[Entry]()
    data = pieces_of(loaded.tokenizer).data
    ends = end_ids(loaded.model, loaded.tokenizer)
    for step in generate(
        loaded.model, loaded.tokenizer, prompt.ids, max_tokens=request.max_tokens or 0, seed=seed, stop=stop,
        temperature=1.0 if request.temperature is None else request.temperature, top=request.logprobs or 0,
        top_p=1.0 if request.top_p is None else request.top_p,
    ):  # fmt: skip
        length += len(step.text)
        if request.logprobs is not None:
            held.append(_step_entry(served, step, offsets.next(data[step.token] if step.token < len(data) else b"")))
        cut = step.finish == "stop" and step.token not in ends
        given = [entry for entry in held if entry.offset < length or (step.finish and not cut)]
        held = [entry for entry in held if entry.offset >= length]
        yield Piece(index, step.text, tuple(given), 1, step.finish)


def _step_entry(served: Served, step: Step, offset: int) -> Entry:
    return _entry(served, step.token, step.logprob, step.top, offset)


def _entry(served: Served, token: int, logprob: float | None, pairs: Pairs, offset: int) -> Entry:
    """`top` holds the likeliest tokens and, as OpenAI's does, the token itself."""
    name = _label(served, token)
    top: dict[str, float] | None = None
    if logprob is not None:
        top = {}
        for other, value in pairs:  # the likeliest first; of two tokens of one text the likelier counts
            top.setdefault(_label(served, other), value)
        top.setdefault(name, logprob)
    return Entry(name, logprob, top, offset)


def _label(served: Served, token: int) -> str:
    tokenizer = served.loaded.tokenizer
    data = pieces_of(tokenizer).data
    if token >= len(data):  # rows that pad the embedding to a round size
        return f"<{token}>"
    return label(data[token], str(tokenizer.convert_ids_to_tokens(token)))


def join(pieces: Iterable[Piece]) -> list[Piece]:
    """All pieces of each choice as one, in the order of the choices."""
    choices: dict[int, list[Piece]] = {}
    for piece in pieces:
        choices.setdefault(piece.index, []).append(piece)
    return [
        Piece(
            index,
            "".join(piece.text for piece in parts),
            tuple(entry for piece in parts for entry in piece.entries),
            sum(piece.made for piece in parts),
            parts[-1].finish,
        )
        for index, parts in sorted(choices.items())
    ]


def choice_body(piece: Piece, *, logprobs: bool) -> dict[str, Any]:
    """One element of `choices`, in OpenAI's legacy shape."""
    entries = piece.entries
    return {
        "text": piece.text,
        "index": piece.index,
        "logprobs": {
            "tokens": [entry.token for entry in entries],
            "token_logprobs": [entry.logprob for entry in entries],
            "top_logprobs": [entry.top for entry in entries],
            "text_offset": [entry.offset for entry in entries],
        }
        if logprobs
        else None,
        "finish_reason": piece.finish,
    }


def usage_body(prompt_tokens: int, made: int) -> dict[str, int]:
    return {"prompt_tokens": prompt_tokens, "completion_tokens": made, "total_tokens": prompt_tokens + made}
