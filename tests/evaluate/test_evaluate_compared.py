"""What the command says of many models, few rows, values that are not there, and odd language tags."""

from __future__ import annotations

import random
from itertools import combinations
from pathlib import Path

import pytest
from evaluate_asked import Said, evaluate, write

from danlu.workspace.sentences import say


def told(said: Said, language: str = "en") -> str:
    """The notes and the comparisons in words, one a line."""
    return "\n".join(say(one, language) for one in [*said.last["notes"], *said.last["sentences"]])  # type: ignore[arg-type]


def test_many_models_that_differ_are_told_apart(tmp_path: Path) -> None:
    """Six models from right to noise on rows of three languages: 84 comparisons, of which none was shown, however far apart."""
    dice = random.Random(0)
    rows = [{"source": f"{row}", "reference": f"the {row} old cats of {row * 7}", "language": ("en", "de", "fr")[row % 3]}
            for row in range(90)]  # fmt: skip
    truth = write(tmp_path / "truth.jsonl", rows)
    files = []
    for rank in range(6):
        noisy = ["".join("x" if dice.random() < 0.15 * rank else c for c in str(row["reference"])) for row in rows]
        files.append(write(tmp_path / f"m{rank}.jsonl", [{"predicted": text} for text in noisy]))
    said = evaluate(*files, "--on", truth, "--metric", "chrf", "--margin", "5", folder=tmp_path)
    found = said.last["comparisons"]
    assert found[0]["family"] == len(found) == 84
    verdicts = {(one["a"], one["b"]): one["verdict"] for one in found if not one["slice"]}
    assert {verdicts[f"m{a}", f"m{b}"] for a, b in combinations(range(6), 2)} == {"better"}
    assert "Corrected for 84 comparisons (Holm)." in told(said)
    assert "All 15 statements about the margin of 5.0 points of 100 hold together (intervals by Bonferroni)." in told(said)


def test_what_has_no_value_is_not_called_alike(tmp_path: Path) -> None:
    dice = random.Random(1)
    rows = [{"text": str(row), "score": row + 0.5} for row in range(40)]
    truth = write(tmp_path / "truth.jsonl", rows)
    good = write(tmp_path / "good.jsonl", [{"predicted": row + dice.random()} for row in range(40)])
    other = write(tmp_path / "other.jsonl", [{"predicted": row + 9 * dice.random()} for row in range(40)])
    flat = write(tmp_path / "flat.jsonl", [{"predicted": 1.5} for _ in range(40)])
    said = evaluate(good, other, flat, "--on", truth, "--metric", "spearman", "--margin", "0.1", folder=tmp_path)
    assert "good and flat cannot be compared over all" in told(said)
    assert "No difference" not in told(said)
    assert "Corrected for" not in told(said)  # of three pairs one is known, beside the mean that has no correlation
    assert told(said).count("0.100 of correlation or more") == 1
    assert [one["difference"] is None for one in said.last["comparisons"]].count(False) == 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_five_rows_that_both_have_right_rule_nothing_out(tmp_path: Path, language: str) -> None:
    rows = [{"text": str(row), "label": "ab"[row % 2]} for row in range(5)]
    truth = write(tmp_path / "truth.jsonl", rows)
    a, b = (write(tmp_path / name, [{"predicted": row["label"]} for row in rows]) for name in ("a.jsonl", "b.jsonl"))
    said = evaluate(a, b, "--on", truth, "--margin", "0.02", language=language, folder=tmp_path)
    expected = {"en": "It is not ruled out that a is worse than b", "zh": "不能排除 a 落后于 b 2.0 个百分点或更多"}
    assert expected[language] in told(said, language)
    (macro,) = [one for one in said.last["numbers"] if (one["model"], one["metric"]) == ("a", "f1_macro")]
    assert (macro["value"], macro["interval"]) == (1.0, None)


def test_few_clusters_are_told_of(tmp_path: Path) -> None:
    rows = [{"question": str(row), "answers": ["red"], "doc": row % 3} for row in range(60)]
    truth = write(tmp_path / "truth.jsonl", rows)
    given = write(tmp_path / "given.jsonl", [{"predicted": "red" if row % 4 else ""} for row in range(60)])
    said = evaluate(given, "--on", truth, "--cluster", "doc", folder=tmp_path)
    assert "3 groups of items are few" in told(said)
    assert {one["interval"] for one in said.last["numbers"] if not one["slice"]} == {None}


@pytest.mark.parametrize("tag", ["zh", "zh_CN", "ZH", "zho_Hans", "cmn", "Chinese", "en-zh", "und", ""])
def test_odd_tags_do_not_change_a_score(tmp_path: Path, tag: str) -> None:
    rows = [{"source": f"day {row}", "reference": f"今天是第{row}天，天气很好。", "language": tag} for row in range(12)]
    given = write(tmp_path / "given.jsonl", [{"predicted": f"今天是第{row}天，天气不好。"} for row in range(12)])
    said = evaluate(given, "--on", write(tmp_path / "truth.jsonl", rows), folder=tmp_path)
    assert said.value("given", "bleu") > 40
    assert "zh: zh (12)" in told(said)
    assert ("names no language, or two, in 12 rows" in told(said)) == (tag in ("en-zh", "und", ""))


def test_a_tag_of_the_source_is_warned_of(tmp_path: Path) -> None:
    rows = [{"source": f"day {row}", "reference": f"今天是第{row}天，天气很好。", "language": "en_US"} for row in range(12)]
    given = write(tmp_path / "given.jsonl", [{"predicted": row["reference"]} for row in rows])
    said = evaluate(given, "--on", write(tmp_path / "truth.jsonl", rows), folder=tmp_path)
    assert "The column language says en_US in 12 rows, but their references are written like zh." in told(said)
