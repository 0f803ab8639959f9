"""`danlu schema`, and `--variant` as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "transformers", "numpy", "numba", "pyarrow", "sklearn")
RECIPE = """
name: small
collect: {sources: [{type: files, path: texts}]}
tokenize: {vocabulary: 600}
variants:
  tight: {clean: {preset: none}, tokenize: {vocabulary: 512}}
"""


def danlu(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "danlu", *arguments], capture_output=True, text=True, check=False, cwd=cwd)


def made(folder: Path) -> Path:
    (folder / "texts").mkdir(parents=True)
    (folder / "texts" / "a.txt").write_text("A text of some words, which says nothing.\n", encoding="utf-8")
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    return folder / "recipe.yaml"


def test_schema_prints_json_schema(tmp_path: Path) -> None:
    done = danlu("schema", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    schema = json.loads(done.stdout)
    assert set(schema["$defs"]["Recipe"]["properties"]) >= {"name", "collect", "pretrain", "extends", "variants"}
    line = danlu("schema", "--json", cwd=tmp_path).stdout
    assert line.count("\n") == 1
    assert json.loads(line) == schema
    assert list(tmp_path.iterdir()) == []


def test_schema_speaks_the_language_of_its_user(tmp_path: Path) -> None:
    def said(*before: str, locale: str) -> str:
        line = [sys.executable, "-m", "danlu", *before, "schema"]
        done = subprocess.run(
            line, capture_output=True, text=True, check=True, cwd=tmp_path, env={**os.environ, "LC_ALL": locale}
        )
        return str(json.loads(done.stdout)["$defs"]["Recipe"]["properties"]["tokenize"]["description"])

    assert said(locale="C.UTF-8") == said("--lang", "en", locale="zh_CN.UTF-8") == "The tokenizer."
    assert said(locale="zh_CN.UTF-8") == said("--lang", "zh", locale="C.UTF-8") == "分词器。"


def test_schema_imports_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom danlu.cli.app import commands\nsys.argv = ['danlu', 'schema', '--json']\n"
        "try:\n    commands()\nexcept SystemExit as error:\n    assert not error.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout.strip().splitlines()[-1] == "[]", done.stderr


def test_plan_and_run_take_variants(tmp_path: Path) -> None:
    recipe = made(tmp_path / "mine")
    tight = json.loads(danlu("plan", str(recipe), "--variant", "tight", "--json", cwd=tmp_path).stdout.splitlines()[-1])
    assert tight["recipe"] == "small-tight"
    why = json.loads(danlu("why", str(recipe), "--variant", "tight", "--json", cwd=tmp_path).stdout.splitlines()[-1])
    assert why["recipe"] == "small-tight"
    done = danlu("run", str(recipe), "--variant", "tight", "--until", "collect", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    kept = tmp_path / ".danlu" / "runs" / "small-tight" / "recipe.yaml"
    assert "vocabulary: 512" in kept.read_text(encoding="utf-8")
    again = json.loads(danlu("plan", str(kept), "--json", cwd=tmp_path).stdout.splitlines()[-1])
    assert {node["name"]: node["state"] for node in again["nodes"]}["collect"] == "cached"  # it runs from anywhere


@pytest.mark.parametrize(("language", "words"), [("en", "Did you mean: tight?"), ("zh", "您要的是否是：tight？")])
def test_a_variant_that_is_not_there(tmp_path: Path, language: str, words: str) -> None:
    done = danlu("--lang", language, "plan", str(made(tmp_path / "mine")), "--variant", "tihgt", "--json", cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "--variant tihgt" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["error"] == "recipe.no-such-variant"


def test_python_takes_variants_too(tmp_path: Path) -> None:
    script = f"import danlu; print(danlu.plan({str(made(tmp_path / 'mine'))!r}, variants=['tight']).loaded.recipe.name)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout.strip() == "small-tight", done.stderr
