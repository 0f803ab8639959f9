"""Span loss of an encoder-decoder (T5, arXiv 1910.10683): what it needs to fill in spans that were hidden from a text.

Which spans are hidden is fixed by the text alone, in words and Han characters, not in tokens. So models with any tokenizers
answer for the very same bytes, and the loss of a byte can be compared between them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from danlu.inference.batches import Advance, pad_rows, token_batches, unheard
from danlu.inference.words import HAN
from danlu.workspace.digest import digest_bytes
from danlu.workspace.errors import DanluError

UNIT = re.compile(rf"\s*(?:{HAN.pattern}|(?:(?!{HAN.pattern})\w)+|\S)|\s+$")
RATE, LENGTH = 0.15, 3  # share of the units hidden, and how long a span is on average: T5's
UNITS = 256  # of a text that are read at a time; they need about 13 spans, of 100 that T5 has marks for
BATCH_TOKENS = 2048
SENTINELS = ("<extra_id_{}>", "<|sentinel_{}|>")  # T5's, danlu's


@dataclass(frozen=True)
class Hidden:
    """A part of a text: what is seen and what is hidden, in turn, as many of each; `seen[0]` comes first."""

    seen: tuple[str, ...]
    hidden: tuple[str, ...]


def hide(text: str, seed: int = 0) -> list[Hidden]:
    """The parts of a text and their spans. Parts of one unit hide nothing and are left out."""
    units = UNIT.findall(text)
    random = np.random.default_rng(int(digest_bytes(f"{seed}\0{text}".encode(), 8), 16))
    parts = [units[start : start + UNITS] for start in range(0, len(units), UNITS)]
    return [_hide(part, random) for part in parts if len(part) > 1]


def _hide(units: Sequence[str], random: np.random.Generator) -> Hidden:
    count = min(len(units) - 1, max(1, round(len(units) * RATE)))
    spans = min(count, len(units) - count, max(1, round(count / LENGTH)))
    sizes = np.stack((_cut(len(units) - count, spans, random), _cut(count, spans, random)), 1).ravel()
    pieces = ["".join(units[end - size : end]) for size, end in zip(sizes, np.cumsum(sizes), strict=True)]
    return Hidden(tuple(pieces[0::2]), tuple(pieces[1::2]))


def _cut(count: int, parts: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """`count` things in `parts` parts, none empty, all ways alike."""
    borders = np.sort(random.choice(count - 1, parts - 1, replace=False)) + 1
    return np.diff(np.concatenate(([0], borders, [count]))).astype(np.int64)


def span_nats(
    model: Any,
    tokenizer: Any,
    texts: Sequence[str],
    *,
    seed: int = 0,
    batch_tokens: int = BATCH_TOKENS,
    advance: Advance = unheard,
) -> npt.NDArray[np.float64]:
    """Nats and UTF-8 bytes of the hidden spans of each text: float64 [texts, 2], for the metric `span_bits_per_byte`.

    Marks of spans and the end are read and written, but count nothing. `advance` is told of parts of texts.
    """
    marks = sentinel_ids(tokenizer)
    parts = [(number, part) for number, text in enumerate(texts) for part in hide(text, seed)]
    rows = [_Row.of(part, tokenizer, marks, model.config) for _, part in parts]
    found = np.zeros((len(texts), 2))
    for batch in token_batches([len(row.source) + len(row.target) for row in rows], batch_tokens):
        for index, nats in zip(batch, _read(model, [rows[index] for index in batch]), strict=True):
            number, part = parts[index]
            found[number] += nats, sum(len(span.encode()) for span in part.hidden)
        advance(len(batch))
    return found


def sentinel_ids(tokenizer: Any) -> list[int]:
    """The ids of the marks of spans, in order. DanluError if the tokenizer has none."""
    known = tokenizer.get_vocab()
    for name in SENTINELS:
        if name.format(0) in known:
            return [known[name.format(number)] for number in range(100) if name.format(number) in known]
    raise DanluError("inference.no-sentinels", where=type(tokenizer).__name__)


@dataclass(frozen=True)
class _Row:
    """What the encoder reads, what the decoder reads and is to say, and which of that counts."""

    source: list[int]
    read: list[int]
    target: list[int]
    counts: list[bool]

    @classmethod
    def of(cls, part: Hidden, tokenizer: Any, marks: Sequence[int], config: Any) -> _Row:
        seen, hidden = (_ids(tokenizer, pieces) for pieces in (part.seen, part.hidden))
        source = [token for piece, mark in zip(seen, marks, strict=False) for token in (*piece, mark)]
        target, counts = list[int](), list[bool]()
        for piece, mark in zip(hidden, marks, strict=False):
            target += [mark, *piece]
            counts += [False, *(True for _ in piece)]
        end = [config.eos_token_id]
        return cls(source + end, [config.decoder_start_token_id, *target], target + end, [*counts, False])


def _ids(tokenizer: Any, pieces: Sequence[str]) -> list[list[int]]:
    found: list[list[int]] = tokenizer(list(pieces), add_special_tokens=False)["input_ids"]
    return found


def _read(model: Any, rows: Sequence[_Row]) -> list[float]:
    """Nats of the hidden tokens of each row."""
    device = next(model.parameters()).device
    source, mask = pad_rows([row.source for row in rows], int(model.config.pad_token_id or 0))
    read, _ = pad_rows([row.read for row in rows], int(model.config.pad_token_id or 0))
    targets, _ = pad_rows([row.target for row in rows], 0)
    counts, _ = pad_rows([np.array(row.counts, np.int64) for row in rows], 0)
    with torch.inference_mode():
        logits = model(
            input_ids=source.to(device), attention_mask=mask.to(device), decoder_input_ids=read.to(device), use_cache=False
        ).logits.float()
        nats = logits.logsumexp(-1) - logits.gather(2, targets.to(device)[..., None])[..., 0]
    found: list[float] = (nats.double().cpu() * counts).sum(1).tolist()
    return found
