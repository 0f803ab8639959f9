"""A tokenizer that was there before, for `tokenize.from`: its way to cut texts, with danlu's special tokens at their ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from danlu.tokens.alphabet import byte_alphabet, check_bytes
from danlu.tokens.encoding import reference_encoder
from danlu.tokens.files import added_tokens, is_ours, merges_of, tokenizer_text
from danlu.tokens.pieces import bytes_of_tokens
from danlu.tokens.special import SPECIAL
from danlu.workspace.errors import DanluError

AWKWARD = (
    "A b  c\n\n\td\r\n", "don't 12345 ½²", "你好，世界！１２３", "e\u0301 \u200b\ufeff 👩\u200d👧 𠀀", "\u2581x", "Ａﬁ",
    "".join(map(chr, range(128))), *SPECIAL[:6],
)  # fmt: skip
"""Where tokenizers change texts if they do: case, spaces, line ends, composed and wide letters, sentencepiece's mark."""
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
"""As `tokenizers` writes its decoder of bytes; none of its settings changes what it decodes."""


def adopted(content: Mapping[str, Any], texts: Iterable[str], where: str) -> dict[str, Any]:
    """The content of `tokenizer.json` with the special tokens of danlu; DanluError if it is not one over bytes, cuts out added
    tokens that are not special, or if a text does not come back to the byte.

    One that danlu trained stays as it is. Of another the special tokens go, and the others follow danlu's in their old order:
    the same texts become the same tokens, under other ids. Nothing is left to chance: BPE without dropout.
    """
    check_bytes(content, where)
    found = {**content, "post_processor": None, "truncation": None, "padding": None}
    if "dropout" in content["model"]:
        found["model"] = {**content["model"], "dropout": None}
    if not is_ours(content):
        found |= {"model": _with_special_tokens(found), "added_tokens": added_tokens(), "decoder": BYTE_LEVEL}
    try:
        encode = reference_encoder(tokenizer_text({**found, "added_tokens": []}))
    except Exception as error:  # what the library raises for a file that contradicts itself
        raise DanluError("tokens.no-tokenizer", where=where) from error
    pieces = bytes_of_tokens(found)
    for text in (*AWKWARD, *texts):
        tokens = encode([text]).tokens
        if (len(tokens) and tokens.min() < len(SPECIAL)) or b"".join(pieces[token] for token in tokens) != text.encode():
            raise DanluError("tokenize.from-inexact", where=where, text=repr(text[:40]))
    return found


def _with_special_tokens(content: Mapping[str, Any]) -> dict[str, Any]:
    model = content["model"]
    needed = {name for pair in merges_of(content) for name in (*pair, "".join(pair))} | set(byte_alphabet())
    gone = ({token["content"] for token in content.get("added_tokens") or []} | set(SPECIAL)) - needed
    kept = sorted((name for name in model["vocab"] if name not in gone), key=model["vocab"].__getitem__)
    return {**model, "vocab": {name: place for place, name in enumerate([*SPECIAL, *kept])}, "unk_token": None}
