from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import danlu
from danlu.cli.use import short_names

RECIPES = Path(__file__).parents[2] / "recipes"
HEAVY = ("torch", "transformers", "numpy", "numba", "pyarrow", "sklearn")


def command(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "danlu", *arguments], capture_output=True, text=True, check=False, cwd=cwd, env=dict(os.environ)
    )


@pytest.mark.parametrize("arguments", [["--help"], ["plan", str(RECIPES / "python-docs.yaml")], ["status"]])
def test_looking_imports_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    script = (
        "import sys\nfrom danlu.cli.app import commands\nsys.argv = ['danlu', *sys.argv[1:]]\n"
        "try:\n    commands()\nexcept SystemExit as error:\n    assert not error.code, error.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_importing_the_package_imports_nothing_heavy() -> None:
    script = f"import sys, danlu; danlu.run; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_version() -> None:
    assert command("--version").stdout.strip() == f"danlu {danlu.__version__}"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["run", "none.yaml"], 2, "no such recipe"),
        (["run", str(RECIPES / "python-docs.yaml"), "--set", "clean.prset=none"], 2, "preset"),
        (["plan", str(RECIPES / "python-docs.yaml"), "--set", "seed=many"], 2, "seed"),
        (["plan", str(RECIPES / "python-docs.yaml"), "--until", "nowhere"], 2, "clean.decide"),
        (["status", "nothing"], 1, "danlu run RECIPE"),
        (["show", "nothing"], 1, "danlu status"),
        (["predict", "nothing", "-"], 1, "no model 'nothing'"),
        (["predict", "nothing", "-", "--precision", "fp16"], 2, "--precision bf16"),
        (["collect", "no-such-file.txt"], 1, "no-such-file.txt"),
        (["collect", "no-such-file.txt", "--set", "collect.sources.0.format=docx"], 2, "format"),
    ],
)
def test_errors_say_what_to_do_and_never_show_a_traceback(
    arguments: list[str], status: int, words: str, tmp_path: Path
) -> None:
    done = command("--lang", "en", *arguments, cwd=tmp_path)
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert "try:" in done.stderr
    assert "Traceback" not in done.stderr
    chinese = command("--lang", "zh", *arguments, cwd=tmp_path)
    assert "对策：" in chinese.stderr
    assert chinese.returncode == status


@pytest.mark.parametrize(
    ("arguments", "where", "words"),
    [
        (["pretrain", ".", "--size", "huge"], "--size huge", "nano"),
        (["pretrain", ".", "--family", "t5"], "--family t5", "bert"),
        (["pretrain", ".", "--budget", "1 stp"], "--budget 1 stp", "500 steps"),
        (["pretrain", ".", "--budget", "0.5 steps"], "--budget 0.5 steps", "whole"),
        (["finetune", "--data", "rows.csv", "--from", "x/y", "--budget", "soon"], "--budget soon", "500 steps"),
    ],
)
def test_a_wrong_option_is_told_by_its_own_name(arguments: list[str], where: str, words: str, tmp_path: Path) -> None:
    done = command("--lang", "en", *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert f"where: {where}\n" in done.stderr
    assert words in done.stderr
    assert "in the recipe" not in done.stderr
    assert f"try:   Give {where.split()[0]} another value." in done.stderr


def test_empty_workspace_says_how_to_begin(tmp_path: Path) -> None:
    assert "danlu run" in command("--lang", "en", "status", cwd=tmp_path).stderr


def test_plan_as_json(tmp_path: Path) -> None:
    done = command("plan", str(RECIPES / "python-docs.yaml"), "--json", cwd=tmp_path)
    plan = json.loads(done.stdout.splitlines()[-1])
    assert plan["recipe"] == "python-docs"
    states = {node["name"]: node["state"] for node in plan["nodes"]}
    assert states["dataset.modules"] == "runs"
    assert states["evaluate.models"] == "waits"
    assert not (tmp_path / ".danlu").exists()  # a plan leaves nothing behind


def test_directories_with_the_same_last_part_are_served_under_longer_names(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "model" for folder in ("a", "b")]
    for path in paths:
        path.mkdir(parents=True)
    assert short_names([str(path) for path in paths]) == ["a/model", "b/model"]
    assert short_names([str(paths[0]), "sentiment"]) == ["model", "sentiment"]
    assert short_names(["run/sentiment", "sentiment"]) == ["run/sentiment", "sentiment"]
