"""What the tokenizer does: how much text a token holds, and sentences cut into their tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from danlu.report.sections.access import entries, largest, part
from danlu.report.words import clip, count, finite, language_name, share, short, size, visible
from danlu.tokens.alphabet import byte_alphabet
from danlu.workspace.messages import Language

EXAMPLES, TOKENS, SOURCES = 6, 160, 40


def build(facts: Mapping[str, Any], language: Language) -> dict[str, Any] | None:
    """Vocabulary, characters and bytes a token by language, examples as boxes, sizes of the encoded text."""
    found, encoded = part(facts, "tokenizer"), part(facts, "encode")
    if not found and not encoded:
        return None
    train, holdout = part(encoded, "train"), part(encoded, "holdout")
    return {
        "vocabulary": count(found["vocabulary"]) if found.get("vocabulary") else "",
        "partial": share(found["partial_share"]) if finite(found.get("partial_share")) else "",
        "fertility": [
            {
                "language": language_name(language, tag),
                "characters": f"{row['characters_per_token']:.2f}" if finite(row.get("characters_per_token")) else "–",
                "bytes": f"{row['bytes_per_token']:.2f}" if finite(row.get("bytes_per_token")) else "–",
                "sample": size(part(found, "sample_bytes").get(tag, 0)),
            }
            for tag, row in sorted(part(found, "fertility").items())
        ],
        "sample": [tag for tag, _ in largest(part(found, "sample_bytes"), 6)],
        "examples": [
            {
                "tag": str(example.get("language") or ""),
                "language": language_name(language, str(example.get("language") or "und")),
                "tokens": [
                    shown(token) for token in surfaces(str(example.get("text", "")), example.get("tokens") or [])[:TOKENS]
                ],
                "count": count(len(example.get("tokens") or [])),
                "characters": count(len(str(example.get("text", "")))),
            }
            for example in entries(facts, "tokenizer", "examples")[:EXAMPLES]
        ],
        "train_tokens": short(language, train["tokens"]) if train.get("tokens") else "",
        "train_documents": count(train.get("documents", 0)),
        "use": _use(part(encoded, "use")),
        "sources": [_source(language, name, row) for name, row in sorted(part(train, "sources").items())][:SOURCES],
        "holdout_tokens": short(language, holdout["tokens"]) if holdout.get("tokens") else "",
    }


def _source(language: Language, name: str, row: Mapping[str, Any]) -> dict[str, str]:
    each = row["bytes"] / max(1, row["tokens"])
    return {"name": clip(name, 60), "bytes": f"{each:.2f}", "tokens": short(language, row["tokens"])}


def _use(found: Mapping[str, Any]) -> dict[str, str]:
    """How many tokens of the vocabulary the training text hardly has."""
    return {name: count(value) for name, value in found.items() if finite(value)}


def surfaces(text: str, tokens: list[str]) -> list[str]:
    """Tokens as the text they stand for; byte-level tokens are decoded, a token inside a character shows its bytes."""
    letters = byte_alphabet()
    if "".join(tokens) == text or not all(letter in letters for token in tokens for letter in token):
        return [str(token) for token in tokens]
    decoded = []
    for token in tokens:
        raw = bytes(letters[letter] for letter in token)
        try:
            decoded.append(raw.decode("utf-8"))
        except UnicodeDecodeError:
            decoded.append("".join(f"⟨{byte:02X}⟩" for byte in raw))
    return decoded


def shown(token: str) -> str:
    """A token with its spaces visible."""
    return visible(clip(token, 60)).replace(" ", "␣") or "∅"
