"""Negative log-likelihood of documents, in nats: of every token (causal models) or of masked tokens (encoders).

Only real tokens count: BOS, CLS, SEP, EOS and padding are context, never targets. So with the documents' bytes the sum gives
bits per byte, which models with other tokenizers can be compared by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch

from danlu.inference.batches import Advance, Tokens, pad_rows, token_batches, unheard
from danlu.inference.context import context_length
from danlu.inference.heads import masked_logits
from danlu.inference.windows import causal_windows, plain_windows
from danlu.tokens.random import random_keys
from danlu.tokens.special import BOS_ID, CLS_ID, MASK_ID, PAD_ID, SEP_ID

Nats = npt.NDArray[np.float64]
BATCH_TOKENS = 8192
MASK_RATE, MASK_SEED = 0.15, 0  # fixed, so that all encoders of one tokenizer, and the unigram, answer on the same tokens
MASKS = 15  # the random stream of evaluation masks; packing and training have others


class Store(Protocol):
    """What is needed of `danlu.tokens.store.TokenStore`: flat tokens and the end of each document."""

    @property
    def tokens(self) -> Any: ...

    @property
    def ends(self) -> Any: ...


class Marks(NamedTuple):
    """The ids that a masked model reads around and in place of the tokens; the defaults are those of danlu's tokenizers."""

    cls: int = CLS_ID
    sep: int = SEP_ID
    mask: int = MASK_ID
    pad: int = PAD_ID


@dataclass(frozen=True)
class MaskedNats:
    """One entry a masked token: its nats, its id, its document (index in the store) and its place in the flat store."""

    nats: Nats
    targets: npt.NDArray[np.int64]
    documents: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]


def document_tokens(store: Store, index: int) -> Tokens:
    """The tokens of one document of a store."""
    start = int(store.ends[index - 1]) if index else 0
    tokens: Tokens = np.asarray(store.tokens[start : int(store.ends[index])])
    return tokens


def document_places(store: Store, documents: Sequence[int]) -> npt.NDArray[np.int64]:
    """The places in the flat store of the tokens of some documents, one document after another."""
    ends = np.asarray(store.ends).astype(np.int64)
    starts = np.concatenate(([0], ends))
    return np.concatenate([np.zeros(0, np.int64), *(np.arange(starts[index], ends[index]) for index in documents)])


def lm_nats(
    model: torch.nn.Module,
    store: Store,
    *,
    documents: Sequence[int] | None = None,
    length: int | None = None,
    stride: int | None = None,
    batch_tokens: int = BATCH_TOKENS,
    advance: Advance = unheard,
) -> Nats:
    """Nats of each token under a causal model, one document after another, float64 [tokens of the documents]; each scored once.

    `documents`: which of the store (default all). `length`: positions that the model reads at a time (default: what it was
    trained for); `stride`: how far windows move (default half of that). `advance` is told of tokens scored.
    """
    chosen = range(len(store.ends)) if documents is None else documents
    rows = [document_tokens(store, index) for index in chosen]
    found = causal_nats(model, rows, bos=BOS_ID, length=length, stride=stride, batch_tokens=batch_tokens, advance=advance)
    return np.concatenate([np.zeros(0), *found])


