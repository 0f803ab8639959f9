"""What a tokenizer does with texts, beside plain counting, and tokens that no text gives."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from danlu.tokenize.kinds import train_tokenizer
from danlu.tokens import measure
from danlu.tokens.files import tokenizer_text
from danlu.tokens.measure import RARE, Text, measure_use, unreachable
from danlu.tokens.pieces import bytes_of_tokens
from danlu.tokens.special import SPECIAL

WORDS = ["tea", "house", "the", "old", "茶", "老人", "，", "fire", "𠀀", "é", "\n", " "]


def made_texts(seed: int, count: int) -> list[Text]:
    chosen = random.Random(seed)
    return [
        Text("".join(chosen.choices(WORDS, k=chosen.randint(0, 30))), chosen.choice(["en", "zh-Hans"]), chosen.choice("abc"))
        for _ in range(count)
    ]


def trained(texts: list[Text], vocabulary: int = 300) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([text.text for text in texts], trainer)
    return tokenizer


@pytest.mark.parametrize("batch", [1, 100, 4_000_000])
def test_use_is_what_plain_counting_gives(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "BATCH_BYTES", batch)
    texts = made_texts(1, 200)
    tokenizer = trained(texts)

    def encode(rows: Sequence[str]) -> list[list[int]]:
        return [tokenizer.encode(row).ids for row in rows]

    use = measure_use(iter(texts), encode, tokenizer.get_vocab_size())
    counts = Counter(index for text in texts for index in tokenizer.encode(text.text).ids)
    assert dict(enumerate(use.counts.tolist())) == {index: counts[index] for index in range(tokenizer.get_vocab_size())}
    for name, amounts in (("language", use.languages), ("source", use.sources)):
        for part, amount in amounts.items():
            mine = [text for text in texts if getattr(text, name) == part]
            assert amount.documents == len(mine)
            assert amount.characters == sum(len(text.text) for text in mine)
            assert amount.bytes == sum(len(text.text.encode()) for text in mine)
            assert amount.tokens == sum(len(tokenizer.encode(text.text).ids) for text in mine)
    ordinary = np.ones(tokenizer.get_vocab_size(), np.bool_)
    ordinary[5] = False
    others = [index for index in range(tokenizer.get_vocab_size()) if index != 5]
    assert use.unused(ordinary) == sum(counts[index] == 0 for index in others)
    assert use.rare(ordinary) == sum(0 < counts[index] < RARE for index in others)
    assert use.share(ordinary) == pytest.approx(1 - counts[5] / counts.total())


def test_no_text_is_nothing() -> None:
    use = measure_use([], lambda rows: [], 4)
    assert use.counts.tolist() == [0, 0, 0, 0]
    assert use.share(np.ones(4, np.bool_)) == 0


def test_a_token_that_no_merge_leads_to_is_unreachable() -> None:
    """And those that are part of a character are not called so: they have no text of their own."""
    vocabulary = {"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4, "bc": 5, "å": 6}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[("a", "b")]))
    data = [b"a", b"b", b"c", b"ab", b"abc", b"bc", b"\xe5"]

    def encode(rows: Sequence[str]) -> list[list[int]]:
        return [tokenizer.encode(row).ids for row in rows]

    assert unreachable(data, np.ones(7, np.bool_), encode) == [4, 5]
    assert unreachable(data, np.array([True] * 4 + [False] + [True] * 2), encode) == [5]


def test_a_token_inside_words_is_reached_after_a_letter() -> None:
    tokenizer = Tokenizer(models.WordPiece(vocab={"[UNK]": 0, "a": 1, "##ing": 2, "walk": 3, "##zz": 4}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    data = [b"", b" a", b"ing", b" walk", b"zz"]
    ordinary = np.array([False, True, True, True, True])
    assert unreachable(data, ordinary, lambda rows: [tokenizer.encode(row).ids for row in rows]) == []


def test_what_texts_have_is_never_called_unreachable() -> None:
    """WordPiece over bytes: its tokens inside a word stand after Chinese characters, digits, marks, spaces."""
    chosen = random.Random(5)
    words = ["今天", "天气", "很好", "公园", "a", "the", "weather", "12", "345", "。", "！！", "  ", "\n", "#", "x_1"]
    words.append("\x01\x02")
    texts = ["".join(chosen.choices(words, k=chosen.randint(1, 40))) for _ in range(2000)]
    content = train_tokenizer(iter(texts), 1000, "wordpiece")
    tokenizer = Tokenizer.from_str(tokenizer_text({**content, "added_tokens": []}))

    def encode(rows: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in tokenizer.encode_batch(list(rows))]

    pieces = bytes_of_tokens(content)
    ordinary = np.arange(len(pieces)) >= len(SPECIAL)
    lost = {tokenizer.id_to_token(index) for index in unreachable(pieces, ordinary, encode)}
    assert not lost & {tokenizer.id_to_token(index) for row in encode(texts) for index in row}
    assert lost == {"###"}, "a mark that always stands alone is never inside a word"
