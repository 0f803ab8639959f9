"""Which parameters of a model learn: freezing from the embeddings up; and the head by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


def freeze(model: Any, until: float) -> int:
    """Freeze the embeddings and the lowest `until` share of the layers (0: nothing); how many layers that is.

    With 1 everything but the final linear layer is frozen. Layers that are frozen already (an averaging one) do not count.
    """
    if not until:
        return 0
    layers, below = _stack(model.base_model)
    stack = [layer for layer in layers if any(parameter.requires_grad for parameter in layer.parameters())]
    count = round(until * len(stack))
    frozen: list[nn.Module] = [model] if until >= 1 else [*below, *stack[:count]]
    for module in frozen:
        for parameter in module.parameters():
            parameter.requires_grad = False
    if until >= 1:
        for parameter in head_of(model)[1].parameters():
            parameter.requires_grad = True
    return count


def _stack(base: nn.Module) -> tuple[nn.ModuleList, list[nn.Module]]:
    """The list of layers of an encoder or decoder, and the modules that come before it (embeddings)."""
    below: list[nn.Module] = []
    for child in base.children():
        lists = [module for module in child.modules() if isinstance(module, nn.ModuleList)]
        if lists:
            return max(lists, key=len), below
        below.append(child)
    raise TypeError(f"{type(base).__name__} has no list of layers")


def head_of(model: Any) -> tuple[str, nn.Linear]:
    """The final linear layer of a sequence classification model, and its name."""
    found = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module.out_features == model.config.num_labels
    ]
    return found[-1]


@contextmanager
def without_head(model: Any) -> Iterator[Any]:
    """The model with its final linear layer taken off: what it then gives as logits are the head's inputs, [rows, width]."""
    name, head = head_of(model)
    model.set_submodule(name, nn.Identity())
    try:
        yield model
    finally:
        model.set_submodule(name, head)


def set_head(model: Any, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
    """Put values into the final linear layer."""
    _, head = head_of(model)
    with torch.no_grad():
        head.weight.copy_(weight)
        if bias is not None and head.bias is not None:
            head.bias.copy_(bias)
