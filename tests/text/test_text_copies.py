"""Copies of short texts in long ones, against a search that compares everything."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from danlu.text.canonical import canonical
from danlu.text.copies import FEWEST, SIZES, THRESHOLD, Reach, find_copies, reach

HAN = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多"
    "定行学法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因"
    "由其"
)
LETTERS = "etaoinshrdlucmfwyp"
ALPHABET = {"alphabet": LETTERS, "alone": HAN}


def slow(items: Sequence[str], documents: Sequence[str], size: int, threshold: float) -> dict[int, tuple[float, bool]]:
    """For each item the best over every place where it could begin: the same definition, nothing left out."""
    found: dict[int, tuple[float, bool]] = {}
    for number, item in enumerate(items):
        mine = {item[place : place + size] for place in range(len(item) - size + 1)}
        for document in documents:
            if item and (item == document or (mine and item in document)):
                found[number] = (1.0, True)
                break
            if len(mine) < FEWEST:
                continue
            half = len(item) // 2
            for start in range(-len(item), len(document) + len(item)):
                stretch = document[max(0, start - half) : max(0, start + len(item) + half)]
                runs = {stretch[place : place + size] for place in range(len(stretch) - size + 1)}
                share = len(mine & runs) / len(mine)
                if share >= threshold - 1e-9 and share > found.get(number, (0.0, False))[0]:
                    found[number] = (share, False)
    return found


def changed(text: str, letters: str, dice: random.Random) -> str:
    """A copy with some letters replaced, dropped or put in, and something around it."""
    rate = dice.choice([0.0, 0.015, 0.015, 0.03, 0.08])
    kept = "".join(dice.choice(letters) if dice.random() < rate else letter for letter in text if dice.random() >= rate / 2)
    around = ["".join(dice.choices(letters, k=dice.randint(0, 30))) for _ in range(2)]
    return around[0] + kept + around[1]


@pytest.mark.parametrize("kind", SIZES)
def test_nothing_is_missed_and_nothing_is_made_up(kind: str) -> None:
    dice, letters = random.Random(5), ALPHABET[kind]
    items = ["".join(dice.choices(letters, k=dice.randint(1, 75))) for _ in range(60)]
    items += [items[20][:-1] + letters[0], items[21] * 2, "", letters[0] * 30]  # near each other, repeated, empty, one letter
    documents = [changed(item, letters, dice) for item in dice.choices(items, k=60)]
    documents += ["".join(dice.choices(letters, k=150)) for _ in range(5)] + [items[3], ""]
    documents.append(changed(items[5], letters, dice) + changed(items[6], letters, dice))
    expected = slow(items, documents, SIZES[kind], THRESHOLD)
    found = find_copies(items, lambda: documents)
    assert sum(exact for _, exact in expected.values()) > 10
    assert sum(not exact for _, exact in expected.values()) > 3
    assert {copy.item: copy.exact for copy in found} == {item: exact for item, (_, exact) in expected.items()}
    for copy in found:
        # Of all places only those are tried where a rare run stands: one of them reaches the threshold if any does.
        assert THRESHOLD - 1e-9 <= copy.similarity <= expected[copy.item][0] + 1e-9
        if copy.exact:
            assert items[copy.item] in documents[copy.document]


@pytest.mark.parametrize(
    ("item", "how"),
    [
        ("股市大涨三个点", Reach.WITHIN), ("好片推荐", Reach.WITHIN), ("好看", Reach.WHOLE), ("", Reach.WHOLE),
        ("股市大涨三个点收盘了吗", Reach.NEAR), ("股市大涨三个点收盘了", Reach.WITHIN), ("goodfilms", Reach.WHOLE),
        ("goodfilmseen", Reach.WITHIN), ("agoodfilmseentw", Reach.WITHIN), ("agoodfilmseentwic", Reach.NEAR),
        ("a" * 40, Reach.WITHIN),
    ],
)  # fmt: skip
def test_how_a_short_text_is_found(item: str, how: Reach) -> None:
    """As it is within a document if it has a run; not if a letter of it is another; and by itself always."""
    assert reach(item) is how
    documents = ["别的内容" * 9, f"新闻{item}其他内容", "other words"]
    within = [(copy.document, copy.exact) for copy in find_copies([item], lambda: documents)]
    assert within == ([] if how is Reach.WHOLE else [(1, True)])
    if how is Reach.WITHIN and len(set(item)) > 1:
        assert not find_copies([item], lambda: [f"新闻{item[:2]}呀{item[3:]}其他内容"])
    if item:
        assert [copy.exact for copy in find_copies([item], lambda: [item])] == [True]


HOTEL = "这家酒店的早餐非常丰富，服务员的态度也很好，下次还会再来住。"
FURNACE = "The furnace burns day and night, and the old man tends the fire."


@pytest.mark.parametrize(
    ("item", "document", "exact"),
    [
        (HOTEL, "点评：这家酒店的早餐非常丰富,服务员的态度也很好,下次还会再来住！(转)", True),
        (HOTEL, "这家酒店的早餐十分丰富，服务员的态度也很好，下次还会再来住。", False),
        (FURNACE, "x the FURNACE burns day and night and the old man tends the fire y", True),
        (FURNACE, "The furnace burns day and night, but the old man tends the fire.", False),
    ],
)
def test_both_languages(item: str, document: str, exact: bool) -> None:
    others = ["今天天气很好，我们一起去公园里散步吧。", "A quick brown fox jumps over the lazy dog again and again."]
    (found,) = find_copies([canonical(item)], lambda: [canonical(text) for text in (*others, document)])
    assert (found.document, found.exact) == (2, exact)
    assert find_copies([canonical(item)], lambda: [canonical(text) for text in others]) == []


def test_documents_are_numbered_over_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("danlu.text.copies._BATCH", 50)
    dice = random.Random(1)
    documents = ["".join(dice.choices(HAN, k=30)) for _ in range(40)]
    found = find_copies([documents[33][5:25], documents[2]], lambda: documents)
    assert [(copy.item, copy.document, copy.exact) for copy in found] == [(0, 33, True), (1, 2, True)]
