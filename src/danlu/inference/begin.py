"""What a causal model reads before the first token of a text."""

from __future__ import annotations

from typing import Any


def begin_id(tokenizer: Any) -> int | None:
    """BOS, or EOS where a tokenizer has no BOS, as lm-eval has it; None if it has neither."""
    found = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    return None if found is None else int(found)
