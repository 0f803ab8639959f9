"""The commands that `docs/tokenize.md` and its Chinese twin print work as printed, and both pages say the same."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from commands import bash

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("tokenize.md", "tokenize.zh.md")


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_commands_and_examples(tmp_path: Path) -> None:
    """Of one page: they are the same on both."""
    if find_spec("gguf") is None:
        pytest.skip("gguf, of the extra `export`, is not installed")
    script = "\n".join(blocks(PAGES[0], "sh"))
    done = bash(script, tmp_path)
    assert done.returncode == 0, done.stderr
    for made in ("compared.html", "tokenizer.gguf", "tokens-megatron/train.bin", "out/train.ds", "rows/train.arrow"):
        assert (tmp_path / made).stat().st_size > 10_000
    old = AutoTokenizer.from_pretrained(next((tmp_path / ".danlu/artifacts").glob("tokenize.train-*")))
    assert len(AutoTokenizer.from_pretrained(tmp_path / "more")) == len(old) + 300
    shown = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
        for code in blocks(PAGES[0], "python")
    ]
    assert "statement" in shown[0]
    assert int(shown[1]) > 50_000


def test_both_languages_say_the_same() -> None:
    """The same headings, blocks, lists and tables in the same places, and the same commands."""
    texts = [(DOCS / page).read_text(encoding="utf-8") for page in PAGES]
    shapes = [[line[:3] for line in text.splitlines() if line.startswith(("#", "```", "|", "- "))] for text in texts]
    assert [line[0] for line in shapes[0]] == [line[0] for line in shapes[1]]
    assert len(blocks(PAGES[0], "sh")) == len(blocks(PAGES[1], "sh")) > 3
    for kind in ("sh", "python"):
        bare = [[re.sub(r" +#.*", "", code) for code in blocks(page, kind)] for page in PAGES]
        assert bare[0] == bare[1]
