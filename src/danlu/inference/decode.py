"""Reading tokens with the keys and values of the past kept: rows side by side, padded on the left, one more token a step.

`StaticReader` runs Qwen3's layers itself, on buffers made once; a step of a small model is half overhead in transformers' own
forward (masks, checks, a cache that grows by copying). `CacheReader` does any other causal model, through its own forward.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn import functional


class Reader(Protocol):
    """Reads rows of tokens of one model; all logits are float32 [rows, vocabulary] on the CPU."""

    def start(self, rows: Sequence[Sequence[int]], capacity: int) -> torch.Tensor:
        """Read the rows from their beginning, whatever was read before; what comes after each. They may grow to `capacity`."""
        ...

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        """Read one more token of each row."""
        ...

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows alone."""
        ...


def reader_of(model: Any) -> Reader:
    """The faster reader that can read this model."""
    config = model.config
    plain = config.model_type == "qwen3" and set(config.layer_types) == {"full_attention"}
    if plain and config.rope_parameters["rope_type"] == "default" and config.hidden_act == "silu":
        return StaticReader(model)
    return CacheReader(model)


def pad_left(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids int64 [rows, longest], zeros before the shorter ones, and how many of these [rows]."""
    longest = max(len(row) for row in rows)
    ids = np.zeros((len(rows), longest), np.int64)
    for index, row in enumerate(rows):
        ids[index, longest - len(row) :] = row
    return torch.from_numpy(ids), torch.tensor([longest - len(row) for row in rows])


class CacheReader:
    """Any causal model of transformers, with its own cache."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._device = next(model.parameters()).device
        self._placed = "position_ids" in inspect.signature(model.forward).parameters
        self._cache: Any = None
        self._seen = 0
        self._pads = torch.zeros(0, dtype=torch.long)

    def start(self, rows: Sequence[Sequence[int]], capacity: int) -> torch.Tensor:
        ids, self._pads = pad_left(rows)
        self._cache, self._seen = None, 0
        return self._run(ids)

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        return self._run(torch.tensor(tokens)[:, None])

    def keep(self, rows: Sequence[int]) -> None:
        chosen = torch.tensor(rows)
        self._pads = self._pads[chosen]
        self._cache.batch_select_indices(chosen.to(self._device))

    def _run(self, ids: torch.Tensor) -> torch.Tensor:
        options: dict[str, torch.Tensor] = {}
        places = torch.arange(self._seen + ids.shape[1])
        if bool(self._pads.any()):
            options["attention_mask"] = (places >= self._pads[:, None]).long()
            if self._placed:
                options["position_ids"] = (places[self._seen :] - self._pads[:, None]).clamp(min=0)
        options = {name: tensor.to(self._device) for name, tensor in options.items()}
        output = self._model(
            input_ids=ids.to(self._device), past_key_values=self._cache, use_cache=True, logits_to_keep=1, **options
        )
        self._cache, self._seen = output.past_key_values, self._seen + ids.shape[1]
        logits: torch.Tensor = output.logits[:, -1].float().cpu()
        return logits


class StaticReader:
    """Qwen3 (transformers' `Qwen3ForCausalLM` with full attention), its weights read where they are: none is copied."""

    def __init__(self, model: Any) -> None:
        config = model.config
        self._model = model
        self._eps = float(config.rms_norm_eps)
        self._heads, self._shared = config.num_attention_heads, config.num_key_value_heads
        self._width = config.head_dim
        self._layers = [self._weights(layer) for layer in model.model.layers]
        self._table: torch.Tensor = model.model.embed_tokens.weight
        self._ends = (model.model.norm.weight, model.get_output_embeddings().weight)
        self._cache: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._turns: tuple[torch.Tensor, torch.Tensor] = (self._table, self._table)
        self._mask: torch.Tensor | None = None
        self._used = 0

    def _weights(self, layer: Any) -> tuple[torch.Tensor, ...]:
        """Of one layer; the norms of queries and keys as one, by head."""
        attention, mlp = layer.self_attn, layer.mlp
        norms = [attention.q_norm.weight] * self._heads + [attention.k_norm.weight] * self._shared
        modules = (
            layer.input_layernorm, attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj,
            layer.post_attention_layernorm, mlp.gate_proj, mlp.up_proj, mlp.down_proj,
        )  # fmt: skip
        return (torch.stack(norms).detach(), *(module.weight for module in modules))

    def start(self, rows: Sequence[Sequence[int]], capacity: int) -> torch.Tensor:
        ids, pads = pad_left(rows)
        self._place(pads, capacity)
        shape = (len(rows), self._shared, capacity, self._width)
        self._cache = [(self._table.new_zeros(shape), self._table.new_zeros(shape)) for _ in self._layers]
        self._used = 0
        count = ids.shape[1]
        mask = None
        if self._mask is not None:  # a padding place sees itself, since a row of softmax over nothing is not a number
            order = torch.ones(count, count, dtype=torch.bool, device=self._table.device)
            mask = self._mask[..., :count] & order.tril() | order.tril() & order.triu()
        return self._run(ids, mask, causal=True)

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        mask = None if self._mask is None else self._mask[..., : self._used + 1]
        return self._run(torch.tensor(tokens)[:, None], mask, causal=False)

    def keep(self, rows: Sequence[int]) -> None:
        chosen = torch.tensor(rows, device=self._table.device)
        self._cache = [(keys[chosen], values[chosen]) for keys, values in self._cache]
        if self._mask is not None:
            self._mask, self._turns = self._mask[chosen], (self._turns[0][chosen], self._turns[1][chosen])

    def _place(self, pads: torch.Tensor, capacity: int) -> None:
        """Rotations by place [rows or 1, capacity, 1, width], and which places are seen [rows, 1, 1, capacity] (None: all)."""
        places, device = torch.arange(capacity), self._table.device
        padded = bool(pads.any())
        positions = (places - pads[:, None]).clamp(min=0) if padded else places[None]
        cos, sin = self._model.model.rotary_emb(self._table[:1], positions.to(device))
        sin = torch.cat((-sin[..., : self._width // 2], sin[..., self._width // 2 :]), -1)  # for halves swapped, none negated
        self._turns = (cos[:, :, None], sin[:, :, None])
        self._mask = (places >= pads[:, None])[:, None, None].to(device) if padded else None

    def _run(self, ids: torch.Tensor, mask: torch.Tensor | None, *, causal: bool) -> torch.Tensor:
        rows, count = ids.shape
        start, end = self._used, self._used + count
        cos, sin = (turn[:, start:end] for turn in self._turns)
        hidden = functional.embedding(ids.to(self._table.device).view(-1), self._table)
        linear, grouped = functional.linear, self._heads != self._shared
        for weights, (keys, values) in zip(self._layers, self._cache, strict=True):
            norms, norm, q, k, v, o, norm_after, gate, up, down = weights
            inner = self._norm(hidden, norm)
            both = torch.cat((linear(inner, q), linear(inner, k)), -1).view(rows, count, -1, self._width)
            both = functional.rms_norm(both, (self._width,), None, self._eps) * norms
            # Rotary positions (RoFormer, arXiv 2104.09864) of queries and keys together.
            both = torch.addcmul(both * cos, both.roll(self._width // 2, -1), sin).transpose(1, 2)
            keys[:, :, start:end] = both[:, self._heads :]
            values[:, :, start:end] = linear(inner, v).view(rows, count, self._shared, self._width).transpose(1, 2)
            seen = functional.scaled_dot_product_attention(
                both[:, : self._heads], keys[:, :, :end], values[:, :, :end],
                attn_mask=mask, is_causal=causal and mask is None, enable_gqa=grouped,
            )  # fmt: skip
            hidden = hidden + linear(seen.transpose(1, 2).reshape(rows * count, -1), o)
            inner = self._norm(hidden, norm_after)
            hidden = hidden + linear(functional.silu(linear(inner, gate)).mul_(linear(inner, up)), down)
        self._used = end
        norm, matrix = self._ends
        return linear(self._norm(hidden.view(rows, count, -1)[:, -1], norm), matrix).float().cpu()

    def _norm(self, states: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return functional.rms_norm(states, weight.shape, weight, self._eps)
