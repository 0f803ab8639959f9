"""`tokenize`: the tokenizer and the token store."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from danlu.recipe.base import Bytes, Section, later, unit


class TokenizeConfig(Section):
    """One byte-level BPE that serves BERT, GPT and T5."""

    type: Literal["bpe"] = Field("bpe", description="Byte-level BPE.")
    vocabulary: int = Field(
        8192, ge=512, le=65536, description="Number of tokens, special ones included.", json_schema_extra=unit("tokens")
    )
    sample: Bytes = Field(8_000_000, description="Bytes of text the tokenizer is trained on, balanced by language.")
    words: Literal["rjieba"] | None = later(
        None, "Keep where words begin, for masks by whole words: rjieba cuts the Chinese ones. None: not kept."
    )

    def training(self) -> TokenizeConfig:
        """What of it the tokenizer is made by: words are marked in the encoded text, no tokenizer is trained anew for them."""
        return self.model_copy(update={"words": None})

    def encoding(self) -> TokenizeConfig:
        """What of it the encoded text is made by, the tokenizer apart."""
        return TokenizeConfig(words=self.words)
