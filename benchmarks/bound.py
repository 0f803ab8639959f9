"""How fast a model could read texts at all: its matrix products at the rate at which this machine does such products alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import Linear
from torch.nn.functional import linear


def layers_of(model: Any) -> list[Linear]:
    """The linear layers that every token goes through."""
    return [module for module in model.base_model.modules() if isinstance(module, Linear)]


def product_rate(model: Any, rows: int, seconds: float = 1.0) -> float:
    """Operations a second of the model's own layers on `rows` tokens, nothing in between: the best of several rounds."""
    weights = [layer.weight for layer in layers_of(model)]
    inputs = {width: torch.randn(rows, width, dtype=weights[0].dtype) for width in {weight.shape[1] for weight in weights}}
    best, until = float("inf"), time.perf_counter() + seconds
    with torch.inference_mode():
        while time.perf_counter() < until:
            start = time.perf_counter()
            for weight in weights:
                linear(inputs[weight.shape[1]], weight)
            best = min(best, time.perf_counter() - start)
    return 2 * rows * sum(weight.numel() for weight in weights) / best


def operations(model: Any, lengths: Sequence[int]) -> float:
    """Multiplications and additions in the matrix products for texts of so many tokens, without padding: of the layers, and
    of attention's two products."""
    config = model.config
    in_layers = 2 * sum(layer.weight.numel() for layer in layers_of(model)) * sum(lengths)
    return float(in_layers + 4 * config.hidden_size * config.num_hidden_layers * sum(length**2 for length in lengths))
