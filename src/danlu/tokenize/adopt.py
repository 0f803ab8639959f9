"""A tokenizer that was there before, for `tokenize.from`: its way to cut texts, with danlu's special tokens at their ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from danlu.tokens.encoding import reference_encoder
from danlu.tokens.files import added_tokens, is_ours, tokenizer_text, vocabulary_of
from danlu.tokens.pieces import byte_alphabet, bytes_of_tokens
from danlu.tokens.special import SPECIAL
from danlu.workspace.errors import DanluError

AWKWARD = (
    "A b  c\n\n\td\r\n",
    "don't 12345 ½²",
    "你好，世界！１２３",
    "e\u0301 \u200b\ufeff 👩\u200d👧 𠀀",
    "\u2581x",
    "Ａﬁ",
    *SPECIAL[:6],
)
"""Where tokenizers change texts if they do: case, spaces, line ends, composed and wide letters, sentencepiece's mark."""


def adopted(content: Mapping[str, Any], texts: Iterable[str], where: str) -> dict[str, Any]:
    """The content of `tokenizer.json` with the special tokens of danlu; DanluError if it is not one over bytes, or if a text
    does not come back to the byte.

    One that danlu trained stays as it is. Of another the special tokens go, and the others follow danlu's in their old order:
    the same texts become the same tokens, under other ids.
    """
    found = {**content, "post_processor": None, "truncation": None, "padding": None}
    if not is_ours(content):
        missing = set(byte_alphabet()) - set(vocabulary_of(content))
        if content["model"].get("type") != "BPE" or missing:
            raise DanluError("tokenize.from-kind", where=where, kind=str(content["model"].get("type")))
        found |= {"model": _with_special_tokens(content), "added_tokens": added_tokens()}
    pieces = bytes_of_tokens(found)
    encode = reference_encoder(tokenizer_text({**found, "added_tokens": []}))
    for text in (*AWKWARD, *texts):
        if b"".join(pieces[token] for token in encode([text]).tokens) != text.encode():
            raise DanluError("tokenize.from-inexact", where=where, text=repr(text[:40]))
    return found


def _with_special_tokens(content: Mapping[str, Any]) -> dict[str, Any]:
    model = content["model"]
    gone = {token["content"] for token in content.get("added_tokens") or []} | set(SPECIAL)
    kept = sorted((name for name in model["vocab"] if name not in gone), key=model["vocab"].__getitem__)
    return {**model, "vocab": {name: place for place, name in enumerate([*SPECIAL, *kept])}, "unk_token": None}
