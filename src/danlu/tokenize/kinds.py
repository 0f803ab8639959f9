"""The kinds of tokenizers that danlu trains: BPE, WordPiece and Unigram, each over bytes, so that no text is unknown to any.

All three have the special tokens at their ids, hold all bytes, and cut texts by the same borders first, so they differ in how they
choose and use tokens alone, and whatever reads token ids (the store, exact bits a byte) works with each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from danlu.recipe.tokenize import Digits, Kind
from danlu.tokens.files import added_tokens
from danlu.tokens.pieces import CONTINUES, byte_alphabet
from danlu.tokens.pretokenizer import splits
from danlu.tokens.special import SPECIAL

MOST_TOKEN_BYTES = 16  # five Chinese characters or an English word of fifteen letters: no phrases, no rows of dashes
WORD_CHARACTERS = 24
"""That WordPiece looks at together: it tries every end before it takes a token, so its time grows with the square of a run."""
NEVER = -1e6  # the score of a special token in a Unigram vocabulary: no text is ever cut into it


def train_tokenizer(texts: Iterator[str], vocabulary: int, kind: Kind = "bpe", digits: Digits = 3) -> dict[str, Any]:
    """The content of `tokenizer.json`: special tokens, the bytes, then what the texts teach, up to `vocabulary` tokens."""
    train = {"bpe": _bpe, "wordpiece": _wordpiece, "unigram": _unigram}[kind]
    return {**train(texts, vocabulary, splits(digits)), "added_tokens": added_tokens()}


def _bpe(texts: Iterator[str], vocabulary: int, cuts: tuple[str, ...]) -> dict[str, Any]:
    """Byte-level BPE as GPT-2's (Sennrich et al., 2016; Radford et al., 2019)."""
    trainer = trainers.BpeTrainer(max_token_length=MOST_TOKEN_BYTES, **_shared(vocabulary))
    return _trained(Tokenizer(models.BPE()), trainer, texts, cuts)


def _wordpiece(texts: Iterator[str], vocabulary: int, cuts: tuple[str, ...]) -> dict[str, Any]:
    """BERT's: the longest token that fits is taken first, and one inside a word is written with `##`.

    Its tokens are chosen as BPE's are, which `tokenizers` does under this name too; but its own trainer bounds no token and
    leaves out the bytes that the sample has not.
    """
    trainer = trainers.BpeTrainer(
        max_token_length=MOST_TOKEN_BYTES, continuing_subword_prefix=CONTINUES, **_shared(vocabulary)
    )
    # a `#` stands alone, so that no word begins with the mark
    cuts = ("#", *cuts, f"(?m:.){{1,{WORD_CHARACTERS}}}")
    content = _trained(Tokenizer(models.BPE(continuing_subword_prefix=CONTINUES)), trainer, texts, cuts)
    learned: dict[str, int] = content["model"]["vocab"]
    alphabet = sorted(byte_alphabet())
    tokens = dict.fromkeys([*SPECIAL, *alphabet, *map(CONTINUES.__add__, alphabet), *sorted(learned, key=learned.__getitem__)])
    content["model"] = {
        "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": CONTINUES,
        "max_input_chars_per_word": 4 * WORD_CHARACTERS, "vocab": {token: place for place, token in enumerate([*tokens][:vocabulary])},
    }  # fmt: skip
    content["decoder"] = {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": CONTINUES}, "content": ""}, content["decoder"],
    ]}  # fmt: skip
    return content


def _unigram(texts: Iterator[str], vocabulary: int, cuts: tuple[str, ...]) -> dict[str, Any]:
    """The likeliest way to cut a word, each token with a probability of its own (Kudo, 2018)."""
    trainer = trainers.UnigramTrainer(max_piece_length=MOST_TOKEN_BYTES, **_shared(vocabulary))
    content = _trained(Tokenizer(models.Unigram()), trainer, texts, cuts)
    pieces = content["model"]["vocab"]
    content["model"]["vocab"] = [[piece, NEVER if place < len(SPECIAL) else score] for place, (piece, score) in enumerate(pieces)]
    return content


def _shared(vocabulary: int) -> dict[str, Any]:
    return {
        "vocab_size": vocabulary, "special_tokens": list(SPECIAL), "initial_alphabet": sorted(byte_alphabet()),
        "show_progress": False,
    }  # fmt: skip


def _trained(tokenizer: Tokenizer, trainer: Any, texts: Iterator[str], cuts: tuple[str, ...]) -> dict[str, Any]:
    steps = [pre_tokenizers.Split(Regex(pattern), behavior="isolated") for pattern in cuts]
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*steps, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainer)
    content: dict[str, Any] = json.loads(tokenizer.to_str())
    return content
