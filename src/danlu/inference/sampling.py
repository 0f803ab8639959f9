"""Choosing the next token from logits."""

from __future__ import annotations

import torch


def choose(logits: torch.Tensor, temperature: float, top_p: float, top_k: int, generator: torch.Generator) -> int:
    """A token id drawn from `logits` [vocabulary]; temperature 0 takes the likeliest.

    In transformers' order: the logits are divided by the temperature, all but the `top_k` likeliest go (0: none), then all but
    the likeliest that together have the share `top_p`; the one that passes the share stays.
    """
    if temperature == 0:
        return int(logits.argmax())
    logits = logits.double() / temperature
    if 0 < top_k < len(logits):
        logits = logits.masked_fill(logits < logits.topk(top_k).values[-1], -torch.inf)
    shares = torch.softmax(logits, dim=-1)
    if top_p < 1:
        ordered, order = shares.sort(descending=True, stable=True)
        before = ordered.cumsum(0) - ordered
        shares[order[before >= top_p]] = 0
    # The inverse of the cumulative distribution at one uniform draw: the same draw on every machine and thread count.
    ends = shares.cumsum(0)
    draw = torch.rand((), generator=generator, dtype=torch.float64) * ends[-1]
    return int(torch.searchsorted(ends, draw, right=True).clamp(max=int(shares.nonzero().max())))
