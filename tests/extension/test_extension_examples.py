"""The worked examples of docs/extending.md, through the command a user types, with smaller budgets."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from commands import danlu as command
from commands import last_line

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "extending"
LESS = (
    "pretrain.bert.budget=4 steps", "finetune.moods.budget=8 steps", "tokenize.vocabulary=600", "evaluate.resamples=100",
    "evaluate.leak=false", "evaluate.samples=0",
)  # fmt: skip


def danlu(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """The command as a user types it."""
    return command("--lang", "en", *arguments, check=check)


def less() -> list[str]:
    return [part for change in LESS for part in ("--set", change)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A copy of the examples, run once in a workspace beside it."""
    folder = tmp_path_factory.mktemp("examples") / "extending"
    shutil.copytree(EXAMPLES, folder)
    run = danlu("run", folder / "recipe.yaml", "--workspace", folder / "w", "--json", *less())
    return folder, last_line(run)


def part(finished: tuple[Path, dict[str, Any]], node: str, file: str) -> Any:
    return json.loads((Path(finished[1]["artifacts"][node]) / file).read_text(encoding="utf-8"))


def test_the_source_reads_the_logs_and_says_what_it_could_not(finished: tuple[Path, dict[str, Any]]) -> None:
    facts = part(finished, "dataset.moods", "facts.json")
    assert set(facts["labels"]) == {"complaint", "question", "thanks"}
    assert facts["quarantine"] == {"custom": 2}
    assert set(facts["by_language"]) == {"en", "zh-Hans"}
    assert part(finished, "collect", "card.json")["documents"] > 400


def test_the_rule_takes_out_what_shouts(finished: tuple[Path, dict[str, Any]]) -> None:
    decided = part(finished, "clean.decide", "facts.json")
    assert decided["reasons"]["shouting:exclamations"]["documents"] == 3
    scores = pq.read_table(Path(finished[1]["artifacts"]["clean.score"]) / "scores.parquet")
    assert max(scores["shouting:exclamations"].to_pylist()) > 0.4


def test_the_objective_and_the_task_are_those_of_the_files(finished: tuple[Path, dict[str, Any]]) -> None:
    pretrained = part(finished, "pretrain.bert", "facts.json")
    assert (pretrained["objective"], pretrained["own_objective"]) == ("mlm", "masking:whole_words")
    assert pretrained["validation_loss"] > 0
    assert part(finished, "finetune.moods", "facts.json")["task"] == "focal-classification"


def test_the_metric_stands_beside_the_others_and_on_the_page(finished: tuple[Path, dict[str, Any]]) -> None:
    for node, models in (("evaluate.baselines", {"majority", "tfidf"}), ("evaluate.models", {"moods"})):
        mine = [n for n in part(finished, node, "evaluation.json")["numbers"] if n["metric"] == "balance:balanced_accuracy"]
        assert {number["model"] for number in mine} == models
        drawn = [number for number in mine if number["interval"]]  # majority answers one class: no resample differs
        assert all(number["interval"][0] <= number["value"] <= number["interval"][1] for number in drawn)
    page = " ".join(Path(finished[1]["report"]).read_text(encoding="utf-8").split())  # lines are wrapped there
    for words in ("Balanced accuracy", "a rare class counts as much as a frequent one", "Shouting"):
        assert words in page


def test_a_changed_line_runs_only_what_uses_it_again(finished: tuple[Path, dict[str, Any]]) -> None:
    folder = finished[0]

    def waiting() -> set[str]:
        plan = last_line(danlu("plan", folder / "recipe.yaml", "--workspace", folder / "w", "--json", *less()))
        return {node["name"] for node in plan["nodes"] if node["state"] != "cached"}

    pieces = (folder / "pieces.py").read_text(encoding="utf-8")
    (folder / "pieces.py").write_text(f"{pieces}# changed\n", encoding="utf-8")
    assert waiting() == {"pretrain.bert.trunk", "pretrain.bert", "finetune.moods", "evaluate.models"}
    (folder / "pieces.py").write_text(pieces, encoding="utf-8")
    assert waiting() == set()


def test_an_error_in_a_file_is_said_with_its_line(finished: tuple[Path, dict[str, Any]]) -> None:
    folder = finished[0]  # the last test that looks at it
    broken = folder / "chats.py"
    broken.write_text(broken.read_text(encoding="utf-8").replace("found is None", "found.is_none"), encoding="utf-8")
    line = next(n for n, text in enumerate(broken.read_text(encoding="utf-8").splitlines(), 1) if "is_none" in text)
    done = danlu("run", folder / "recipe.yaml", "--workspace", folder / "w", "--until", "dataset", *less(), check=False)
    assert done.returncode == 1
    assert f"chats.py:{line}" in done.stderr
    assert "is_none" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("page", ["extending.md", "extending.zh.md"])
def test_the_pages_show_the_files_as_they_are(page: str) -> None:
    """Each block of code on the page stands in the example it names, or is a recipe that can be read."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    shown = re.findall(r"`examples/extending/(\w+\.py)`[^`]*```python\n(.+?)```", text, re.DOTALL)
    assert {name for name, _ in shown} == {"chats.py", "shouting.py", "masking.py", "focal.py", "balance.py"}
    for name, code in shown:
        source = (EXAMPLES / name).read_text(encoding="utf-8")
        for block in code.split("\n...\n"):
            assert block.strip("\n") in source, f"{page}: {name}"
    for block in re.findall(r"```yaml\n(.+?)```", text, re.DOTALL):
        yaml.safe_load(block)
