"""The tokenizer of a model over HTTP, in the shape of vLLM's endpoints."""

from __future__ import annotations

from typing import Any

from danlu.inference.generate import prompt_ids
from danlu.inference.pieces import pieces_of
from danlu.serve.errors import ApiError
from danlu.serve.offsets import label
from danlu.serve.requests import DetokenizeRequest, TokenizeRequest
from danlu.serve.served import Served


def tokenizer_info(served: Served) -> dict[str, Any]:
    """Special tokens by their roles, and the limits."""
    tokenizer = served.loaded.tokenizer
    return {
        "tokenizer_class": type(tokenizer).__name__, "bos_token": tokenizer.bos_token, "eos_token": tokenizer.eos_token,
        "pad_token": tokenizer.pad_token, "vocabulary": len(tokenizer), "model_max_length": served.limit,
    }  # fmt: skip


def tokenize(served: Served, request: TokenizeRequest) -> dict[str, Any]:
    """Token ids of a text as a completion reads it; without special tokens if so asked."""
    tokenizer = served.loaded.tokenizer
    if request.add_special_tokens:
        ids = prompt_ids(tokenizer, request.prompt)
    else:
        ids = tokenizer(request.prompt, add_special_tokens=False, verbose=False)["input_ids"]
    return {"count": len(ids), "max_model_len": served.limit, "tokens": ids}


def detokenize(served: Served, request: DetokenizeRequest) -> dict[str, Any]:
    """The text of token ids, special tokens by their names."""
    tokenizer = served.loaded.tokenizer
    data = pieces_of(tokenizer).data
    if wrong := [token for token in request.tokens if not 0 <= token < len(data)]:
        raise ApiError("serve.token-id", param="tokens", token=wrong[0], model=served.name, vocabulary=len(data))
    named = (data[token] or label(b"", str(tokenizer.convert_ids_to_tokens(token))).encode() for token in request.tokens)
    return {"prompt": b"".join(named).decode("utf-8", "replace")}
