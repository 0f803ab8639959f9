"""What clients may send: the fields of the OpenAI completions API that danlu answers, and those of its own endpoints.

A field that is not here is an error, never ignored: an ignored `logprobs` or `best_of` gives wrong results that look right.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr

MOST_TEXTS = 1024
MOST_CHOICES = 128
MOST_LOGPROBS = 20
TokenIds = Annotated[list[StrictInt], Field(min_length=1)]
Texts = StrictStr | Annotated[list[StrictStr], Field(min_length=1, max_length=MOST_TEXTS)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    model: StrictStr | None = Field(None, description="A name of GET /v1/models; may be left out where only one model fits.")
    user: StrictStr | None = Field(None, description="Taken as OpenAI's clients may send it; not used.")


class StreamOptions(BaseModel):
    """How a stream ends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    include_usage: bool = Field(False, description="Send one last chunk with the number of tokens.")


class CompletionRequest(_Request):
    """`POST /v1/completions`."""

    prompt: (
        StrictStr
        | TokenIds
        | Annotated[list[StrictStr], Field(min_length=1, max_length=MOST_CHOICES)]
        | Annotated[list[TokenIds], Field(min_length=1, max_length=MOST_CHOICES)]
    ) = Field(description="A text, a list of texts, token ids, or a list of lists of token ids.")
    max_tokens: StrictInt | None = Field(16, ge=0, description="Most tokens to generate; 0 with echo scores the prompt only.")
    temperature: StrictFloat | None = Field(1.0, ge=0, le=2, description="0: always the likeliest token.")
    top_p: StrictFloat | None = Field(1.0, gt=0, le=1, description="Draw from the likeliest tokens that make up this share.")
    n: StrictInt | None = Field(1, ge=1, le=MOST_CHOICES, description="Continuations of each prompt.")
    seed: StrictInt | None = Field(None, ge=-(2**63), lt=2**63, description="The same seed gives the same answer.")
    stop: StrictStr | Annotated[list[StrictStr], Field(max_length=16)] | None = Field(
        None, description="Texts that end the continuation; they are not part of it."
    )
    stream: bool | None = Field(False, description="Send each piece as it is made, as server-sent events.")
    stream_options: StreamOptions | None = None
    echo: bool | None = Field(
        False, description="Give the prompt back before its continuation, with its log-probabilities if asked."
    )
    logprobs: StrictInt | None = Field(
        None, ge=0, le=MOST_LOGPROBS, description="Log-probabilities of each token and of so many likeliest ones."
    )
    best_of: Literal[1] | None = Field(None, description="Not offered: only 1.")
    frequency_penalty: StrictFloat | None = Field(0, ge=0, le=0, description="Not offered: only 0.")
    presence_penalty: StrictFloat | None = Field(0, ge=0, le=0, description="Not offered: only 0.")
    logit_bias: Annotated[dict[str, float], Field(max_length=0)] | None = Field(None, description="Not offered: only empty.")
    suffix: Literal[""] | None = Field(None, description="Not offered: only empty.")


class ClassifyRequest(_Request):
    """`POST /v1/classify`."""

    input: Texts = Field(description="A text, or a list of texts.")
    truncate: bool = Field(False, description="Cut a text that is too long instead of refusing it; the answer says so.")


class FillMaskRequest(_Request):
    """`POST /v1/fill-mask`."""

    input: Texts = Field(description="A text with one or more [MASK], or a list of them.")
    top: StrictInt = Field(5, ge=1, le=100, description="Answers for each mask.")


class TokenizeRequest(_Request):
    """`POST /tokenize`, as vLLM has it: what lm-eval's remote tokenizer calls."""

    prompt: StrictStr
    add_special_tokens: bool = True


class DetokenizeRequest(_Request):
    """`POST /detokenize`, as vLLM has it."""

    tokens: list[StrictInt]
