"""Cross-entropy over a large vocabulary without ever holding all logits.

At hidden width 128 and 8192 ids the logits of 4096 positions take 134 MB and several passes through main memory, more
time than all layers of the model. Here a few rows at a time go through the head and stay in the processor's cache; their
gradient is computed at once, while the probabilities are still there, so nothing is computed twice (the idea of the fused
linear cross-entropy of Liger-Kernel, arXiv 2410.10989).
"""

from __future__ import annotations

from typing import Any

import torch

CHUNK_BYTES = 8 << 20
"""Size of the logits of one chunk of rows: with their source and their gradient they fit a third-level cache."""


def chunked_cross_entropy(
    hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, targets: torch.Tensor
) -> torch.Tensor:
    """Sum of -log softmax(hidden @ weight.T + bias)[target] over the rows, in nats, fp32.

    hidden [n, d], weight [v, d], bias [v] or None, targets [n] of ids (every row counts: select the rows before).
    Within autocast the products are in its dtype; the softmax and all sums are always in fp32.
    """
    learned = [tensor for tensor in (hidden, weight, bias) if tensor is not None and tensor.requires_grad]
    needed = torch.is_grad_enabled() and bool(learned)  # within forward, autograd no longer tells
    total: torch.Tensor = _ChunkedCrossEntropy.apply(hidden, weight, bias, targets, needed)  # type: ignore[no-untyped-call]
    return total


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, targets: torch.Tensor, needed: bool
    ) -> torch.Tensor:
        device = hidden.device.type
        compute = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
        rows = max(1, CHUNK_BYTES // (4 * weight.shape[0]))
        head = weight.to(compute)
        gradients = _Gradients(hidden, weight, bias) if needed else None
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        with torch.autocast(device, enabled=False):
            for start in range(0, len(targets), rows):
                part, wanted = hidden[start : start + rows].to(compute), targets[start : start + rows, None]
                logits = (part @ head.T).float()
                if bias is not None:
                    logits += bias
                truth, highest = logits.gather(1, wanted).squeeze(1), logits.amax(dim=1)
                shares = torch.softmax(logits, dim=1, out=logits)  # one fused pass; log sum exp follows from the largest
                total += (highest - shares.amax(dim=1).log() - truth).sum()
                if gradients is not None:
                    gradients.add(start, part, head, shares, wanted)
        if gradients is not None:
            ctx.save_for_backward(gradients.hidden, gradients.weight, gradients.bias)
        return total

    @staticmethod
    def backward(ctx: Any, scale: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return (*(None if gradient is None else gradient * scale for gradient in ctx.saved_tensors), None, None)


class _Gradients:
    """Gradients of the sum, gathered chunk by chunk."""

    def __init__(self, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        self.hidden = torch.empty_like(hidden)
        self.weight = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device)
        self.bias = None if bias is None else torch.zeros_like(bias)

    def add(self, start: int, part: torch.Tensor, head: torch.Tensor, shares: torch.Tensor, wanted: torch.Tensor) -> None:
        """Add what a chunk gives: the slope of a logit is its probability less the truth (made in place)."""
        shares.scatter_add_(1, wanted, torch.full_like(wanted, -1, dtype=shares.dtype))
        slope = shares.to(part.dtype)
        self.hidden[start : start + len(part)] = slope @ head
        if slope.dtype == torch.float32:
            self.weight.addmm_(slope.T, part)
        else:
            self.weight += slope.T @ part
        if self.bias is not None:
            self.bias += shares.sum(dim=0)
