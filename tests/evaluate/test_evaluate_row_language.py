"""Rows of several languages in one file that does not say so are scored as if it did; a file of one language as before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from evaluate_asked import Said, evaluate, write

from danlu.evaluate.row_language import row_languages

Rows = list[dict[str, Any]]
ENGLISH: Rows = [
    {"question": f"Who wrote book {number}?", "context": f"Book {number} is by John Smith.", "answers": ["the John Smith"]}
    for number in range(40)
]
CHINESE: Rows = [
    {"question": f"第{number}本书是谁写的？", "context": f"第{number}本书是著名作家鲁迅先生写的。", "answers": ["鲁迅先生"]}
    for number in range(25)
]


def both(rows: Rows, answers: list[str], tags: list[str], folder: Path) -> tuple[Said, Said]:
    """Measured without and with a column `language`."""
    given = write(folder / "given.jsonl", [{"predicted": answer} for answer in answers])
    tagged = [{**row, "language": tag} for row, tag in zip(rows, tags, strict=True)]
    return tuple(  # type: ignore[return-value]
        evaluate(given, "--on", write(folder / f"{name}.jsonl", part), folder=folder)
        for name, part in (("bare", rows), ("tagged", tagged))
    )


def values(said: Said) -> dict[tuple[str, str], float]:
    return {(one["model"], one["metric"]): one["value"] for one in said.last["numbers"] if not one["slice"]}


def test_answers_in_two_languages(tmp_path: Path) -> None:
    rows = [*ENGLISH, *CHINESE]
    answers = ["by John Smith"] * 40 + ["著名作家鲁迅先生"] * 25
    bare, tagged = both(rows, answers, ["en"] * 40 + ["zh"] * 25, tmp_path)
    assert values(bare) == values(tagged)
    assert bare.value("given", "answer_f1", language="zh-Hans") == pytest.approx(2 * 4 / (4 + 8))
    assert "(en 40, zh 25)" in bare.told
    assert "does not say which language" not in tagged.told


def test_translations_into_two_languages(tmp_path: Path) -> None:
    rows: Rows = [
        {"source": f"quelle {number}", "reference": f"the furnace burns day {number} and night"} for number in range(30)
    ]
    rows += [{"source": f"quelle {number}", "reference": f"丹炉里的火烧了{number}天{number}夜"} for number in range(30)]
    answers = [row["reference"].replace("day", "a day").replace("烧了", "烧过了") for row in rows]
    bare, tagged = both(rows, answers, ["en"] * 30 + ["zh"] * 30, tmp_path)
    assert values(bare) == values(tagged)


@pytest.mark.parametrize("tag", ["en", "zh"])
def test_a_file_of_one_language(tag: str, tmp_path: Path) -> None:
    """Names in Latin letters and bare numbers among Chinese answers are Chinese answers."""
    rows = [dict(row) for row in (ENGLISH if tag == "en" else CHINESE)]
    rows[3]["answers"], rows[4]["answers"], rows[5]["answers"] = ["NBA"], ["1066"], []
    answers = ["the NBA 2 John Smith 鲁迅" for _ in rows]
    bare, tagged = both(rows, answers, [tag] * len(rows), tmp_path)
    assert values(bare) == values(tagged)
    assert "does not say which language" not in bare.told


@pytest.mark.parametrize(
    ("truth", "asked", "expected"),
    [
        ([["NBA"], ["北京大学出版社的老师们"]], None, ["zh-Hans", "zh-Hans"]),
        ([["NBA"], ["the great house on the hill"]], None, ["en", "en"]),
        ([["鲁迅"], ["the great house on the hill"]], None, ["zh-Hans", "en"]),
        ([["鲁迅"], ["the house"], ["the old house"]], ["Who wrote it?", "Where?", "Where?"], ["zh-Hans", "en", "en"]),
        ([["東京"], ["それは東京です"]], ["どこですか", "どこですか"], ["ja", "ja"]),
        ([["東京"], ["それは東京です"]], None, ["ja", "ja"]),
        ([["1066"], []], None, ["en", "en"]),
        ([["The Old Man and the Sea"], ["鲁迅"]], ["这本著名小说的英文书名到底是什么？", "谁写的？"], ["zh-Hans", "zh-Hans"]),
        ([["1066"], []], ["哪一年？", "是谁？"], ["zh-Hans", "zh-Hans"]),
    ],
)
def test_what_tells_a_language(truth: list[list[str]], asked: list[str] | None, expected: list[str]) -> None:
    assert row_languages(truth, asked) == expected
