"""How much arithmetic a model is."""

from __future__ import annotations

from torch import nn
from transformers import PreTrainedModel


def training_flops(model: PreTrainedModel, length: int, predicted: float) -> float:
    """Floating-point operations to train on one token of a window of `length`: forward and backward.

    6 for each parameter of the layers, 6 for each of the output matrix at the share `predicted` of the positions that pass
    through it, and attention's 12 x layers x hidden x length (PaLM, arXiv 2204.02311, appendix B). Look-ups cost nothing.
    """
    config = model.config
    hidden, depth = int(config.hidden_size), int(config.num_hidden_layers)
    tables = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    layers: int = sum(parameter.numel() for parameter in model.base_model.parameters() if id(parameter) not in tables)
    head = int(config.vocab_size) * hidden
    return 6.0 * layers + 6.0 * head * predicted + 12.0 * depth * hidden * length
