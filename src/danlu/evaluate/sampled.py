"""Held-out texts to begin samples with."""

from __future__ import annotations

from danlu.documents.store import read_documents
from danlu.inference.samples import SENTENCE_CHARACTERS, Text, is_han
from danlu.workspace.artifact import Artifact
from danlu.workspace.digest import digest_bytes

RARE = 0.05  # share of the held-out documents; a language below it is not sampled


def held_out_texts(documents: Artifact, most: int) -> list[Text]:
    """About `most` held-out documents, languages in turn, each in the order of the documents' digests."""
    found: dict[str, list[tuple[str, str]]] = {}
    for batch in read_documents(documents / "holdout", ["digest", "language", "text"]):
        for digest, language, text in zip(*(batch.column(index).to_pylist() for index in range(3)), strict=True):
            if len(text) >= SENTENCE_CHARACTERS[is_han(language)][0]:
                kept = found.setdefault(language, [])
                kept.append((digest_bytes(f"sample\0{digest}".encode()), text))
    total = sum(map(len, found.values()))
    frequent = sorted(
        (language for language in found if len(found[language]) >= RARE * total), key=lambda tag: (-len(found[tag]), tag)
    )
    lists = [[Text(language, text) for _, text in sorted(found[language])[:most]] for language in frequent]
    return [texts[turn] for turn in range(most) for texts in lists if turn < len(texts)][:most]
