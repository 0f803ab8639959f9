"""The kinds of tokenizers that danlu trains: BPE, WordPiece and Unigram, each over bytes, so that no text is unknown to any.

All three have the special tokens at their ids, hold all bytes, and cut texts by the same borders first, so they differ in how
they choose and use tokens alone, and whatever reads token ids (the store, exact bits a byte) works with each.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from danlu.recipe.tokenize import Digits, Kind
from danlu.tokens.alphabet import byte_alphabet
from danlu.tokens.files import added_tokens
from danlu.tokens.pieces import CONTINUES
from danlu.tokens.pretokenizer import splits
from danlu.tokens.special import SPECIAL
from danlu.workspace.errors import DanluError

MOST_TOKEN_BYTES = 16  # five Chinese characters or an English word of fifteen letters: no phrases, no rows of dashes
WORD_CHARACTERS = 24
"""That WordPiece looks at together: it tries every end before it takes a token, so its time grows with the square of a run."""
NEVER = -1e6  # the score of a special token in a Unigram vocabulary: no text is ever cut into it


def train_tokenizer(texts: Iterator[str], vocabulary: int, kind: Kind = "bpe", digits: Digits = 3) -> dict[str, Any]:
    """The content of `tokenizer.json`: special tokens, the bytes, then what the texts teach, up to `vocabulary` tokens; what is
    learned first, or likeliest, comes first."""
    model, learn = {
        "bpe": (models.BPE(), _bpe),
        "wordpiece": (models.BPE(), _wordpiece),
        "unigram": (models.Unigram(), _unigram),
    }[kind]
    tokenizer = Tokenizer(model)
    steps = [pre_tokenizers.Split(Regex(pattern), behavior="isolated") for pattern in _cuts(kind, digits)]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return {**learn(tokenizer, texts, vocabulary), "added_tokens": added_tokens()}


def _cuts(kind: Kind, digits: Digits) -> tuple[str, ...]:
    if kind != "wordpiece":
        return splits(digits)
    return ("#", *splits(digits), f"(?m:.){{1,{WORD_CHARACTERS}}}")  # a `#` stands alone: no word begins with the mark


def _bpe(tokenizer: Tokenizer, texts: Iterator[str], vocabulary: int) -> dict[str, Any]:
    """Byte-level BPE as GPT-2's (Sennrich et al., 2016; Radford et al., 2019)."""
    return _merged(tokenizer, texts, vocabulary, SPECIAL)


def _wordpiece(tokenizer: Tokenizer, texts: Iterator[str], vocabulary: int) -> dict[str, Any]:
    """BERT's: the longest token that fits is taken first, and one inside a word is written with `##`.

    Its tokens are chosen as BPE's are, which `tokenizers` does under this name too; but its own trainer bounds no token, leaves
    out the bytes that the sample has not, and numbers the marked ones by chance.
    """
    marked = [CONTINUES + byte for byte in sorted(byte_alphabet())]
    content = _merged(tokenizer, texts, vocabulary, [*SPECIAL, *marked], continuing_subword_prefix=CONTINUES)
    learned: dict[str, int] = content["model"]["vocab"]
    tokens = dict.fromkeys([*SPECIAL, *sorted(byte_alphabet()), *marked, *sorted(learned, key=learned.__getitem__)])
    content["model"] = {
        "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": CONTINUES,
        "max_input_chars_per_word": 4 * WORD_CHARACTERS, "vocab": {token: place for place, token in enumerate(tokens)},
    }  # fmt: skip
    unmark = {"type": "Replace", "pattern": {"String": CONTINUES}, "content": ""}
    content["decoder"] = {"type": "Sequence", "decoders": [unmark, content["decoder"]]}
    return content


def _merged(tokenizer: Tokenizer, texts: Iterator[str], vocabulary: int, first: Sequence[str], **more: Any) -> dict[str, Any]:
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=list(first), initial_alphabet=sorted(byte_alphabet()),
        max_token_length=MOST_TOKEN_BYTES, show_progress=False, **more,
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    content: dict[str, Any] = json.loads(tokenizer.to_str())
    return content


def _unigram(tokenizer: Tokenizer, texts: Iterator[str], vocabulary: int) -> dict[str, Any]:
    """The likeliest way to cut a word, each token with a probability of its own (Kudo, 2018), by sentencepiece.

    The trainer of `tokenizers` gives another vocabulary each time that it runs.
    """
    train = _sentencepiece()
    words = Counter(word for text in texts for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text))
    found = io.BytesIO()
    train(
        sentence_iterator=(f"{word}\t{count}" for word, count in sorted(words.items())), input_format="tsv", model_writer=found,
        model_type="unigram", vocab_size=vocabulary, hard_vocab_limit=False, max_sentencepiece_length=MOST_TOKEN_BYTES,
        character_coverage=1.0, normalization_rule_name="identity", add_dummy_prefix=False, remove_extra_whitespaces=False,
        split_by_unicode_script=False, split_by_number=False, split_by_whitespace=False, max_sentence_length=1 << 24,
        bos_id=-1, eos_id=-1, minloglevel=2, num_threads=1,  # with more threads the sums, and so the tokens, differ
    )  # fmt: skip
    scores = {
        piece: round(score, 6) for piece, score in _scores(found.getvalue()).items()
    }  # short enough that no reader changes them
    alphabet = sorted(byte_alphabet())
    rare = min(scores.values(), default=0.0) - 1
    longer = sorted((piece for piece in scores if len(piece) > 1), key=lambda piece: (-scores[piece], piece))
    ranked = [*((byte, scores.get(byte, rare)) for byte in alphabet), *((piece, scores[piece]) for piece in longer)]
    pairs = [*((token, NEVER) for token in SPECIAL), *ranked]
    content: dict[str, Any] = json.loads(tokenizer.to_str())
    content["model"] = {
        "type": "Unigram",
        "unk_id": None,
        "vocab": [list(pair) for pair in pairs[:vocabulary]],
        "byte_fallback": False,
    }
    return content


def _sentencepiece() -> Callable[..., None]:
    try:
        from sentencepiece import SentencePieceTrainer
    except ImportError as error:
        raise DanluError("tokenize.no-sentencepiece", where="tokenize.type") from error
    train: Callable[..., None] = SentencePieceTrainer.train
    return train


def _scores(model: bytes) -> dict[str, float]:
    """The log probability of each token of a model of sentencepiece."""
    from sentencepiece import SentencePieceProcessor

    found = SentencePieceProcessor(model_proto=model)
    return {
        found.id_to_piece(place): found.get_score(place)
        for place in range(found.get_piece_size())
        if not found.is_unknown(place)
    }
