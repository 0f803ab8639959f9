"""Comma- and tab-separated files through the command: a quotation mark never swallows a row without a word."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path
from typing import Any

import pytest
from evaluate_asked import Said, evaluate, write

LABELS = ["neg", "pos"]


def measured(content: str, suffix: str, folder: Path, count: int, language: str = "en") -> Said:
    """The rows of a file of `count` alternating labels, answered rightly."""
    truth = folder / f"truth.{suffix}"
    truth.write_text(content, encoding="utf-8", newline="")
    given = write(folder / "given.jsonl", [{"predicted": LABELS[number % 2]} for number in range(count)])
    return evaluate(given, "--on", truth, "--out", folder / "out", language=language, folder=folder)


def lines(separator: str, texts: list[str]) -> str:
    return "".join(
        f"{cells[0]}{separator}{cells[1]}\n"
        for cells in [("label", "text"), *((LABELS[number % 2], text) for number, text in enumerate(texts))]
    )


TEXTS = [f"nice film number {number}" for number in range(40)]
STRAY = [{5: '"Great, he said and left', 25: '"Bad" was what they said'}.get(number, text) for number, text in enumerate(TEXTS)]
CLOSED = [{5: '"Great, he said', 25: 'and left"'}.get(number, text) for number, text in enumerate(TEXTS)]
ALONE = [{5: '"Great, he said and left'}.get(number, text) for number, text in enumerate(TEXTS)]


@pytest.mark.parametrize("texts", [TEXTS, STRAY, CLOSED, ALONE])
def test_a_quotation_mark_in_a_tsv_is_a_letter(texts: list[str], tmp_path: Path) -> None:
    said = measured(lines("\t", texts), "tsv", tmp_path, 40)
    assert said.status == 0, said.told
    assert said.last["rows"] == 40
    assert said.value("given", "accuracy") == 1


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("texts", [STRAY, ALONE])
def test_in_a_csv_it_is_an_error_with_its_line(texts: list[str], language: str, tmp_path: Path) -> None:
    said = measured(lines(",", [text.replace(",", ";") for text in texts]), "csv", tmp_path, 40, language)
    assert said.status == 1
    assert ("the row that begins on line 7 do not fit" if language == "en" else "从第 7 行开始的一行，引号不配对") in said.told


def test_a_tsv_of_uneven_lines_loses_no_row(tmp_path: Path) -> None:
    """A line has a tab too many, and quotation marks would run over whole rows: the line is told."""
    content = lines("\t", CLOSED).replace("number 30", 'number "30"\t').replace("nice film number 10", "nice\tfilm")
    said = measured(content, "tsv", tmp_path, 40)
    assert said.status == 1
    assert f"{tmp_path / 'truth.tsv'}" in said.told
    assert said.last["parameters"]["line"] == 12


@pytest.mark.parametrize(("suffix", "separator"), [("csv", ","), ("tsv", "\t")])
def test_what_python_writes_is_read_as_it_was(suffix: str, separator: str, tmp_path: Path) -> None:
    """Quotation marks, separators and ends of lines in cells, as `csv` (and pandas) write them; not tabs beside ends of lines,
    which may as well be several rows of a TSV."""
    dice = random.Random(3)
    parts = ["word", '"', '""', "'", ",", "\n", "  ", "好", "[1]"]
    texts = ["x" + "".join(dice.choices(parts, k=9)) for _ in range(58)] + [f"x{separator}y", f'"{separator}"']
    rows: list[dict[str, Any]] = [{"text": text, "label": LABELS[number % 2]} for number, text in enumerate(texts)]
    stream = io.StringIO()
    table = csv.DictWriter(stream, ["text", "label"], delimiter=separator)
    table.writeheader()
    table.writerows(rows)
    said = measured(stream.getvalue(), suffix, tmp_path, 60)
    assert said.status == 0, said.told
    assert said.value("given", "accuracy") == 1
    seen = write(tmp_path / "all.jsonl", rows)
    again = evaluate(tmp_path / "given.jsonl", "--on", tmp_path / f"truth.{suffix}", "--seen", seen, folder=tmp_path)
    assert again.last["rows"] == 60


def test_lists_in_the_cells_of_a_tsv(tmp_path: Path) -> None:
    """As `csv` quotes them, and bare."""
    truth = tmp_path / "truth.tsv"
    truth.write_text('tokens\ttags\n"[""a"", ""b""]"\t"[""B-X"", ""O""]"\n["c"]\t["B-Y"]\n', encoding="utf-8")
    given = write(tmp_path / "given.jsonl", [{"predicted": ["B-X", "O"]}, {"predicted": ["B-Y"]}])
    assert evaluate(given, "--on", truth, folder=tmp_path).value("given", "entity_f1") == 1
