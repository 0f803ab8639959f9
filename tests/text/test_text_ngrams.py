"""The n-gram model against modified Kneser-Ney written down plainly from its definition, on random text."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from danlu.text import ngrams
from danlu.text.kernels.ngrams import extend
from danlu.text.kernels.tokens import BOUNDARY, UNKNOWN

END, UNK = "</s>", "<unk>"  # the end of a line is also what stands before its first word
Gram = tuple[str, ...]


class Plain:
    """Interpolated modified Kneser-Ney over lines of words, n-grams of three words and more that came once pruned."""

    def __init__(self, lines: list[list[str]], order: int) -> None:
        often = Counter(word for line in lines for word in line)
        lines = [[END, *(word if often[word] > 1 else UNK for word in line), END] for line in lines]
        self.order = order
        self.raw: list[Counter[Gram]] = [Counter() for _ in range(order + 1)]
        for line in lines:
            for size in range(1, order + 1):
                for end in range(max(size, 2), len(line) + 1):
                    self.raw[size][tuple(line[end - size : end])] += 1
        self.words = sorted({gram[0] for gram in self.raw[1]} | {UNK})
        self.adjusted: list[Counter[Gram]] = [Counter() for _ in range(order + 1)]
        self.adjusted[order] = self.raw[order]
        for size in range(1, order):
            for gram in self.raw[size + 1]:
                self.adjusted[size][gram[1:]] += 1
            for gram in self.raw[size]:
                if size > 1 and gram[0] == END:  # nothing stands before the beginning of a line
                    self.adjusted[size][gram] = self.raw[size][gram]
        self.discounts = [self._discounts(counts) for counts in self.adjusted]
        self.following: dict[Gram, dict[str, int]] = defaultdict(dict)
        for counts in self.adjusted:
            for gram, number in counts.items():
                self.following[gram[:-1]][gram[-1]] = number

    @staticmethod
    def _discounts(counts: Counter[Gram]) -> list[float]:
        n = Counter(counts.values())
        if not all(n[size] for size in (1, 2, 3, 4)):
            return [0.0, 0.5, 1.0, 1.5]
        y = n[1] / (n[1] + 2 * n[2])
        found = [0.0, 1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]]
        return found if all(0 < found[size] <= size for size in (1, 2, 3)) else [0.0, 0.5, 1.0, 1.5]

    def probability(self, word: str, context: Gram) -> float:
        size = len(context) + 1
        shorter = 1 / len(self.words) if size == 1 else self.probability(word, context[1:])
        following = self.following.get(context)
        if not following:
            return shorter
        total, found, rest = sum(following.values()), 0.0, 0.0
        for other, number in following.items():
            keeps = size <= 2 or self.raw[size][(*context, other)] > 1
            share = number - self.discounts[size][min(number, 3)] if keeps else 0.0
            rest += number - share
            if other == word:
                found = share
        return found / total + rest / total * shorter


def random_lines(seed: int, words: int, lines: int) -> list[list[str]]:
    """Text with a grammar of sorts: each word has its own followers, frequent and rare ones."""
    random = np.random.default_rng(seed)
    names = [f"w{chr(97 + place // 26)}{chr(97 + place % 26)}" for place in range(words)]
    follow = random.integers(0, words, (words, 6))
    made = []
    for _ in range(lines):
        at, line = int(random.zipf(1.6) % words), []
        for _ in range(random.integers(1, 12)):
            line.append(names[at])
            at = int(follow[at, min(int(random.zipf(1.7)) - 1, 5)] if random.random() < 0.8 else random.integers(0, words))
        made.append(line)
    return made


def as_bytes(lines: list[list[str]]) -> np.ndarray:
    return np.frombuffer("\n".join(" ".join(line) for line in lines).encode(), np.uint8)


def hashes(words: list[str]) -> dict[str, np.uint64]:
    found = ngrams.tokens_of(as_bytes([[word] for word in words]))[0]
    return {**dict(zip(words, found[1::2], strict=True)), END: BOUNDARY, UNK: UNKNOWN}


@pytest.mark.parametrize("seed, words, order", [(0, 12, 3), (1, 60, 4), (2, 30, 5), (3, 6, 2)])
def test_probabilities_are_those_of_the_definition_and_sum_to_one(seed: int, words: int, order: int) -> None:
    lines = random_lines(seed, words, 150)
    plain = Plain(lines, order)
    _, estimates = ngrams.train(as_bytes(lines), order)
    known = hashes([word for word in plain.words if word not in (END, UNK)])
    tables = [{int(key): (float(p), float(w)) for key, p, w in zip(*one, strict=True) if p > 0} for one in estimates]

    @cache
    def key(gram: Gram) -> int:
        value = known[gram[-1]]
        for word in reversed(gram[:-1]):
            value = extend(np.uint64(value), known[word])
        return int(value)

    def probability(word: str, context: Gram) -> float:
        found = tables[len(context)].get(key((*context, word)))
        if found:
            return found[0]
        weight = tables[len(context) - 1].get(key(context), (0.0, 1.0))[1]
        return weight * probability(word, context[1:])

    contexts = {gram[:-1] for size in range(1, order + 1) for gram in plain.raw[size]}
    contexts |= {(plain.words[-1],) * (order - 1), (UNK, UNK)[: order - 1], (END, UNK)[: order - 1]}
    for context in sorted(contexts)[:: 1 if words < 20 else 7]:
        ours = [probability(word, context) for word in plain.words]
        assert ours == pytest.approx([plain.probability(word, context) for word in plain.words], rel=1e-9)
        assert sum(ours) == pytest.approx(1, rel=1e-9)


def test_a_text_costs_what_its_words_cost(tmp_path: Path) -> None:
    """Through the file, in texts longer than a chunk, with unknown words spelled out; texts not wanted have no score."""
    order = 4
    lines = random_lines(5, 80, 300)
    model, _ = ngrams.train(as_bytes(lines), order)
    plain = Plain(lines, order)
    ngrams.write_model(tmp_path / "m", model)
    read = ngrams.read_model(tmp_path / "m")
    fresh = random_lines(6, 80, 400)
    texts = [fresh[:1], fresh[1:3], [], fresh, [["zz", "waa"], ["Waa", "WAB"]]]
    data = [b"\n\n".join(" ".join(line).encode() for line in text) for text in texts]
    offsets = np.cumsum([0, *map(len, data)])
    scores = ngrams.score_buffers(read, np.frombuffer(b"".join(data), np.uint8), offsets)
    for place, text in enumerate(texts):
        want, spelled, unknown = 0.0, 0.0, 0
        for line in text:
            before = [END]
            for word in [*(word.lower() for word in line), END]:
                name = word if word in plain.words else UNK
                if name == UNK:
                    unknown += 1
                    letters = [256, *word.encode(), 256]
                    spelled += sum(float(read.spelling[a, b]) for a, b in pairwise(letters))
                want -= math.log2(plain.probability(name, tuple(before[-(order - 1) :])))
                before.append(name)
        tokens = sum(len(line) + 1 for line in text)
        assert scores.tokens[place] == tokens
        assert scores.words[place] == sum(len(line) for line in text)
        assert scores.unknown[place] == unknown
        assert scores.characters[place] == len(data[place])
        assert scores.bits[place] == pytest.approx(want + spelled, abs=1e-3 * (tokens + 1) * order)
    wanted = np.array([True, False, True, False, True])
    some = ngrams.score_buffers(read, np.frombuffer(b"".join(data), np.uint8), offsets, wanted)
    assert np.array_equal(np.isnan(some.bits), ~wanted)
    assert np.array_equal(some.bits[wanted], scores.bits[wanted])
    assert np.exp2(-read.spelling).sum(axis=1) == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize(
    "text, same",
    [
        ("Don’t PANIC!!! 42 times", "don't panic! 17 times"),
        ("天气很好，出去走走。", "天气很好,出去走走."),
        ("ＡＢＣ１２３", "abc456"),
        ("a\n\n \nb", "a\nb\n"),
    ],
)
def test_what_counts_as_the_same_tokens(text: str, same: str) -> None:
    ours, theirs = (ngrams.tokens_of(np.frombuffer(one.encode(), np.uint8))[0].tolist() for one in (text, same))
    assert ours == theirs


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("It's 3.5% of x_1", ["It's", "3", ".", "5", "%", "of", "x", "_", "1"]),
        ("我们爱GPT-4。", ["我", "们", "爱", "GPT", "-", "4", "。"]),
        ("naïve Straße 東京タワー 안녕", ["naïve", "Straße", "東", "京", "タ", "ワ", "ー", "안녕"]),
        ("— wait ... what", ["—", "wait", "...", "what"]),
        ("the 'quoted' dogs' bone", ["the", "'", "quoted", "'", "dogs", "'", "bone"]),
    ],
)
def test_tokens_of_a_line(text: str, tokens: list[str]) -> None:
    data = text.encode()
    _, starts, ends = ngrams.tokens_of(np.frombuffer(data, np.uint8))
    found = [data[start:end].decode() for start, end in zip(starts[1:-1], ends[1:-1], strict=True)]
    assert found == tokens


def test_broken_bytes_are_read_to_their_end() -> None:
    random = np.random.default_rng(0)
    for size in (0, 1, 2, 3, 50, 3000):
        data = random.integers(0, 256, size).astype(np.uint8)
        model, _ = ngrams.train(data, 3)
        scores = ngrams.score_buffers(model, data, np.array([0, size]))
        assert np.isfinite(scores.bits[0])
