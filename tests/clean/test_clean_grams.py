"""Decontamination by runs of words: recall and precision by injection, short items, files of evaluation sets."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from danlu.clean.evaluations import evaluation_digests, evaluation_items
from danlu.clean.grams import GramIndex, find_overlaps, index_grams
from danlu.clean.overlap import WAYS, Finds, Item, find_items, index_items
from danlu.recipe.clean import CleanConfig, DecontaminateConfig, EvaluationFile
from danlu.text.buffers import string_buffers, word_hashes
from danlu.text.canonical import canonical
from danlu.text.forms import canonical_forms, digests
from danlu.workspace.errors import DanluError

SHARE = DecontaminateConfig().share
Change = Callable[[random.Random, list[str], list[str]], list[str]]
PHRASES = {
    "en": re.findall("[a-z]+", "which of the following statements about the use of this work is not true at all"),
    "zh": list("根据中华人民共和国相关法律法规的规定下列说法不正确的是"),
}


class Found(NamedTuple):
    """The first find of a text."""

    owner: str
    way: str
    share: float = 1.0


NOTHING = Found("", "")


def firsts(items: Sequence[Item], finds: Finds, texts: list[str]) -> list[Found]:
    found = [NOTHING] * len(texts)
    for document, item, way, share in reversed(list(zip(*(column.tolist() for column in finds), strict=True))):
        found[document] = Found(items[item].owner, WAYS[way], share)
    return found


def overlaps(index: GramIndex, texts: list[str], share: float = SHARE) -> list[Found]:
    return firsts(index.items, find_overlaps(index, *word_hashes(*string_buffers(texts)), share), texts)


def both_ways(items: list[Item], texts: list[str]) -> list[Found]:
    """What the stage does: word for word first, then by runs of words."""
    data, ends = canonical_forms(*string_buffers(texts))
    held = index_items([canonical(item.text) for item in items])
    exact = find_items(held, pa.chunked_array([texts], pa.large_string()), data, ends, digests(data, ends))
    by_runs = find_overlaps(index_grams(items), *word_hashes(*string_buffers(texts)), SHARE)
    return firsts(items, Finds.join([exact, by_runs]), texts)


def vocabulary(language: str, made: random.Random) -> list[str]:
    if language == "zh":
        return [chr(made.randrange(0x4E00, 0x9F00)) for _ in range(3000)]
    return ["".join(made.choices("abcdefghijklmnopqrstuvwxyz", k=made.randrange(2, 9))) for _ in range(5000)]


def written(language: str, words: list[str], made: random.Random) -> str:
    """Words as a text: with marks here and there, and in English with capitals."""
    marks = "，。！" if language == "zh" else ",.!"
    pieces = [word + (made.choice(marks) if made.random() < 0.1 else "") for word in words]
    return ("" if language == "zh" else " ").join(pieces)


def partly(quoted: float) -> Change:
    def change(made: random.Random, words: list[str], others: list[str]) -> list[str]:
        size = round(quoted * len(words))
        start = made.randrange(len(words) - size + 1)
        return words[start : start + size]

    return change


def one_in(many: int) -> Change:
    def change(made: random.Random, words: list[str], others: list[str]) -> list[str]:
        changed = list(words)
        for place in made.sample(range(len(words)), max(1, round(len(words) / many))):
            changed[place] = made.choice(others)
        return changed

    return change


# What is done to an item before it is put into a text, and the least recall. A word of English is 1.6 characters of Chinese, so
# that one word in twenty is one character in 32.
CHANGES: dict[str, tuple[Change, float]] = {
    "verbatim": (lambda made, words, others: words, 1.0),
    "three quarters quoted": (partly(0.75), 0.97),
    "one word in twenty changed": (one_in(20), 0.85),
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_recall_and_precision_by_injection(language: str) -> None:
    made = random.Random(8)
    words = vocabulary(language, made)
    sizes = [made.randrange(13, 90) if language == "en" else made.randrange(20, 150) for _ in range(400)]
    # A third of the items begins with a phrase that texts of all kinds have.
    items = [[*(PHRASES[language] if row % 3 == 0 else []), *made.choices(words, k=size)] for row, size in enumerate(sizes)]
    index = [Item(str(row), written(language, item, made)) for row, item in enumerate(items)]
    for name, (change, least) in CHANGES.items():
        if language == "zh" and "twenty" in name:
            change = one_in(32)
        texts = []
        for item in items:
            around = [made.choices(words, k=60), made.choices(words, k=60)]
            quoted = written(language, change(made, item, words), made)
            texts.append(" ".join([written(language, around[0], made), quoted.upper(), written(language, around[1], made)]))
        found = both_ways(index, texts)
        right = sum(each.owner == str(row) for row, each in enumerate(found))
        assert right >= least * len(items), (name, right)
        assert right == sum(each is not NOTHING for each in found)  # and none is taken for another
    negatives = [
        written(language, [*made.choices(words, k=50), *PHRASES[language], *made.choices(words, k=50)], made)
        for _ in range(2000)
    ]
    # A few words of an item in a row are no reason.
    negatives += [
        written(language, [*made.choices(words, k=50), *item[5:9], *made.choices(words, k=50)], made) for item in items
    ]
    assert [found for found in both_ways(index, negatives) if found is not NOTHING] == []


def test_share_against_sets_of_runs() -> None:
    """Brute force: the share is that of the item's distinct runs that are among the document's runs."""
    made = random.Random(4)
    words = ["ka", "lo", "mi", "pe", "su"]  # few enough for runs by chance, too many for phrases
    items = [made.choices(words, k=made.randrange(13, 60)) for _ in range(40)]
    texts = [made.choices(words, k=made.randrange(200)) + made.choice(items)[: made.randrange(60)] for _ in range(200)]

    def runs(tokens: list[str], size: int) -> set[tuple[str, ...]]:
        return {tuple(tokens[at : at + size]) for at in range(len(tokens) - size + 1)}

    found = overlaps(
        index_grams([Item(str(row), " ".join(item)) for row, item in enumerate(items)]),
        [" ".join(text) for text in texts],
        0.05,
    )
    hits = 0
    common = [run for run, many in Counter(run for item in items for run in runs(item, 6)).items() if many > 8]
    assert common == []
    for text, got in zip(texts, found, strict=True):
        shares = {}
        for row, item in enumerate(items):
            own = runs(item, 6)
            shares[str(row)] = len(own & runs(text, 6)) / len(own)
        best = max(shares.values())
        assert (got.share == pytest.approx(best) and shares[got.owner] == best) if best >= 0.05 else got is NOTHING
        hits += best >= 0.05
    assert hits > 50


def test_width_case_and_marks_do_not_count() -> None:
    english = "Permission was granted to nobody but the three old sailors who had once seen the whale with their own eyes."
    chinese = "一九九八年的春天，三个老水手在北方的海边看见了那条鲸鱼，可是村里没有一个人相信他们说的话。"
    index = index_grams([Item("en", english), Item("zh", chinese)])
    texts = [
        "“" + english.upper().replace(" ", " ¶ ").replace("WITH THEIR OWN EYES", "through glasses") + "”",
        "前言：" + chinese.replace("，", " ").replace("说的话", "")[:38] + "完",
        "三个老水手在海边。",
    ]
    assert [found.owner for found in overlaps(index, texts)] == ["en", "zh", ""]


def test_short_items_need_their_answer_or_a_line_of_their_own() -> None:
    items = [
        Item("quiz", "What is the capital of Mongolia?", "Ulan Bator"),
        Item("quiz", "蒙古国的首都是哪里？", "乌兰巴托"),
        Item("open", "Who wrote the old song?"),
        Item("letters", "Which of these is a fish?", "A"),
    ]
    texts = [
        "Trivia again. Q: What is the capital of Mongolia? A: It is ULAN BATOR, of course. Next question.",
        "小测验：蒙古国的首都是哪里？答案是乌兰巴托。下一题。",
        "He asked what is the capital of Mongolia, and nobody in the room could say.",
        "His answer, Ulan Bator, stood far from it. " + "Other words stand here. " * 20 + "What is the capital of Mongolia?",
        "Someone asked: who wrote the old song? and went away.",
        "They asked.\nWho wrote the old song?\nNobody knew.",
        "Look at the question: which of these is a fish? A good one to ask.",
    ]
    found = both_ways(items, texts)
    assert [each.owner for each in found] == ["quiz", "quiz", "", "", "", "open", ""]
    assert [each.way for each in found if each.owner] == ["answer", "answer", "line"]


def test_no_items_and_no_words() -> None:
    index = index_grams([Item("a", "..."), Item("a", "")])
    assert overlaps(index, ["", "x y z " * 20]) == [NOTHING, NOTHING]
    assert overlaps(index_grams([Item("a", "one two three " * 10)]), ["", "..."]) == [NOTHING, NOTHING]
    assert np.array_equal(index.sizes, [])


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".json", ".csv", ".tsv", ".parquet", ".txt"])
def test_items_of_files(tmp_path: Path, suffix: str) -> None:
    rows = [{"question": "谁写了这首歌？", "answer": "李白"}, {"question": 'Who said "no"?', "answer": "he"}]
    path = tmp_path / f"set{suffix}"
    if suffix.startswith(".jsonl"):
        data = "\ufeff" + "".join(json.dumps(row, ensure_ascii=False) + "\n\n" for row in rows)
        path.write_bytes(gzip.compress(data.encode()) if suffix.endswith(".gz") else data.encode())
    elif suffix == ".json":
        path.write_text(json.dumps(rows), encoding="utf-8")
    elif suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif suffix == ".txt":
        path.write_text('谁写了这首歌？\n\nWho said "no"?\r\n', encoding="utf-8")
    else:
        mark = "," if suffix == ".csv" else "\t"
        path.write_text(f'question{mark}answer\n谁写了这首歌？{mark}李白\n"Who said ""no""?"{mark}he\n', encoding="utf-8")
    items = list(evaluation_items(EvaluationFile(path=path.name), tmp_path))
    answers = ["", ""] if suffix == ".txt" else ["李白", "he"]
    assert items == [("谁写了这首歌？", answers[0]), ('Who said "no"?', answers[1])]


def test_columns_by_name_and_answers_in_lists(tmp_path: Path) -> None:
    path = tmp_path / "squad.jsonl"
    path.write_text('{"q": "Where?", "p": "A place.", "a": {"text": ["here", "there"], "start": [1, 2]}}\n', encoding="utf-8")
    file = EvaluationFile(path="squad.jsonl", text=("q", "p"), answer="a")
    assert list(evaluation_items(file, tmp_path)) == [("Where?", "here"), ("A place.", "here")]


@pytest.mark.parametrize(
    "name, data, key",
    [
        ("a.jsonl", '{"x": 1}\n', "clean.evaluation-column"),
        ("a.jsonl", '{"text": "b"}\n{broken\n', "clean.evaluation-broken"),
        ("a.jsonl", "[1]\n", "clean.evaluation-broken"),
        ("a.csv.gz", "not packed", "clean.evaluation-broken"),
        ("a.doc", "", "clean.evaluation-format"),
        ("", "", "collect.file-missing"),
    ],
)
def test_errors_say_what_and_where(tmp_path: Path, name: str, data: str, key: str) -> None:
    if name:
        (tmp_path / name).write_text(data, encoding="utf-8")
    with pytest.raises(DanluError) as caught:
        list(evaluation_items(EvaluationFile(path=name or "none.jsonl"), tmp_path))
    assert caught.value.key == key
    assert all(caught.value.explain(language)["remedy"] for language in ("en", "zh"))


def test_a_changed_file_is_another_input(tmp_path: Path) -> None:
    config = CleanConfig.model_validate({"decontaminate": {"files": ["a.txt", {"path": "b.txt", "name": "mine"}]}})
    (tmp_path / "a.txt").write_text("one\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("two\n", encoding="utf-8")
    before = evaluation_digests(config, tmp_path)
    assert list(before) == ["evaluation:a.txt", "evaluation:mine"]
    (tmp_path / "b.txt").write_text("three\n", encoding="utf-8")
    after = evaluation_digests(config, tmp_path)
    assert after["evaluation:a.txt"] == before["evaluation:a.txt"]
    assert after["evaluation:mine"] != before["evaluation:mine"]
    assert evaluation_digests(CleanConfig(), tmp_path) == {}
