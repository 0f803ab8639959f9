"""Measures against plain reference implementations on random text, and by hand in both languages."""

from __future__ import annotations

import random
import re
from collections import Counter

import numpy as np
import pytest

from danlu.text.buffers import string_buffers, word_hashes
from danlu.text.characters import ALONE, BROKEN, CYRILLIC, DIGIT, HAN, LATIN, LETTER, MARK, SPACE, kinds_table
from danlu.text.kernels.makeup import KINDS, count_kinds
from danlu.text.kernels.table import find_firsts, new_table
from danlu.text.measures import measure
from danlu.text.sizes import HAN_SIZES, REPEAT_SIZES, TOP_SIZES

WORD = re.compile(r"[\u4e00-\u9fff]|[A-Za-z0-9]+(?:'[A-Za-z]+)*")


def words_of(text: str) -> list[str]:
    return [word.lower() for word in WORD.findall(text)]


def top_share(words: list[str], size: int) -> float:
    grams = Counter(tuple(words[i : i + size]) for i in range(len(words) - size + 1))
    total = sum(map(len, words))
    return min(1.0, max((sum(map(len, gram)) * count for gram, count in grams.items() if count > 1), default=0) / max(total, 1))


def repeated_share(words: list[str], size: int) -> float:
    seen: set[tuple[str, ...]] = set()
    covered = [False] * len(words)
    for i in range(len(words) - size + 1):
        gram = tuple(words[i : i + size])
        if gram in seen:
            covered[i : i + size] = [True] * size
        seen.add(gram)
    return sum(len(word) for word, inside in zip(words, covered, strict=True) if inside) / max(sum(map(len, words)), 1)


def random_texts(seed: int, *, han: bool) -> list[str]:
    random.seed(seed)
    vocabulary = list("的是好看书电影不") if han else ["a", "the", "of", "Movie", "it's", "12", "very"]
    texts = ["", "!!!", "\n \n"]
    for _ in range(60):
        words = [random.choice(vocabulary) for _ in range(random.randrange(80))]
        if random.random() < 0.4:
            words = words[:30] * random.randrange(1, 5)
        texts.append(("" if han else " ").join(word + random.choice(["", "", "", "，", ".\n", "\n\n"]) for word in words))
    return texts


@pytest.mark.parametrize("han", [False, True])
def test_n_grams_agree_with_the_reference(han: bool) -> None:
    texts = random_texts(7, han=han)
    found = measure(texts, han=han)
    for size in (*TOP_SIZES, *REPEAT_SIZES):
        units = HAN_SIZES[size] if han else size
        name, reference = (f"top_{size}_gram", top_share) if size in TOP_SIZES else (f"repeated_{size}_gram", repeated_share)
        assert found[name] == pytest.approx([reference(words_of(text), units) for text in texts]), name


@pytest.mark.parametrize("han", [False, True])
def test_words_lines_and_repeats_agree_with_the_reference(han: bool) -> None:
    texts = random_texts(11, han=han)
    found = measure(texts, han=han)
    for row, text in enumerate(texts):
        words = words_of(text)
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        blocks = [block.strip() for block in re.split(r"\n\s*\n", text) if block.strip()]
        assert found["words"][row] == len(words)
        assert found["lines"][row] == len(lines)
        assert found["short_words"][row] == pytest.approx(np.mean([len(word) for word in words]) if words else 0)
        assert found["distinct_words"][row] == pytest.approx(len(set(words[:100])) / len(words[:100]) if words else 1)
        for name, parts in (("lines", lines), ("paragraphs", blocks)):
            again = [part in parts[:index] for index, part in enumerate(parts)]
            assert found[f"repeated_{name}"][row] == pytest.approx(np.mean(again) if parts else 0)
        again = [line in lines[:index] for index, line in enumerate(lines)]
        share = sum(len(line) for line, old in zip(lines, again, strict=True) if old) / max(1, sum(map(len, lines)))
        assert found["repeated_line_characters"][row] == pytest.approx(share)


