"""Generation by a causal model, a token at a time, with the keys and values of the past kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict, Unpack

import torch

from danlu.inference.bans import Bans
from danlu.inference.context import context_length
from danlu.inference.decode import reader_of
from danlu.inference.pieces import START, pieces_of
from danlu.inference.sampling import choose
from danlu.inference.stream import TextStream
from danlu.tokens.special import BOS

Finish = Literal["stop", "length"]
ROWS = 32  # prompts continued side by side


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
    """The ids that end a text, from the tokenizer and the model's configuration; those that the model cannot give end none."""
    named = getattr(model, "generation_config", None)
    found = [tokenizer.eos_token_id, model.config.eos_token_id, named.eos_token_id if named is not None else None]
    named_ids = (index for entry in found if entry is not None for index in (entry if isinstance(entry, list) else [entry]))
    size = model.config.get_text_config().vocab_size
    return frozenset(index for index in named_ids if index < size)


class Options(TypedDict, total=False):
    """How to continue; `generate_rows` says what each means and what holds without it."""

    max_tokens: int
    temperature: float
    top_p: float
    top_k: int
    stop: Sequence[str]
    top: int
    valid_utf8: bool
    ends: Collection[int] | None


def generate(
    model: Any, tokenizer: Any, prompt: str | Sequence[int], *, seed: int = 0, **options: Unpack[Options]
) -> Iterator[Step]:
    """Continue one prompt and yield each token as it is made."""
    for _, step in generate_rows(model, tokenizer, [prompt], seeds=[seed], **options):
        yield step


def continuations(
    model: Any, tokenizer: Any, prompts: Sequence[str | Sequence[int]], *, seeds: Sequence[int] | None = None,
    **options: Unpack[Options],
) -> list[str]:  # fmt: skip
    """The texts that follow the prompts, in order, at most `ROWS` made side by side, prompts of like lengths together.

    What a prompt gets does not depend on the others. `seeds`: one a prompt (default: all 0).
    """
    ids = [prompt_ids(tokenizer, prompt) if isinstance(prompt, str) else list(prompt) for prompt in prompts]
    order = sorted(range(len(ids)), key=lambda index: (-len(ids[index]), index))
    texts = [""] * len(ids)
    for start in range(0, len(order), ROWS):
        chosen = order[start : start + ROWS]
        given = [seeds[index] if seeds is not None else 0 for index in chosen]
        for row, step in generate_rows(model, tokenizer, [ids[index] for index in chosen], seeds=given, **options):
            texts[chosen[row]] += step.text
    return texts


def generate_rows(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[str | Sequence[int]],
    *,
    seeds: Sequence[int],
    max_tokens: int = 128,
    temperature: float = 1.0,
    top_p: float = 1.0,
    top_k: int = 0,
    stop: Sequence[str] = (),
    top: int = 0,
    valid_utf8: bool = True,
    ends: Collection[int] | None = None,
) -> Iterator[tuple[int, Step]]:
    """Continue `prompts` (texts, or ids that are taken as they are) side by side; yields (prompt, token) as each is made.

    `temperature` 0 is greedy. `top`: how many alternatives each step names. With `valid_utf8` no special token but an end of
    text is chosen, nor one that would break a character begun before, so the text is always valid; if the tokens run out within
    a character its half is dropped. When the context is full it moves on by half: the first token (BOS) and the last half are
    read anew. Inference mode is entered for each step, never held between two, so generations may take turns in a thread.
    """
    length = context_length(model)
    ends = end_ids(model, tokenizer) if ends is None else frozenset(ends)
    bans = Bans(tokenizer, model.config.get_text_config().vocab_size, ends) if valid_utf8 else None
    data = pieces_of(tokenizer).data
    rows = [
        _Row(
            index, _last(prompt_ids(tokenizer, prompt) if isinstance(prompt, str) else list(prompt), length), TextStream(stop),
            torch.Generator().manual_seed(seed % 2**63),
        )
        for index, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True))
    ]  # fmt: skip
    reader, capacity, used = reader_of(model), 0, 0
    for number in range(1, max_tokens + 1):
        with torch.inference_mode():
            if used == capacity:  # at first, and when the longest row is full
                for row in rows:
                    row.ids = _last(row.ids, length // 2 + 1) if len(row.ids) > length else row.ids
                used = max(len(row.ids) for row in rows)
                capacity = min(length, used + max_tokens - number)
                logits = reader.start([row.ids for row in rows], capacity)
            else:
                logits = reader.step([row.ids[-1] for row in rows])
                used += 1
            logs = torch.log_softmax(logits, dim=-1)
            allowed = bans.apply(logits, [row.state for row in rows]) if bans else logits
            tokens = _choose(allowed, rows, temperature, top_p, top_k)
            chosen = logs[torch.arange(len(rows)), tokens].tolist()
            best = logs.topk(min(top, logs.shape[1])) if top else None
        left = []
        for place, (row, token) in enumerate(zip(rows, tokens, strict=True)):
            row.state = bans.after(row.state, token) if bans else START
            row.ids.append(token)
            text = row.stream.feed(data[token] if token < len(data) else b"")
            done = token in ends or row.stream.stopped
            finish: Finish | None = "stop" if done else "length" if number == max_tokens else None
            if finish and not row.stream.stopped:
                text += row.stream.finish()
            pairs = () if best is None else tuple(zip(best.indices[place].tolist(), best.values[place].tolist(), strict=True))
            if not finish:
                left.append(place)
            yield row.index, Step(token, text, chosen[place], pairs, finish)
        if not left:
            return
        if len(left) < len(rows):
            rows = [rows[place] for place in left]
            with torch.inference_mode():
                reader.keep(left)


@dataclass
class _Row:
    """A text that grows: what the model reads of it, its stream of characters, its random numbers, its place in UTF-8."""

    index: int
    ids: list[int]
    stream: TextStream
    random: torch.Generator
    state: int = field(default=START)


def _choose(logits: torch.Tensor, rows: Sequence[_Row], temperature: float, top_p: float, top_k: int) -> list[int]:
    if temperature == 0:
        found: list[int] = logits.argmax(-1).tolist()
        return found
    return [choose(one, temperature, top_p, top_k, row.random) for one, row in zip(logits, rows, strict=True)]


def _last(ids: Sequence[int], length: int) -> list[int]:
    """The first id and the last `length - 1` others, if there are more than `length`."""
    return list(ids) if len(ids) <= length else [ids[0], *ids[len(ids) - length + 1 :]]
