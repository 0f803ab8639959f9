"""`tokenize`: the tokenizer and the token store."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from danlu.recipe.base import Bytes, Section, later, refuse, unit

Kind = Literal["bpe", "wordpiece", "unigram"]
Digits = Literal[1, 2, 3]
LEAST, MOST = 512, 65536
LEAST_WORDPIECE = 768  # it has each byte twice, at the beginning of a word and inside


def _parse_vocabulary(value: Any) -> Any:
    if value == "auto" or (type(value) is int and LEAST <= value <= MOST):
        return value
    raise refuse("vocabulary", least=LEAST, most=MOST)


Vocabulary = Annotated[
    int | Literal["auto"],
    BeforeValidator(
        _parse_vocabulary, json_schema_input_type=Annotated[int, Field(ge=LEAST, le=MOST)] | Literal["auto"]
    ),
    Field(json_schema_extra=unit("tokens")),
]  # fmt: skip


class TokenizeConfig(Section):
    """One tokenizer over bytes that serves BERT, GPT and T5."""

    model_config = ConfigDict(populate_by_name=True)

    start: str | None = Field(
        None, alias="from", json_schema_extra={"later": True},
        description="Take this tokenizer over bytes instead of training one: a directory or `package:NAME`.",
    )  # fmt: skip
    type: Kind = Field("bpe", description="How tokens are chosen and used: BPE, the fastest to encode, WordPiece or Unigram.")
    vocabulary: Vocabulary = Field(
        8192, description="Number of tokens, special ones included; auto: as many as the text has examples of."
    )
    digits: Digits = later(3, "How many digits of a number a token may hold.")
    sample: Bytes = Field(8_000_000, description="Bytes of text the tokenizer is trained on, balanced by language.")
    words: Literal["rjieba"] | None = later(
        None, "Keep where words begin, for masks by whole words: rjieba cuts the Chinese ones. None: not kept."
    )

    @model_validator(mode="after")
    def _bytes_fit(self) -> TokenizeConfig:
        if self.type == "wordpiece" and self.vocabulary != "auto" and self.vocabulary < LEAST_WORDPIECE:
            raise refuse("wordpiece-vocabulary", ("vocabulary",), least=LEAST_WORDPIECE)
        return self

    @model_validator(mode="after")
    def _trains_or_takes(self) -> TokenizeConfig:
        set_too = sorted(self.model_fields_set & {"type", "vocabulary", "digits"})
        if self.start is not None and set_too:
            raise refuse("tokenizer-from", (set_too[0],), key=set_too[0])
        return self

    def identity(self) -> dict[str, Any]:
        """A tokenizer that is taken is known by its content, which is in the key by itself, wherever its folder lies."""
        return super().identity() if self.start is None else {"start": True}

    def training(self) -> TokenizeConfig:
        """What of it the tokenizer is made by: words are marked in the encoded text, no tokenizer is trained anew for them."""
        return self.model_copy(update={"words": None})

    def encoding(self) -> TokenizeConfig:
        """What of it the encoded text is made by, the tokenizer apart."""
        return TokenizeConfig(words=self.words)
