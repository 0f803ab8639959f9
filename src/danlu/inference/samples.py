"""Samples to look at: texts a causal model writes, gaps an encoder fills. The same prompts and gaps for every model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from danlu.inference.generate import continuations
from danlu.inference.load import Loaded
from danlu.inference.masks import fill_mask
from danlu.metrics.number import rounded
from danlu.workspace.digest import digest_bytes

HAN = re.compile("[\u3400-\u9fff]")
SENTENCE = re.compile(r"[^。！？!?\n]+?(?:[。！？!?]+|[.](?=\s|$)|(?=\n)|$)")
PROMPT_CHARACTERS = {True: 12, False: 40}  # a prompt of Han, of spaced script: about eight words
SENTENCE_CHARACTERS = {True: (12, 60), False: (40, 160)}
NEW_TOKENS = 60
TEMPERATURE, TOP_P = 0.8, 0.95


@dataclass(frozen=True)
class Text:
    """A held-out text in its language."""

    language: str
    text: str


def is_han(language: str) -> bool:
    return language.partition("-")[0] in ("zh", "ja")


def prompt(text: Text) -> str:
    """The start of a text: whole words, within its first line."""
    most = PROMPT_CHARACTERS[is_han(text.language)]
    line = text.text.strip().split("\n", 1)[0]
    if len(line) <= most:
        return line
    start = line[:most]
    if not HAN.search(start) and not line[most].isspace() and " " in start:
        start = start.rsplit(" ", 1)[0]
    return start.rstrip()


def generated(loaded: Loaded, texts: Sequence[Text], seed: int, tokens: int = NEW_TOKENS) -> list[dict[str, Any]]:
    """What a causal model writes after the start of each text, at most `tokens` tokens."""
    prompts = [prompt(text) for text in texts]
    written = continuations(
        loaded.model, loaded.tokenizer, prompts, seeds=range(seed, seed + len(texts)), max_tokens=tokens,
        temperature=TEMPERATURE, top_p=TOP_P,
    )  # fmt: skip
    return [
        {"language": text.language, "prompt": start, "text": rest}
        for text, start, rest in zip(texts, prompts, written, strict=True)
    ]


def masks(loaded: Loaded, texts: Sequence[Text], top: int = 5) -> list[dict[str, Any]]:
    """How an encoder fills one gap in a sentence of each text; `text` shows the gap as the tokenizer's mask token.

    A text without a sentence that fits is left out.
    """
    found = []
    for text in texts:
        gap = gap_of(loaded, text)
        if gap is not None:
            shown, truth = gap
            answers = fill_mask(loaded.model, loaded.tokenizer, shown, top)[0]
            found.append(
                {"language": text.language, "text": shown, "truth": truth,
                 "answers": [{"token": answer.token, "probability": rounded(answer.probability)} for answer in answers]}
            )  # fmt: skip
    return found


def gap_of(loaded: Loaded, text: Text) -> tuple[str, str] | None:
    """A sentence of the text with one token masked, and that token; None if no sentence has one or fits the model's context."""
    gap = _gap(loaded.tokenizer, text)
    return gap if gap is not None and len(loaded.tokenizer(gap[0])["input_ids"]) <= loaded.context else None


def _gap(tokenizer: Any, text: Text) -> tuple[str, str] | None:
    """A sentence of the text with one token masked, and that token: a whole word or a Han word, chosen by digest."""
    sentence = _sentence(text)
    if sentence is None:
        return None
    coded = tokenizer(sentence, add_special_tokens=False, return_offsets_mapping=True)
    spans = [(start, end) for start, end in coded["offset_mapping"] if _is_word(sentence, start, end)]
    if not spans:
        return None
    start, end = spans[int(digest_bytes(sentence.encode(), 4), 16) % len(spans)]
    start += len(sentence[start:end]) - len(sentence[start:end].lstrip())  # a mask takes in the space before it
    return sentence[:start] + str(tokenizer.mask_token) + sentence[end:], sentence[start:end].strip()


def _is_word(sentence: str, start: int, end: int) -> bool:
    """Whether a token's span is worth guessing: Han, or a whole word of three letters or more; not at the very start."""
    piece = sentence[start:end]
    word = piece.strip()
    if start == 0 or not word.isalpha():
        return False
    if HAN.match(word):
        return True
    whole = (piece[0].isspace() or sentence[start - 1].isspace()) and (end == len(sentence) or not sentence[end].isalnum())
    return whole and len(word) > 2


def _sentence(text: Text) -> str | None:
    """The first sentence of a length that a person reads at once."""
    least, most = SENTENCE_CHARACTERS[is_han(text.language)]
    for match in SENTENCE.finditer(text.text):
        sentence = match[0].strip()
        if least <= len(sentence) <= most:
            return sentence
    return None
