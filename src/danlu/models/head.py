"""The language-model head of each class in two parts: what prepares a position, and the matrix over the vocabulary.

A class's own forward multiplies every position by that matrix; training and scoring need a few of them.
"""

from __future__ import annotations

import torch
from transformers import PreTrainedModel


def hidden_states(
    model: PreTrainedModel, input_ids: torch.Tensor, attention_mask: torch.Tensor | None, positions: torch.Tensor | None = None
) -> torch.Tensor:
    """The last layer's states [batch, length, hidden], without cache or head.

    `attention_mask` [batch, length], or [batch, 1, length, length] of who sees whom, or None; `positions` [batch, length] where
    they are not 0, 1, 2 and so on.
    """
    options: dict[str, object] = {"use_cache": False} if hasattr(model.config, "use_cache") else {}
    if positions is not None:
        options["position_ids"] = positions
    mask = _by_layer(model, attention_mask) if attention_mask is not None and attention_mask.ndim == 4 else attention_mask
    states: torch.Tensor = model.base_model(input_ids=input_ids, attention_mask=mask, **options).last_hidden_state
    return states


def _by_layer(model: PreTrainedModel, mask: torch.Tensor) -> torch.Tensor | dict[str, torch.Tensor]:
    """A mask of who sees whom as the class takes it: ModernBERT would let its local layers see as far as the others."""
    if model.config.model_type != "modernbert":
        return mask
    places = torch.arange(mask.shape[-1], device=mask.device)
    near = (places[:, None] - places[None]).abs() <= model.config.sliding_window
    return {"full_attention": mask, "sliding_attention": mask & near}


def prepare(model: PreTrainedModel, hidden: torch.Tensor) -> torch.Tensor:
    """What the head does to states [n, hidden] before the vocabulary: BERT's and ModernBERT's transform; nothing in GPTs."""
    kind = model.config.model_type
    if kind == "modernbert":
        return model.head(hidden)  # type: ignore[no-any-return]
    if kind == "bert":
        return model.cls.predictions.transform(hidden)  # type: ignore[no-any-return]
    return hidden


def vocabulary_matrix(model: PreTrainedModel) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The output matrix [vocabulary, hidden] and its bias [vocabulary] or None."""
    output = model.get_output_embeddings()
    return output.weight, output.bias
