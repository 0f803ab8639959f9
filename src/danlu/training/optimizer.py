"""Optimizers by name, with their parameter groups."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

HALF_LIFE_TOKENS = 10_000_000
BETA1 = 0.9
BETA2_LEAST, BETA2_MOST = 0.95, 0.999


def second_beta(batch_tokens: int) -> float:
    """AdamW's beta2 such that the memory of squared gradients halves in 10 million tokens at any batch size.

    Small Batch Size Training for Language Models, arXiv 2507.07101: hold the half-life fixed in tokens. Bounded: .95 is
    usual for batches of millions of tokens; above .999 the memory would outlast a run of a few thousand steps.
    """
    return min(BETA2_MOST, max(BETA2_LEAST, math.exp2(-batch_tokens / HALF_LIFE_TOKENS)))


def _adamw(groups: list[dict[str, object]], learning_rate: float, beta2: float) -> torch.optim.Optimizer:
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(BETA1, beta2), eps=1e-8, fused=True)


OPTIMIZERS: dict[str, Callable[[list[dict[str, object]], float, float], torch.optim.Optimizer]] = {"adamw": _adamw}


def build_optimizer(
    name: str, model: nn.Module, learning_rate: float, weight_decay: float, beta2: float = 0.999
) -> torch.optim.Optimizer:
    """The optimizer `name` over the parameters of `model` that are not frozen.

    Matrices (embeddings among them) decay; vectors (biases, gains of norms) do not: decay would pull a gain to 0.
    """
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups: list[dict[str, object]] = [
        {"params": [parameter for parameter in learned if parameter.ndim >= 2], "weight_decay": weight_decay},
        {"params": [parameter for parameter in learned if parameter.ndim < 2], "weight_decay": 0.0},
    ]
    return OPTIMIZERS[name]([group for group in groups if group["params"]], learning_rate, beta2)