def test_a_text_is_measured_alike_alone_and_among_others() -> None:
    texts = [*random_texts(3, han=False), "Don’t stop; it's 3.5 miles 远。", "http://x.org/a see", "# # ..."]
    together = measure(texts, han=False)
    for row, text in enumerate(texts):
        for name, values in measure([text], han=False).items():
            assert values[0] == together[name][row], name


def test_places_of_equal_keys_as_often_as_the_table_is_used() -> None:
    random.seed(13)
    table, firsts = new_table(90), np.empty(90, np.int32)
    for use in range(40):
        if use == 20:
            table[0] = (1 << 31) - 300  # soon its numbers are used up, and it begins anew
        # Few keys, half of them with equal upper bits, which want one slot.
        keys = np.array([random.randrange(30) << random.choice([0, 58]) for _ in range(90)], np.uint64)
        places = np.array(sorted(random.sample(range(90), random.randrange(91))), np.int32)
        find_firsts(keys, places, len(places), table, firsts)
        for place in places.tolist():
            assert firsts[place] == next(before for before in places.tolist() if keys[before] == keys[place])


@pytest.mark.parametrize("count", [0, 1, 3, 4, 1019, 1020, 1021, 5000])
def test_kinds_are_counted_as_one_by_one(count: int) -> None:
    kinds = np.random.default_rng(count).integers(0, 1 << 16, count // 4 * 4 + 4).astype(np.uint16)
    told, counts = kinds[:count].copy(), np.empty(KINDS, np.int64)
    runs = count_kinds(kinds, count, counts)
    assert counts.tolist() == [int((told >> bit & 1).sum()) for bit in range(KINDS)]
    marks = np.append(False, told & MARK != 0)
    assert runs == (marks[1:] & ~marks[:-1]).sum()


def test_words_of_both_languages() -> None:
    texts = ["Don't 你好 GPT4 it’s 3.5 カナ", "’tis 'quoted'", ""]
    words = [["don't", "你", "好", "gpt4", "it’s", "3", "5", "カ", "ナ"], ["tis", "quoted"], []]
    hashes, firsts = word_hashes(*string_buffers(texts))
    assert firsts.tolist() == [0, 9, 11, 11]
    alone = [word_hashes(*string_buffers([word]))[0].tolist() for some in words for word in some]
    assert [[value] for value in hashes.tolist()] == alone
    assert len(set(hashes.tolist())) == 11


def test_kinds_of_characters() -> None:
    table = kinds_table()
    assert table[ord("a")] & (LETTER | LATIN | ALONE) == table[ord("é")] & (LETTER | LATIN | ALONE) == LETTER | LATIN
    assert table[ord("中")] == table[0x20000] == LETTER | HAN | ALONE
    assert table[ord("ア")] & (ALONE | HAN) == ALONE
    assert table[ord("Ж")] & (LETTER | CYRILLIC | LATIN) == LETTER | CYRILLIC
    assert table[ord("7")] == table[ord("７")] == DIGIT
    assert table[ord("　")] == table[ord("\n")] == SPACE
    assert table[0xFFFD] & table[0xE000] & table[0x0378] & BROKEN
    assert not table[0x1F600] & BROKEN


def test_measures_by_hand() -> None:
    english, chinese = "The end of it... see www.x.org/abc #1 ", "他在的书，与我。。。。。。!!!!!!"
    found = measure([english, "aaaaa b"], han=False)
    assert found["stop_words"].tolist() == [3, 0]
    assert found["hashes"][0] == pytest.approx(1 / 10)
    assert found["ellipses"][0] == pytest.approx(1 / 10)
    assert found["urls"][0] == pytest.approx(13 / len(english))
    assert found["character_runs"][1] == pytest.approx(5 / 6)
    assert found["script"].tolist() == [1, 1]
    found = measure([chinese, "三 GPT模型", "Ж中"], han=True)
    assert found["stop_words"][0] == 5
    assert found["character_runs"][0] == pytest.approx(12 / 19)
    assert found["letters"][0] == pytest.approx(6 / 7)
    assert found["script"] == pytest.approx([1, 9 / 12, 3 / 4])
    traditional = measure(["這是為與"], han=True)["stop_words"]
    assert traditional.tolist() == measure(["这是为与"], han=True)["stop_words"].tolist() == [4]
