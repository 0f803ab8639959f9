"""Generation by a causal model, a token at a time, with the keys and values of the past kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from danlu.inference.context import context_length
from danlu.inference.pieces import DEAD, START, pieces_of
from danlu.inference.sampling import choose
from danlu.inference.stream import TextStream
from danlu.tokens.special import BOS

Finish = Literal["stop", "length"]


@dataclass(frozen=True)
class Step:
    """One generated token.

    `text`: what became final with it (it may be empty: half a character, or the beginning of a stop text). `logprob`: log
    probability under the model as it is, at temperature 1. `top`: the likeliest (id, log probability) pairs. `finish` is set
    on the last step: "stop" (end of text, or a stop text) or "length". The token that ends a text is given too; it has no text.
    """

    token: int
    text: str
    logprob: float
    top: tuple[tuple[int, float], ...]
    finish: Finish | None


def prompt_ids(tokenizer: Any, text: str) -> list[int]:
    """The ids that a causal model reads for a prompt: after BOS if the tokenizer is danlu's, else as it adds marks."""
    if tokenizer.bos_token == BOS:
        return [tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]]
    ids: list[int] = list(tokenizer(text)["input_ids"])
    while ids and ids[-1] in {tokenizer.eos_token_id, tokenizer.sep_token_id} - {None}:
        ids.pop()
    return ids or [index for index in (tokenizer.bos_token_id, tokenizer.eos_token_id) if index is not None][:1]


def end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """The ids that end a text, from the tokenizer and the model's configuration."""
    named = getattr(model, "generation_config", None)
    found = [tokenizer.eos_token_id, model.config.eos_token_id, named.eos_token_id if named is not None else None]
    return frozenset(index for entry in found if entry is not None for index in (entry if isinstance(entry, list) else [entry]))


def generate(
    model: Any,
    tokenizer: Any,
    prompt: str | Sequence[int],
    *,
    max_tokens: int = 128,
    temperature: float = 1.0,
    top_p: float = 1.0,
    top_k: int = 0,
    seed: int = 0,
    stop: Sequence[str] = (),
    top: int = 0,
    valid_utf8: bool = True,
    ends: Collection[int] | None = None,
) -> Iterator[Step]:
    """Continue `prompt` (text, or ids that are taken as they are) and yield each token as it is made.

    `temperature` 0 is greedy. `top`: how many alternatives each step names. With `valid_utf8` no special token but an end of
    text is chosen, nor one that would break a character begun before, so the text is always valid; if the tokens run out within
    a character its half is dropped. When the context is full it moves on by half: the first token (BOS) and the last half are
    read anew. Inference mode is entered for each step, never held between two, so generations may take turns in a thread.
    """
    ids = prompt_ids(tokenizer, prompt) if isinstance(prompt, str) else list(prompt)
    length = context_length(model)
    ends = end_ids(model, tokenizer) if ends is None else frozenset(ends)
    bans = _Bans(tokenizer, model.config.get_text_config().vocab_size, ends) if valid_utf8 else None
    data = pieces_of(tokenizer).data
    stream = TextStream(stop)
    generator = torch.Generator().manual_seed(seed % 2**63)
    cache: Any = None
    unread = _last(ids, length)
    read = 0
    for number in range(1, max_tokens + 1):
        if read + len(unread) > length:
            unread, read, cache = _last(ids, length // 2 + 1), 0, None
        with torch.inference_mode():
            logits, cache = _read(model, unread, cache)
            read += len(unread)
            logs = torch.log_softmax(logits, dim=-1)
            token = choose(bans.apply(logits) if bans else logits, temperature, top_p, top_k, generator)
            best = logs.topk(min(top, len(logs))) if top else None
        if bans:
            bans.accept(token)
        ids.append(token)
        unread = [token]
        text = stream.feed(data[token] if token < len(data) else b"")
        finish: Finish | None = "stop" if token in ends or stream.stopped else "length" if number == max_tokens else None
        if finish and not stream.stopped:
            text += stream.finish()
        pairs = tuple(zip(best.indices.tolist(), best.values.tolist(), strict=True)) if best is not None else ()
        yield Step(token, text, float(logs[token]), pairs, finish)
        if finish:
            return


def _last(ids: Sequence[int], length: int) -> list[int]:
    """The first id and the last `length - 1` others, if there are more than `length`."""
    return list(ids) if len(ids) <= length else [ids[0], *ids[len(ids) - length + 1 :]]


def _read(model: Any, ids: Sequence[int], cache: Any) -> tuple[torch.Tensor, Any]:
    """Logits [vocabulary] after `ids`, float32 on the CPU, and the cache that has read them."""
    device = next(model.parameters()).device
    output = model(input_ids=torch.tensor([ids], device=device), past_key_values=cache, use_cache=True, logits_to_keep=1)
    return output.logits[0, -1].float().cpu(), output.past_key_values


class _Bans:
    """Keeps the state of the UTF-8 automaton, and bans the tokens that would break it."""

    def __init__(self, tokenizer: Any, vocabulary: int, ends: Collection[int]) -> None:
        pieces = pieces_of(tokenizer)
        count = min(vocabulary, len(pieces.data))
        self._following = pieces.following[:, :count]
        # Ids beyond the tokenizer's (padding of the embedding) and special tokens never are text.
        self._allowed = torch.zeros((DEAD, vocabulary), dtype=torch.bool)
        self._allowed[:, :count] = torch.from_numpy((self._following[:DEAD] != DEAD) & ~pieces.special[:count])
        for token in ends:
            self._allowed[:, token] = False
            self._allowed[START, token] = True
        self._ends = frozenset(ends)
        self._state = START

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        allowed = self._allowed[self._state]
        # A vocabulary without the bytes to finish the character has no allowed token: then nothing is banned.
        return logits.masked_fill(~allowed, -torch.inf) if bool(allowed.any()) else logits

    def accept(self, token: int) -> None:
        if token not in self._ends:
            state = int(self._following[self._state, token]) if token < self._following.shape[1] else START
            self._state = START if state == DEAD else state