def causal_nats(
    model: torch.nn.Module,
    rows: Sequence[Tokens],
    *,
    bos: int | None,
    length: int | None = None,
    stride: int | None = None,
    batch_tokens: int = BATCH_TOKENS,
    advance: Advance = unheard,
    visit: Callable[[int, int, torch.Tensor], None] | None = None,
) -> list[Nats]:
    """Nats of each token of each row. Every window begins with `bos`, as the packed windows of training do.

    Without a BOS (`bos` None) it begins with the token before its own, and the very first token of a row, which nothing
    predicts, is not scored: its nats are NaN. `visit(row, first, log_probabilities [tokens, vocabulary])` is shown
    the whole distribution at the scored tokens from `first` on.
    """
    length = length or context_length(model)
    first_scored = 0 if bos is not None else 1
    windows = [
        (row, window)
        for row, tokens in enumerate(rows)
        for window in causal_windows(len(tokens) - first_scored, length, stride or max(1, length // 2))
    ]
    result = [np.full(len(tokens), np.nan) for tokens in rows]
    device = next(model.parameters()).device
    for batch in token_batches([window.end - window.start for _, window in windows], batch_tokens):
        chosen = [windows[index] for index in batch]
        targets = [rows[row][first_scored:] for row, _ in chosen]
        inputs = [
            [int(rows[row][window.start]) if bos is None else bos, *map(int, row_targets[window.start : window.end - 1])]
            for (row, window), row_targets in zip(chosen, targets, strict=True)
        ]
        ids, mask = pad_rows(inputs, PAD_ID)
        # Logits cost more than the layers of a small model, so only those from the first scored place on are made.
        first = min(window.scored - window.start for _, window in chosen)
        kept = torch.arange(first, ids.shape[1], device=device)
        with torch.inference_mode():
            logits = model(input_ids=ids.to(device), attention_mask=mask.to(device), logits_to_keep=kept).logits
        for (row, window), row_targets, output in zip(chosen, targets, logits, strict=True):
            part = output[window.scored - window.start - first : window.end - window.start - first]
            logs = torch.log_softmax(part.float(), dim=-1)
            wanted = torch.from_numpy(row_targets[window.scored : window.end].astype(np.int64)).to(device)
            nats = -logs.gather(1, wanted[:, None])[:, 0].double().cpu().numpy()
            result[row][first_scored + window.scored : first_scored + window.end] = nats
            if visit is not None:
                visit(row, first_scored + window.scored, logs)
        advance(sum(window.end - window.scored for _, window in chosen))
    return result


def masked_nats(
    model: torch.nn.Module,
    store: Store,
    rate: float = MASK_RATE,
    seed: int = MASK_SEED,
    *,
    documents: Sequence[int] | None = None,
    length: int | None = None,
    batch_tokens: int = BATCH_TOKENS,
    advance: Advance = unheard,
    marks: Marks = Marks(),  # noqa: B008 (a tuple of numbers)
) -> MaskedNats:
    """Nats of masked tokens under an encoder: a fixed `rate` of the tokens, all shown as the mask token.

    Which tokens are masked is a function of `seed` and the token's place in the store alone, so every model with the same
    tokenizer, whatever its window, and the unigram baseline answer on the very same tokens. Windows lie side by side.
    """
    masked = masked_places(len(store.tokens), rate, seed)
    room = (length or context_length(model)) - 2  # CLS and SEP
    chosen = range(len(store.ends)) if documents is None else documents
    cuts = [cut for index in chosen for cut in _masked_cuts(store, index, room, masked)]
    asked = [number for number, cut in enumerate(cuts) if len(cut.places)]
    nats = [np.zeros(len(cut.places)) for cut in cuts]
    for batch in token_batches([cuts[number].end - cuts[number].start for number in asked], batch_tokens):
        numbers = [asked[index] for index in batch]
        parts = [cuts[number] for number in numbers]
        found = _masked_batch(model, store, parts, marks)
        for number, part in zip(numbers, np.split(found, np.cumsum([len(cut.places) for cut in parts])[:-1]), strict=True):
            nats[number] = part
        advance(sum(cut.end - cut.start for cut in parts))
    positions = np.concatenate([np.zeros(0, np.int64), *(cut.places for cut in cuts)])
    return MaskedNats(
        nats=np.concatenate([np.zeros(0), *nats]),
        targets=np.asarray(store.tokens[positions]).astype(np.int64),
        documents=np.repeat([cut.document for cut in cuts], [len(cut.places) for cut in cuts]).astype(np.int64),
        positions=positions,
    )


@dataclass(frozen=True)
class _Cut:
    """Tokens [start, end) of the flat store, from one document, and the masked places among them."""

    document: int
    start: int
    end: int
    places: npt.NDArray[np.int64]


def _masked_cuts(store: Store, index: int, room: int, masked: npt.NDArray[np.int64]) -> list[_Cut]:
    begin, end = (int(store.ends[index - 1]) if index else 0), int(store.ends[index])
    cuts = []
    for window in plain_windows(end - begin, room):
        start, stop = begin + window.start, begin + window.end
        first, last = np.searchsorted(masked, (start, stop))
        cuts.append(_Cut(index, start, stop, masked[first:last]))
    return cuts


def _masked_batch(model: torch.nn.Module, store: Store, cuts: Sequence[_Cut], marks: Marks) -> Nats:
    """Nats of the masked places of some cuts, in order: float64 [places]."""
    inputs = []
    for cut in cuts:
        tokens = np.asarray(store.tokens[cut.start : cut.end]).astype(np.int64)
        tokens[cut.places - cut.start] = marks.mask
        inputs.append(np.concatenate([[marks.cls], tokens, [marks.sep]]))
    ids, mask = pad_rows(inputs, marks.pad)
    rows = np.repeat(np.arange(len(cuts)), [len(cut.places) for cut in cuts])
    columns = np.concatenate([1 + cut.places - cut.start for cut in cuts])
    targets = np.asarray(store.tokens[np.concatenate([cut.places for cut in cuts])]).astype(np.int64)
    device = next(model.parameters()).device
    arguments = [tensor.to(device) for tensor in (ids, mask, torch.from_numpy(rows), torch.from_numpy(columns))]
    with torch.inference_mode():
        logs = torch.log_softmax(masked_logits(model, *arguments).float(), dim=-1)
    found: Nats = -logs.gather(1, torch.from_numpy(targets).to(device)[:, None])[:, 0].double().cpu().numpy()
    return found


def masked_places(tokens: int, rate: float = MASK_RATE, seed: int = MASK_SEED) -> npt.NDArray[np.int64]:
    """The places of a flat store of `tokens` that are masked in evaluation, in order: each with chance `rate`."""
    return np.flatnonzero(random_keys(tokens, seed=seed, epoch=0, purpose=MASKS) < np.uint64(rate * 2**64)).astype(np.int64)
