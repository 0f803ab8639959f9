"""How many positions a model reads, and what pads them."""

from __future__ import annotations

from typing import Any

LONGEST = 8192  # models with relative positions name no limit


def context_length(model: Any, most: int = LONGEST) -> int:
    """Positions that the model was made for, at most `most`.

    RoBERTa's positions begin after its padding id, so it can use two fewer than it names.
    """
    config = model.config.get_text_config()
    named = int(getattr(config, "max_position_embeddings", 0) or most)
    if config.model_type in ("roberta", "xlm-roberta", "camembert"):
        named -= int(config.pad_token_id) + 1
    return min(named, most)


def pad_id(model: Any, tokenizer: Any) -> int:
    """The id that pads a batch: the one in the model's configuration, since decoders look for their last token by it."""
    found = model.config.get_text_config().pad_token_id
    return int(found if found is not None else tokenizer.pad_token_id or 0)
