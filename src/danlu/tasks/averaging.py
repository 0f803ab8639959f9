"""Mean pooling for BERT, inside BERT: one more layer that averages.

`BertForSequenceClassification` looks at the first token alone. Where that token was never trained to stand for the text (a
sentence encoder that pools by mean, a model with masked-LM pretraining only) this throws most of the encoder away: a linear
head on 900 reviews had .67 nats a review on MiniLM's first token and .58 on its mean. A class of our own would pool by mean,
but then nobody else could load the model. So one layer is put on top whose attention looks everywhere alike:

    query = key = 0          every token gets the same share, padding none: the attention's output is the mean of the values
    value = 1                which are the states themselves
    output = 10,000 x 1      so large that the residual stream beside it (the first token's own state) vanishes in the norm
    norm = plain             the mean, centred and scaled: what sentence encoders call normalised
    feed-forward = 0         adds nothing

and the pooler becomes tanh(x / 2): near a straight line where the features are. The result is an ordinary BERT with one more
layer: transformers, and whatever reads its files, give the mean-pooled answer. The layer stays frozen.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import BertForSequenceClassification
from transformers.utils.hub import cached_file

LOUD = 1e4
POOLER = 0.5


def pools_by_mean(address: str) -> bool:
    """Whether a BERT at `address` (directory or hub name) was trained to be pooled by mean, or with no pooler at all."""
    card = _file(address, "1_Pooling/config.json")
    if card is not None:
        return bool(json.loads(card.read_text(encoding="utf-8")).get("pooling_mode_mean_tokens"))
    weights = _file(address, "model.safetensors")
    if weights is None:  # shards: only large published models have them, and those have their pooler
        return False
    with safe_open(weights, "pt") as tensors:
        return not any("pooler" in name for name in tensors.keys())  # noqa: SIM118


def _file(address: str, name: str) -> Path | None:
    found = cached_file(
        address, name, _raise_exceptions_for_missing_entries=False, _raise_exceptions_for_connection_errors=False
    )
    return None if found is None else Path(found)


def with_averaging(model: Any) -> BertForSequenceClassification:
    """The same classifier with the averaging layer on top of its encoder."""
    config = copy.deepcopy(model.config)
    config.num_hidden_layers += 1
    with torch.random.fork_rng(devices=[]):
        grown = BertForSequenceClassification(config)
    grown.load_state_dict(model.state_dict(), strict=False)
    layer = grown.bert.encoder.layer[-1]
    unit = torch.eye(config.hidden_size)
    with torch.no_grad():
        for parameter in [*layer.parameters(), grown.bert.pooler.dense.bias]:
            parameter.zero_()
        layer.attention.self.value.weight.copy_(unit)
        layer.attention.output.dense.weight.copy_(unit * LOUD)
        layer.attention.output.LayerNorm.weight.fill_(1)
        layer.output.LayerNorm.weight.fill_(1)
        grown.bert.pooler.dense.weight.copy_(unit * POOLER)
    for parameter in layer.parameters():
        parameter.requires_grad = False
    return grown.eval()
