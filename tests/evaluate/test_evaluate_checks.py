"""Answers and files that can be read but do not fit: told in both languages, and nothing is said of those that do."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from evaluate_asked import Said, evaluate, write
from sklearn.metrics import log_loss

Rows = list[dict[str, Any]]
ROWS: Rows = [{"text": f"text number {number}", "label": "ab"[number % 2]} for number in range(20)]


def told(rows: Rows, answers: Rows, folder: Path, language: str = "en", *more: str) -> Said:
    truth, given = write(folder / "truth.jsonl", rows), write(folder / "given.jsonl", answers)
    return evaluate(given, "--on", truth, *more, language=language, folder=folder)


def keys(said: Said) -> set[str]:
    """The notes by the last part of their key, without those of intervals and of language rules."""
    assert said.status == 0, said.told
    return {note["key"].rpartition(".")[2] for note in said.last["notes"]} - {"items", "translation"}


def shares(*tables: dict[str, float]) -> Rows:
    """The right class of each row, with probabilities (given again and again)."""
    return [{"predicted": row["label"], "probabilities": tables[place % len(tables)]} for place, row in enumerate(ROWS)]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("table", "english", "chinese"),
    [
        ({"a": 95.0, "b": 5.0}, "not per cent, not logits", "不是百分数"),
        ({"a": -2.3, "b": 0.3}, "not per cent, not logits", "也不是 logits"),
        ({"a": 0.9, "b": 0.9}, "at most 1 together", "合计不超过 1"),
        ({"neg": 0.3, "pos": 0.7}, "They are of neg, pos; the classes are a, b.", "概率的名称为 neg, pos；类别为 a, b"),
    ],
)
def test_what_is_no_probability(table: dict[str, float], english: str, chinese: str, language: str, tmp_path: Path) -> None:
    said = told(ROWS, shares(table), tmp_path, language)
    assert said.status == 1
    assert (english if language == "en" else chinese) in said.told


def test_probabilities_that_fit_say_nothing(tmp_path: Path) -> None:
    """Rounded ones too, and one class as likely as the other."""
    for tables in ([{"a": 0.91, "b": 0.1}, {"a": 0.004, "b": 0.99}], [{"a": 0.5, "b": 0.5}], [{"a": 1, "b": 0}, {"b": 1}]):
        said = told(ROWS, shares(*tables), tmp_path)
        assert keys(said) == {"columns", "column"}
        table = [[tables[place % len(tables)].get(name, 0) for name in "ab"] for place in range(20)]
        if all(abs(sum(row) - 1) < 1e-9 for row in table):
            expected = log_loss([row["label"] for row in ROWS], table, labels=["a", "b"])
            assert said.value("given", "log_loss") == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("tables", "key", "english", "chinese"),
    [
        ([{"a": 0.1, "b": 0.9}, {"a": 0.9, "b": 0.1}], "other-likeliest", "in 20 of 20 rows its", "20 行中有 20 行，概率"),
        ([{"a": 0.9, "b": 0.1}], "other-likeliest", "in 10 of 20 rows its likeliest", "20 行中有 10 行，概率最大"),
        ([{"a": 0.8}, {"b": 0.8}], "part-shares", "of 20 of 20 rows are less than 1", "20 行的概率合计不足 1"),
        (
            [{"a": 0.7, "b": 0.1, "c": 0.2}, {"b": 1.0}], "strange-shares",
            "10 rows have probabilities of what is no class of the data (c)", "10 行含有数据中没有的类别的概率（c）",
        ),
    ],
)  # fmt: skip
def test_probabilities_that_fit_in_part(
    tables: list[dict[str, float]], key: str, english: str, chinese: str, language: str, tmp_path: Path
) -> None:
    said = told(ROWS, shares(*tables), tmp_path, language)
    assert keys(said) == {"columns", "column", key}
    assert (english if language == "en" else chinese) in said.told


TAGGED: Rows = [
    {"tokens": [f"John{number}", "lives", "in", "Paris"], "tags": ["B-PER", "O", "O", "S_LOC"]} for number in range(9)
]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("tags", "key", "english", "chinese"),
    [
        (["O", "B-PER", "O", "O", "S-LOC", "O"], "other-length", "9 of 9 rows have more or fewer tags", "给出 6 个，应为 4 个"),
        (["B-PER", "O"], "other-length", "truth.jsonl:1, 2 for 4)", "9 行中有 9 行的标注数与标准答案不等"),
        (["PER", "O", "O", "LOC"], "given-no-prefix", "18 of its 36 tags have no prefix", "36 个标注中有 18 个没有"),
    ],
)
def test_tags_that_do_not_fit(tags: list[str], key: str, english: str, chinese: str, language: str, tmp_path: Path) -> None:
    said = told(TAGGED, [{"predicted": tags}] * 9, tmp_path, language)
    assert keys(said) == {"columns", "column", key}
    assert (english if language == "en" else chinese) in said.told
    assert keys(told(TAGGED, [{"predicted": ["B-PER", "I-PER", "O", "E"]}] * 9, tmp_path)) == {"columns", "column"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_tags_of_words_are_no_entities(language: str, tmp_path: Path) -> None:
    rows: Rows = [{"tokens": [f"dog{number}", "runs", "."], "tags": ["NOUN", "VERB"]} for number in range(5)]
    said = told(rows, [{"predicted": ["NOUN", "NOUN"]}] * 5, tmp_path, language)
    assert keys(said) == {"columns", "column", "no-prefix", "uneven-tags"}
    assert ("10 of 10 tags have no prefix" if language == "en" else "10 个标注中有 10 个没有") in said.told
    assert (
        "In 5 of 5 rows there are more or fewer tags" if language == "en" else "5 行中有 5 行的标注数与词数不等"
    ) in said.told


@pytest.mark.parametrize("language", ["en", "zh"])
def test_words_of_other_characters(language: str, tmp_path: Path) -> None:
    rows: Rows = [{"words": ["我们", "喜欢", "ＡＢＣ", f"{number}部", "电影"]} for number in range(6)]
    other = [{"predicted": ["我们", "喜欢", "ABC", f"{number}部", "电影"]} for number in range(4)]
    other += [{"predicted": ["我们", "喜欢", "ＡＢＣ", f" {number}部", "电影"]} for number in (4,)] + [{"predicted": ["我们"]}]
    said = told(rows, other, tmp_path, language)
    assert keys(said) == {"truth", "column", "other-form"}
    if language == "en":
        assert "the words of 5 of 6 rows are of other characters" in said.told
        assert "In 4 of them only the form of characters differs" in said.told
    else:
        assert "6 行中有 5 行的词与原文字符不同" in said.told
        assert "其中 4 行只是字符形式不同" in said.told
    assert keys(told(rows, [{"predicted": row["words"]} for row in rows], tmp_path)) == {"truth", "column"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_rows_that_stand_twice(language: str, tmp_path: Path) -> None:
    rows = [*ROWS, {"text": " Text number 3!", "label": "b"}, {"text": "text number 4", "label": "b"}]
    said = told(rows, [{"predicted": row["label"]} for row in rows], tmp_path, language)
    assert keys(said) == {"columns", "column", "contradicted"}
    if language == "en":
        assert "2 of 22 rows repeat the text of an earlier one" in said.told
        assert "1 of them have another right answer" in said.told
    else:
        assert "22 行中有 2 行的文本与前面某行相同" in said.told
        assert "其中 1 行的标准答案与前面那行不同" in said.told
    same = told(rows[:-1], [{"predicted": row["label"]} for row in rows[:-1]], tmp_path, language)
    assert keys(same) == {"columns", "column", "repeats"}
    assert keys(told(ROWS, [{"predicted": "a"}] * 20, tmp_path)) == {"columns", "column"}


def test_a_text_may_have_several_translations(tmp_path: Path) -> None:
    rows: Rows = [{"source": "the same", "reference": f"das Gleiche {number}"} for number in range(3)]
    assert keys(told(rows, [{"predicted": "x"}] * 3, tmp_path)) == {"columns", "column", "repeats"}


def test_two_texts_repeat_only_together(tmp_path: Path) -> None:
    rows: Rows = [
        {"premise": "A man sleeps.", "hypothesis": f"He is {number}.", "label": "ab"[number % 2]} for number in range(20)
    ]
    given = [{"predicted": row["label"]} for row in rows]
    assert keys(told(rows, given, tmp_path)) == {"columns", "column"}
    assert keys(told([*rows, rows[0]], [*given, given[0]], tmp_path)) == {"columns", "column", "repeats"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_references_that_are_not_there_and_labels_that_are_texts(language: str, tmp_path: Path) -> None:
    rows: Rows = [{"source": f"s {number}", "reference": f"the big house {number}" if number else ""} for number in range(20)]
    said = told(rows, [{"predicted": row["reference"]} for row in rows], tmp_path, language)
    assert keys(said) == {"columns", "column", "no-reference"}
    assert ("1 of 20 rows have no reference" if language == "en" else "20 行中有 1 行没有参考文本") in said.told
    rows = [{"input": f"make {number}", "target": f"it is {number}"} for number in range(20)]
    said = told(rows, [{"predicted": row["target"]} for row in rows], tmp_path, language)
    assert keys(said) == {"truth", "column", "many-classes"}
    assert ("has 20 different labels in 20 rows" if language == "en" else "在 20 行中有 20 种标签") in said.told


DICE = random.Random(1)
MIXED: Rows = [
    {"text": f"text number {number}", "label": DICE.choice("ab"), "source": DICE.choice(["web", "book"])}
    for number in range(60)
]


def kept(rows: Rows, **changed: Any) -> Rows:
    """Predictions, all right, that keep the text of their rows."""
    return [{"text": row["text"], "predicted": row["label"], **changed} for row in rows]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_predictions_in_another_order_are_matched_by_the_text_that_they_keep(language: str, tmp_path: Path) -> None:
    other = kept(MIXED)
    random.Random(2).shuffle(other)
    said = told(MIXED, other, tmp_path, language)
    assert said.value("given", "accuracy") == 1
    assert keys(said) == {"columns", "column", "joined"}
    assert ("matched by text" if language == "en" else "已按 text 对应") in said.told


def test_texts_that_stand_twice_are_matched_in_their_order(tmp_path: Path) -> None:
    rows = [*MIXED, {**MIXED[0], "label": "b" if MIXED[0]["label"] == "a" else "a"}]
    other = kept(rows)
    other[3], other[4] = other[4], other[3]
    assert told(rows, other, tmp_path).value("given", "accuracy") == 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_predictions_of_other_rows(language: str, tmp_path: Path) -> None:
    other = [{**row, "text": f"quite another text, {number}"} for number, row in enumerate(kept(MIXED))]
    said = told(MIXED, other, tmp_path, language)
    assert said.status == 1
    assert '"quite another text, 0"' in said.told or "“quite another text, 0”" in said.told
    assert ("in 60 of 60 rows text is not the file's" if language == "en" else "60 行中有 60 行的 text 与文件不同") in said.told
    some = [other[number] if number < 7 else row for number, row in enumerate(kept(MIXED))]
    said = told(MIXED, some, tmp_path, language)
    assert keys(said) == {"columns", "column", "other-rows"}
    assert ("in 7 of 60 rows text is another" if language == "en" else "60 行中有 7 行的 text 与文件不同") in said.told


def test_texts_that_were_tidied_or_cut_short_are_the_same(tmp_path: Path) -> None:
    rows = [{**row, "text": f"{row['text']}, and so on until the end of a long sentence"} for row in MIXED]
    for form in (str.upper, lambda text: f" {text}.  ", lambda text: text[:60]):
        other = [{"text": form(row["text"]), "predicted": row["label"]} for row in rows]
        assert keys(told(rows, other, tmp_path)) == {"columns", "column"}


def test_a_column_that_only_has_the_name_of_an_input(tmp_path: Path) -> None:
    """The name of a system in `source`; answers in a column `text`; and an id is all that counts where both have one."""
    rows: Rows = [{"source": f"s {number}", "reference": f"the big house {number}"} for number in range(20)]
    said = told(rows, [{"source": "our-system", "predicted": row["reference"]} for row in rows], tmp_path)
    assert keys(said) == {"columns", "column"}
    said = told(MIXED, [{"text": row["label"]} for row in MIXED], tmp_path)
    assert said.value("given", "accuracy") == 1
    ids = [{"id": number, **row} for number, row in enumerate(MIXED)]
    other = [{"id": row["id"], "text": "lost", "predicted": row["label"]} for row in reversed(ids)]
    assert told(ids, other, tmp_path).value("given", "accuracy") == 1
