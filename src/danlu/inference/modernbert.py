"""ModernBERT's classes in fewer passes over memory than its own forward needs: the tokens of a batch stand in one matrix, what
can be is computed in place, layers add to the states within their matrix products, positions are turned as complex numbers, and
masks are made once, and only where texts are of unequal length. On a CPU all but the products waits for memory.

Only for a model whose parts are the ones that are known here, and only after a trial beside its own forward.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.functional import linear, scaled_dot_product_attention

Forward = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From token ids [rows, length], padded on the right, and their mask (1 where a token is) to logits [rows, classes]."""
TOLERANCE = {torch.float32: 5e-5, torch.bfloat16: 0.1}
"""How far logits may be from those of the model's own forward: fp32 sums in another order; bf16 has three digits."""


class Affine(NamedTuple):
    """A matrix [out, in], and what is added, if anything is."""

    weight: torch.Tensor
    bias: torch.Tensor | None

    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        return linear(states, self.weight, self.bias)

    def add(self, total: torch.Tensor, states: torch.Tensor) -> None:
        """Add to `total` in place what is made of the states."""
        total.addmm_(states, self.weight.t())
        if self.bias is not None:
            total.add_(self.bias)

    def rows(self, which: slice | torch.Tensor) -> Affine:
        return Affine(self.weight[which], None if self.bias is None else self.bias[which])


class Layer(NamedTuple):
    """The parts of a layer, in the order of their use; `kind`: whether its attention is full or sliding."""

    kind: str
    attention_norm: nn.Module
    attention: Affine
    heard: Affine
    inner_norm: nn.Module
    inner: Affine
    gate: Affine
    outer: Affine


def known(model: Any) -> bool:
    """Whether `model` is on the CPU, is ModernBERT's class for texts, and has no other parts (adapters, quantised layers)."""
    from transformers import ModernBertForSequenceClassification

    if type(model) is not ModernBertForSequenceClassification or model.training or model.config.hidden_activation != "gelu":
        return False
    weight = model.model.embeddings.tok_embeddings.weight
    if weight.device.type != "cpu" or weight.dtype not in TOLERANCE:
        return False
    layers = model.model.layers
    parts = [part for layer in layers for part in (layer.attn.Wqkv, layer.attn.Wo, layer.mlp.Wi, layer.mlp.Wo)]
    return all(type(part) is nn.Linear and part.weight.dtype == weight.dtype for part in parts)


def agree(forward: Forward, model: Any, ids: torch.Tensor, mask: torch.Tensor) -> bool:
    """Whether the logits for a batch are those of the model's own forward."""
    apart = (forward(ids, mask) - model(input_ids=ids, attention_mask=mask).logits).abs().max()
    return bool(apart <= TOLERANCE[apart.dtype])


def forward_of(model: Any) -> Forward:
    """The forward of a model that is `known`."""
    base, heads, hidden = model.model, model.config.num_attention_heads, model.config.hidden_size
    halves = torch.arange(hidden).view(heads, 2, -1).transpose(1, 2).flatten()  # a number and its partner side by side
    layers = [_layer(layer, torch.cat([halves, halves + hidden, torch.arange(hidden) + 2 * hidden])) for layer in base.layers]

    def logits(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        rows, length = ids.shape
        states = base.embeddings(ids.flatten())
        places = torch.arange(length)
        seen = _masks(model, mask, places)
        turns = {kind: _turns(base.rotary_emb(states.float(), places[None], kind)) for kind in seen}
        for layer in layers:
            found = layer.attention(layer.attention_norm(states)).view(rows, length, 3, heads, -1)
            _turn(found[:, :, :2], turns[layer.kind])
            query, key, value = (part.transpose(1, 2) for part in found.unbind(2))
            heard = scaled_dot_product_attention(query, key, value, attn_mask=seen[layer.kind])
            layer.heard.add(states, heard.transpose(1, 2).reshape(rows * length, hidden))
            normed = layer.inner_norm(states)
            layer.outer.add(states, torch.ops.aten.gelu_(layer.inner(normed)).mul_(layer.gate(normed)))
        pooled = _pooled(model, base.final_norm(states).view(rows, length, hidden), mask)
        return model.classifier(model.head(pooled))  # type: ignore[no-any-return]

    return logits


def _layer(layer: Any, order: torch.Tensor) -> Layer:
    """A layer with the rows of its queries, keys and values in another order."""
    linears = (layer.attn.Wqkv, layer.attn.Wo, layer.mlp.Wi, layer.mlp.Wo)
    attention, heard, inner, outer = (Affine(part.weight, part.bias) for part in linears)
    half = len(inner.weight) // 2
    return Layer(
        kind=layer.attention_type,
        attention_norm=layer.attn_norm,
        attention=attention.rows(order),
        heard=heard,
        inner_norm=layer.mlp_norm,
        inner=inner.rows(slice(half)),
        gate=inner.rows(slice(half, None)),
        outer=outer,
    )


def _masks(model: Any, mask: torch.Tensor, places: torch.Tensor) -> dict[str, torch.Tensor | None]:
    """By kind of layer what is added to attention [rows, 1, length, length]: nothing, or the lowest number where a place must
    not be seen. (Not minus infinity: a place that sees nothing, which only padding can be, would become NaN and spread.)"""
    length, wide = len(places), model.config.sliding_window
    full = None if bool(mask.all()) else mask[:, None, None].bool().expand(-1, 1, length, length)
    near = None if length <= wide + 1 else ((places[:, None] - places).abs() <= wide)[None, None]
    both = near if full is None else full if near is None else full & near
    zero, lowest = torch.zeros((), dtype=model.dtype), torch.tensor(torch.finfo(model.dtype).min, dtype=model.dtype)
    return {
        kind: None if allowed is None else torch.where(allowed, zero, lowest).expand(len(mask), 1, length, length)
        for kind, allowed in {"full_attention": full, "sliding_attention": both}.items()
        if kind in model.config.layer_types
    }


def _turns(angles: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Cosines and sines [1, length, width], each angle twice, as complex numbers [length, 1, 1, width / 2]."""
    cos, sin = (found[0, :, None, None, : found.shape[-1] // 2].contiguous() for found in angles)
    return torch.complex(cos, sin)


def _turn(both: torch.Tensor, turns: torch.Tensor) -> None:
    """Rotate queries and keys [rows, length, 2, heads, width] in place, in fp32; partners stand side by side."""
    exact = both.float()  # in fp32 itself
    torch.view_as_complex(exact.view(*exact.shape[:-1], -1, 2)).mul_(turns)
    if exact is not both:
        both.copy_(exact)


def _pooled(model: Any, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The state [rows, hidden] that speaks for each text: its first, or the mean of all."""
    if model.config.classifier_pooling == "cls":
        return states[:, 0]
    shares = (mask / mask.sum(1, keepdim=True)).to(states.dtype)
    return (shares[:, None] @ states)[:, 0]
