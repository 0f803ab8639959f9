"""Decontamination against brute force, on text made to collide."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from danlu.clean.overlap import LINE_WEIGHT, WAYS, WINDOW, Finds, find_items, index_items
from danlu.text.buffers import string_buffers
from danlu.text.canonical import canonical
from danlu.text.forms import canonical_forms, digests


def all_finds(forms: list[str], texts: list[str]) -> Finds:
    data, ends = canonical_forms(*string_buffers(texts))
    return find_items(index_items(forms), pa.chunked_array([texts], pa.large_string()), data, ends, digests(data, ends))


def find_owners(items: list[tuple[str, str]], texts: list[str]) -> list[str]:
    """Of each text the owner of the first item that it holds."""
    found = all_finds([form for _, form in items], texts)
    owners = [""] * len(texts)
    for document, item in zip(reversed(found.documents.tolist()), reversed(found.items.tolist()), strict=True):
        owners[document] = items[item][0]
    return owners


def brute_force(items: list[tuple[str, str]], text: str) -> set[str]:
    """All owners of items that the text holds."""
    owners: dict[str, str] = {}
    for name, item in items:
        owners.setdefault(item, name)
    form = canonical(text)
    lines = {canonical(line) for line in text.split("\n")} if "\n" in text else set()
    heavy = {line for line in lines if sum(2 if letter >= "\u2e80" else 1 for letter in line) >= LINE_WEIGHT}
    return {
        name
        for item, name in owners.items()
        if item and (item == form or item in heavy or (len(item) >= WINDOW and item in form))
    }


@pytest.mark.parametrize("alphabet", ["ab", "ab中文"])
def test_finds_what_brute_force_finds(alphabet: str) -> None:
    random.seed(3)

    def letters(size: int) -> str:
        return "".join(random.choices(alphabet, k=size))

    common = letters(60)
    items = [(random.choice("xyz"), letters(random.choice([1, 5, 12, 39, 40, 41, 70]))) for _ in range(150)]
    items += [("c", common + letters(30)) for _ in range(40)] + [("c", letters(30) + common) for _ in range(40)]
    texts = [letters(random.randrange(300)) for _ in range(150)] + [common, ""]
    for _ in range(200):
        item = random.choice(items)[1]
        change = random.random() < 0.3
        item = item[:-1] + ("b" if item[-1] == "a" else "a") if change else item
        texts.append(
            letters(random.randrange(50))
            + random.choice(["", "\n", " "])
            + item
            + random.choice(["", "\n", ", "])
            + letters(30)
        )
    found = all_finds([form for _, form in items], texts)
    hits = 0
    for row, text in enumerate(texts):
        expected = brute_force(items, text)
        assert {items[item][0] for item in found.items[found.documents == row].tolist()} == expected, text
        hits += bool(expected)
    assert 60 < hits < len(texts)


def test_items_are_found_whatever_their_dress() -> None:
    english = "A wonderful little production, filmed with care in the old BBC fashion!"
    chinese = "这本书写得非常好，情节曲折，人物鲜明，我一口气读完，推荐给所有喜欢历史小说的朋友，值得一读再读，留作纪念。"
    items = [("films", canonical(english)), ("books", canonical(chinese)), ("short", canonical("非常好看"))]
    texts = [
        "Before it. A WONDERFUL little<br />production -- filmed with care\nin the old BBC fashion. After it.",
        "前言　" + chinese.replace("，", " ") + "后记",
        "他说：\n《非常好看！》\n就这样。",
        "我觉得非常好看，真的",
        "A wonderful little production, filmed without care in the old BBC fashion!",
    ]
    assert find_owners(items, texts) == ["films", "books", "short", "", ""]


def test_short_line_costs_no_book_its_place_but_equality_does() -> None:
    items = [("d", canonical("Yes.")), ("d", canonical("不错"))]
    texts = ["Yes.", "She asked.\nYes.\nHe left.", "不错！", "他问。\n不错。\n走了。"]
    assert find_owners(items, texts) == ["d", "", "d", ""]


def test_long_lines_of_marks_are_looked_at_whole() -> None:
    items = [("d", canonical("goodbye world"))]
    texts = ["first\n" + "-" * 500 + "good" + "." * 500 + "bye world\nlast", "first\n" + "<b>" * 100 + "goodbye world\nlast"]
    assert find_owners(items, texts) == ["d", "d"]


def test_finds_are_ordered_by_how_sure_they_are() -> None:
    long = "In the evening they made a fire and told each other what they had seen on the river that day."
    forms = [canonical("They sat down quietly."), canonical(long), canonical(long[20:])]
    found = all_finds(forms, ["Nothing of it.", long, f"First.\nThey sat down quietly.\nThen: {long}"])
    told = [(document, item, WAYS[way]) for document, item, way, _ in zip(*(c.tolist() for c in found), strict=True)]
    assert told == [
        (1, 1, "equal"), (1, 1, "contained"), (1, 2, "contained"),
        (2, 0, "line"), (2, 1, "contained"), (2, 2, "contained"),
    ]  # fmt: skip


def test_nothing_held_out_finds_nothing() -> None:
    items = [("d", "")]
    assert find_owners(items, ["", "x\ny", "z" * 100]) == ["", "", ""]
