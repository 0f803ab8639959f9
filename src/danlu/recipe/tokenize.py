"""`tokenize`: the tokenizer and the token store."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from danlu.recipe.base import Bytes, Section, unit


class TokenizeConfig(Section):
    """One byte-level BPE that serves BERT, GPT and T5."""

    type: Literal["bpe"] = Field("bpe", description="Byte-level BPE.")
    vocabulary: int = Field(
        8192, ge=512, le=65536, description="Number of tokens, special ones included.", json_schema_extra=unit("tokens")
    )
    sample: Bytes = Field(8_000_000, description="Bytes of text the tokenizer is trained on, balanced by language.")
