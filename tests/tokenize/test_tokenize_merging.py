"""Continued byte-pair encoding equals the textbook's: count all pairs of the whole text anew for each token."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.tokenize.merging import continue_merges

NAMES = ["a", "b", "c", "ab", "ca"]
LONGEST = 6
Words = dict[tuple[int, ...], int]


def join(left: str, right: str) -> str | None:
    name = left + right
    return name if len(name) <= LONGEST else None


def slow(words: Words, names: list[str], most: int, least: int, steps: bool) -> tuple[list[tuple[int, int]], dict[str, int]]:
    """The pairs that are joined, and how often each new token is left."""
    names, old = [*names], set(names)
    text = [(list(word), count) for word, count in words.items()]
    pairs: list[tuple[int, int]] = []
    while True:
        left = {name: sum(word.count(index) * n for word, n in text) for index, name in enumerate(names) if name not in old}
        if (len(left) if steps else sum(count >= least for count in left.values())) >= most:
            return pairs, left
        counts: Counter[tuple[int, int]] = Counter()
        for word, count in text:
            for pair in pairwise(word):
                counts[pair] += count
        allowed = {
            pair: count
            for pair, count in counts.items()
            if count >= least and len(name := names[pair[0]] + names[pair[1]]) <= LONGEST and name not in old
        }
        if not allowed:
            return pairs, left
        best = min(allowed, key=lambda pair: (-allowed[pair], pair))
        name = names[best[0]] + names[best[1]]
        if name not in names:
            names.append(name)
        pairs.append(best)
        for word, _ in text:
            place = 0
            while place < len(word) - 1:
                if (word[place], word[place + 1]) == best:
                    word[place : place + 2] = [names.index(name)]
                place += 1


TEXTS = st.dictionaries(st.lists(st.integers(0, len(NAMES) - 1), max_size=14).map(tuple), st.integers(1, 30), max_size=12)


@settings(deadline=None, max_examples=400)
@given(TEXTS, st.integers(1, 12), st.integers(1, 20), st.booleans())
def test_it_is_the_slow_one(words: Words, most: int, least: int, steps: bool) -> None:
    heard: list[int] = []
    found = continue_merges(words, NAMES, join, most, least, steps, heard.append)
    pairs, left = slow(words, NAMES, most, least, steps)
    expected = left if steps else {name: count for name, count in left.items() if count >= least}
    assert found.pairs == (pairs if steps else [])
    assert [(token.name, token.used) for token in found.tokens] == [*expected.items()]
    assert found.before.tolist() == [sum(word.count(index) * n for word, n in words.items()) for index in range(len(NAMES))]
    assert len(found.tokens) <= sum(heard) <= most
    for token in found.tokens:
        assert "".join(NAMES[part] for part in token.parts) == token.name
        assert 0 < token.share <= 1


def test_names_that_are_there_are_left_alone_and_two_ways_to_one_name_are_one_token() -> None:
    names = ["a", "b", "c", "ab", "bc"]
    found = continue_merges({(0, 1): 50, (3, 2): 30, (0, 4): 20}, names, join, 5, 1, steps=True)
    assert [token.name for token in found.tokens] == ["abc"]
    assert found.pairs == [(3, 2), (0, 4)]
    assert found.tokens[0].used == 50
    assert found.tokens[0].parts == (3, 2)


PROGRAM = """
from danlu.tokenize.merging import continue_merges
import random
draw = random.Random(5)
words = {tuple(draw.choices(range(40), k=9)): draw.randint(1, 9) for _ in range(400)}
names = [chr(97 + index) for index in range(40)]
made = continue_merges(words, names, lambda a, b: a + b if len(a + b) < 9 else None, 300, 2, True)
print(made.pairs, made.tokens)
"""


def test_two_processes_learn_the_same() -> None:
    told = [subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True).stdout for _ in range(2)]
    assert told[0] == told[1]
    assert len(told[0]) > 1000
